//! The rotation of a log that a supervisor looks at from time to time.

use std::time::{Duration, Instant};

use super::config::RotationConfig;
use super::{Progress, RotatedProcess, Rotation};
use crate::error::Error;

/// How often a log that grows is looked at.
const SHORT_INTERVAL: Duration = Duration::from_secs(10);

/// The same for a log that does not grow.
const LONG_INTERVAL: Duration = Duration::from_secs(60);

/// How often it is looked for the new log.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// When a rotation that has failed is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(3600);

/// The looks at a log. None of them waits.
pub(crate) trait LogWatch: std::fmt::Debug {
    /// Looks, if it is time to: why the log was not rotated, if that failed, and when to look again.
    fn look(&mut self, writer: &mut dyn RotatedProcess, now: Instant) -> (Option<Error>, Instant);
}

#[derive(Debug)]
struct Periodic {
    rotation: Rotation,
    next: Instant,
    length: u64,
}

/// Watches a log. The first look comes at once: the log may be an old one.
pub(crate) fn watch(config: RotationConfig) -> Box<dyn LogWatch> {
    Box::new(Periodic {
        rotation: Rotation::new(config),
        next: Instant::now(),
        length: 0,
    })
}

impl LogWatch for Periodic {
    fn look(&mut self, writer: &mut dyn RotatedProcess, now: Instant) -> (Option<Error>, Instant) {
        if now < self.next {
            return (None, self.next);
        }
        let step = self.rotation.step(writer);
        let length = self.rotation.log_length();
        let grows = std::mem::replace(&mut self.length, length) != length;
        let interval = match &step {
            Ok(Progress::Idle) if !grows => LONG_INTERVAL,
            Ok(Progress::Idle | Progress::Rotated) => SHORT_INTERVAL,
            Ok(Progress::Busy | Progress::Waiting) => POLL_INTERVAL,
            Err(_) => RETRY_INTERVAL,
        };
        self.next = now + interval;
        (step.err(), self.next)
    }
}
