//! `ready = "settled"` where a process cannot be looked at: it is alive after a time in which nearly
//! all starts that fail have failed.

use std::time::{Duration, Instant};

use nix::unistd::Pid;

/// The slowest failures of real servers took this long.
const LONG_ENOUGH: Duration = Duration::from_millis(800);

const STEP: Duration = Duration::from_millis(100);

/// Watches the clock.
#[derive(Debug)]
pub(crate) struct Settled(Instant);

impl Settled {
    pub(crate) fn watch(_daemon: Pid) -> Self {
        Self(Instant::now())
    }

    pub(crate) fn has_settled(&mut self, now: Instant, _deadline: Instant) -> bool {
        now.saturating_duration_since(self.0) >= LONG_ENOUGH
    }

    #[expect(clippy::unused_self, reason = "Linux has another step as time goes by")]
    pub(crate) fn next_look(&self, now: Instant) -> Instant {
        now + STEP
    }

    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "Linux has something to look at"
    )]
    pub(crate) fn check_alive(&mut self, _now: Instant) -> Result<(), &'static str> {
        Ok(())
    }
}
