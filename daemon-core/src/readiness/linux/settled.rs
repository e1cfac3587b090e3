//! `ready = "settled"`: every thread of the daemon and of its descendants waits for the outside.
//!
//! The kernel shows in which call a thread waits, for what and how long. A start that is not over
//! waits in another way than a program that is up: with a time limit, for a lock, for an answer, for
//! a child that works. DESIGN of the rule and its limits: `docs/readiness.md`.

mod call;
mod calm;
mod descriptor;
mod memory;
mod numbers;
mod observation;
mod observer;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by panic"
)]
mod recording;
mod rule;

use std::time::{Duration, Instant};

use nix::unistd::Pid;

use calm::Calm;
use observer::Observer;
use rule::Condition;

/// A look is followed by a pause of so many times its duration, so that a daemon with hundreds of
/// threads leaves the launcher a processor to spare.
const PAUSE_PER_LOOK: u32 = 4;
const MAX_PAUSE: Duration = Duration::from_millis(20);

/// A thread that has waited for a device for less time at the timeout is reading from a slow disk.
const STUCK_TIME: Duration = Duration::from_millis(100);

/// Watches the daemon until it waits for the outside.
#[derive(Debug)]
pub(crate) struct Settled {
    begin: Instant,
    observer: Observer,
    calm: Calm,
    earliest_look: Duration,
}

impl Settled {
    /// The process must be a child of this one, so that its pid stays its own.
    pub(crate) fn watch(pid: Pid) -> Self {
        Self {
            begin: Instant::now(),
            observer: Observer::watch(pid),
            calm: Calm::default(),
            earliest_look: Duration::ZERO,
        }
    }

    /// Whether the daemon is up; to be called at [`next_look`](Self::next_look). At `deadline` the
    /// launcher stops waiting. A daemon that ended is not up.
    ///
    /// The clocks come first, since they cost nothing: as long as they stand still, the threads are
    /// where they were. Only a thread that was woken and has no processor yet escapes the clocks, so
    /// the threads are looked at again before the answer is yes.
    pub(crate) fn has_settled(&mut self, now: Instant, deadline: Instant) -> bool {
        let time = now.saturating_duration_since(self.begin);
        let deadline = deadline.saturating_duration_since(self.begin);
        if time < self.earliest_look || !self.calm.needs_look(time, self.observer.clock()) {
            return false;
        }
        self.look(time, deadline)
    }

    /// When to poll again: the older the start, the less often.
    pub(crate) fn next_look(&self, now: Instant) -> Instant {
        let milliseconds = match now.saturating_duration_since(self.begin).as_millis() {
            0..50 => 1,
            50..250 => 2,
            _ => 5,
        };
        now + Duration::from_millis(milliseconds)
    }

    /// Whether a daemon that is alive when the time is up counts as up.
    ///
    /// # Errors
    ///
    /// The daemon is stopped, or a thread of it hangs in a device.
    pub(crate) fn check_alive(&mut self, now: Instant) -> Result<(), &'static str> {
        let time = now.saturating_duration_since(self.begin);
        self.look(time, time);
        match self.calm.condition() {
            Some(Condition::Stopped) => Err("a process of it is stopped"),
            Some(Condition::WaitsForDevice) if self.calm.duration(time) >= STUCK_TIME => {
                Err("a process of it hangs in a device or a file system")
            }
            _ => Ok(()),
        }
    }

    fn look(&mut self, now: Duration, deadline: Duration) -> bool {
        let begin = Instant::now();
        let observation = self.observer.look(now);
        let condition = Condition::of(&observation, deadline);
        let pause = begin.elapsed().saturating_mul(PAUSE_PER_LOOK);
        self.earliest_look = now + pause.min(MAX_PAUSE);
        self.calm.add(now, condition, &observation)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests;
