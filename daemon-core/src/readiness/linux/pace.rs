//! How often the launcher looks at a daemon: the older its start, the less often.

use std::time::{Duration, Instant};

/// After a look follows a pause of so many times its duration, so that a daemon with hundreds of
/// threads or descriptors leaves the launcher a processor to spare.
const PAUSE_PER_LOOK: u32 = 4;
const PAUSE_MAX: Duration = Duration::from_millis(20);

/// A step is this part of the age, so an answer is late by that part at most.
const STEPS_PER_AGE: u32 = 4;
const STEP_MAX: Duration = Duration::from_millis(5);

/// The pace of one watch.
#[derive(Debug)]
pub(super) struct Pace {
    begin: Instant,
    step_min: Duration,
    next_look: Instant,
}

impl Pace {
    /// The first look comes after one step: nothing is to be seen earlier.
    pub(super) fn new(step_min: Duration) -> Self {
        let begin = Instant::now();
        Self {
            begin,
            step_min,
            next_look: begin + step_min,
        }
    }

    /// The time since the watch began.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begin)
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        now >= self.next_look
    }

    /// The end of a look that began at `begin`.
    pub(super) fn rest_after_look(&mut self, begin: Instant) {
        let pause = begin.elapsed().saturating_mul(PAUSE_PER_LOOK);
        self.next_look = begin + pause.min(PAUSE_MAX);
    }

    /// When to ask the clocks of the daemon again: after one step, or after `time_left` if that is
    /// sooner.
    pub(super) fn next_step(&self, now: Instant, time_left: Option<Duration>) -> Instant {
        let step = self.age(now) / STEPS_PER_AGE;
        let step = step.clamp(self.step_min, STEP_MAX);
        let step = time_left.map_or(step, |time_left| step.min(time_left));
        (now + step).max(self.next_look)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::thread;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn steps_become_longer() {
        let pace = Pace::new(MS);
        let step = |age: u32| {
            let now = pace.begin + MS * age;
            pace.next_step(now, None) - now
        };
        let steps = [0, 4, 8, 12, 20, 3000].map(step);
        assert_eq!(steps, [1, 1, 2, 3, 5, 5].map(|count| MS * count));
    }

    #[test]
    fn step_ends_when_the_daemon_may_be_up() {
        let pace = Pace::new(MS * 3);
        let now = pace.begin + MS * 3;
        for (time_left, step) in [(1, 1), (3, 3), (20, 3)] {
            let next = pace.next_step(now, Some(MS * time_left));
            assert_eq!(next - now, MS * step, "{time_left} ms left");
        }
    }

    #[test]
    fn long_look_is_followed_by_a_bounded_pause() {
        let mut pace = Pace::new(MS);
        let begin = pace.begin;
        assert!(!pace.is_due(begin));
        assert!(pace.is_due(pace.next_step(begin, None)));
        thread::sleep(MS);
        pace.rest_after_look(begin);
        assert!(!pace.is_due(begin + MS * 3));
        assert!(pace.is_due(pace.next_step(begin, None)));
        thread::sleep(MS * 10);
        pace.rest_after_look(begin);
        assert!(pace.is_due(begin + PAUSE_MAX));
    }
}
