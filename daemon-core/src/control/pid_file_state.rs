//! What the PID file shows.

use std::fs::File;
use std::time::Duration;

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
}
