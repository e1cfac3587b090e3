//! What the PID file shows.

use std::fs::File;
use std::time::Duration;

use nix::unistd::Pid;

use super::daemon_user::DaemonUser;
use super::holder::Holder;

/// What the PID file shows.
pub(super) enum PidFileState {
    NoFile,
    /// No process holds the lock.
    Unlocked(File),
    /// A launcher is at work, and perhaps the daemon or its supervisor is there already.
    Starting(Option<Holder>),
    /// The supervisor starts the daemon again, after this delay if it is known.
    Restarting(Holder, Option<Duration>),
    Running(Holder),
    /// The last run has ended. Its supervisor, if it is seen, ends what that has left.
    Ending(Option<Holder>),
}

impl PidFileState {
    /// The process that was found, whatever it does.
    pub(super) fn holder(&self) -> Option<&Holder> {
        match self {
            Self::Restarting(holder, _) | Self::Running(holder) => Some(holder),
            Self::Starting(holder) | Self::Ending(holder) => holder.as_ref(),
            Self::NoFile | Self::Unlocked(_) => None,
        }
    }

    /// The process that has the arguments of the daemon: the daemon, or its supervisor where the daemon is
    /// not certain, for example because a new version names another user. Nothing is taken from a process
    /// that may only have been given the lock.
    pub(super) fn pid(&self, user: &DaemonUser) -> Option<Pid> {
        let holder = self.holder()?;
        if !holder.is_seen() || holder.is_certain(user) {
            return Some(holder.pid());
        }
        let supervisor = Holder::parent_supervisor(holder, user);
        supervisor.map(|supervisor| supervisor.pid())
    }
}
