//! `ready = "settled"` where nobody can see what a process is doing: it lives still, after a time
//! in which nearly all starts that fail have failed.

use std::time::{Duration, Instant};

use nix::unistd::Pid;

/// The slowest failures of real servers took this long.
const LONG_ENOUGH: Duration = Duration::from_millis(800);

/// Watches the clock.
#[derive(Debug)]
pub(crate) struct Settled(Instant);

impl Settled {
    /// How often [`is_quiet`](Self::is_quiet) wants to be called.
    pub(crate) const STEP: Duration = Duration::from_millis(100);

    pub(crate) fn watch(_daemon: Pid) -> Self {
        Self(Instant::now())
    }

    pub(crate) fn is_quiet(&mut self, now: Instant) -> bool {
        now.saturating_duration_since(self.0) >= LONG_ENOUGH
    }
}
