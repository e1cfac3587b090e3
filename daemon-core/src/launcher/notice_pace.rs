//! How fast the launcher reads notices: no daemon can keep it busy.

use std::time::{Duration, Instant};

/// The pause after so many notices.
const PAUSE: Duration = Duration::from_millis(2);
const NOTICES_PER_PAUSE: usize = 16;

/// The count of notices, and the pause that it led to.
#[derive(Debug, Default)]
pub(super) struct NoticePace {
    count: usize,
    pause_end: Option<Instant>,
}

impl NoticePace {
    pub(super) fn count(&mut self, now: Instant) {
        self.count += 1;
        if self.count % NOTICES_PER_PAUSE == 0 {
            self.pause_end = Some(now + PAUSE);
        }
    }

    /// No notice is read until then.
    pub(super) fn pause_end(&self) -> Option<Instant> {
        self.pause_end
    }

    pub(super) fn end_pause(&mut self) {
        self.pause_end = None;
    }
}
