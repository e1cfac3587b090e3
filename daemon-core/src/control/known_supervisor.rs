//! The supervisor of a daemon, as far as it is seen.

use std::fs::File;

use super::daemon_user::DaemonUser;
use super::holder::Holder;
use crate::lock;

/// The supervisor of a daemon.
#[derive(Debug)]
pub(super) enum KnownSupervisor {
    None,
    Seen(Holder),
    /// There is one, and it cannot be identified.
    Unseen,
}

impl KnownSupervisor {
    /// The supervisor of what was found: its parent, or that process itself. In this order: a run may
    /// have any name, also that of a supervisor.
    ///
    /// A run that has ended has no parent any more, so its supervisor is looked for.
    pub(super) fn of(found: &Holder, user: &DaemonUser) -> Self {
        let file = found.file();
        if lock::has_no_supervisor(file) {
            return Self::None;
        }
        let parent = Holder::parent_supervisor(found, user);
        if let Some(supervisor) = parent.or_else(|| Holder::supervisor(file, found.pid())) {
            return Self::Seen(supervisor);
        }
        let is_supervised = lock::is_supervised(file);
        // Without locks on ranges of bytes the file does not tell.
        if !is_supervised && (lock::has_byte_ranges() || !found.has_ended()) {
            return Self::None;
        }
        match Self::visible(file) {
            Some(supervisor) => Self::Seen(supervisor),
            None if is_supervised => Self::Unseen,
            None => Self::None,
        }
    }

    /// The supervisor that is seen to keep this file, whatever the pid in it. Slow.
    pub(super) fn visible(file: &File) -> Option<Holder> {
        Holder::supervisor(file, lock::visible_supervisor(file)?)
    }
}
