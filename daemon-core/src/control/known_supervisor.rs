//! The supervisor of a daemon, as far as it is seen.

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
    pub(super) fn of(found: &Holder, user: &DaemonUser) -> Self {
        let parent = Holder::parent_supervisor(found, user);
        match parent.or_else(|| Holder::supervisor(found.file(), found.pid())) {
            Some(supervisor) => Self::Seen(supervisor),
            None if lock::is_supervised(found.file()) => Self::Unseen,
            None => Self::None,
        }
    }
}
