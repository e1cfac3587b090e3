//! `ready = "settled"`: every thread of the daemon and of its descendants waits for the outside.
//!
//! The kernel shows in which call a thread waits, for what and how long. A start that is not over
//! waits in another way than a program that is up: with a time limit, for a lock, for an answer, for
//! a child that works. `docs/readiness.md` describes the rule and its limits.

mod call;
mod calm;
mod descriptor;
mod memory;
mod numbers;
mod observer;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by panic"
)]
mod recording;
mod rule;
mod snapshot;

use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::pace::Pace;
use calm::Calm;
use observer::{Depth, Observer};
use rule::Condition;

/// A look at a server of eight threads costs the launcher about 0.2 ms, a wake-up some 30 µs.
const STEP_MIN: Duration = Duration::from_millis(3);

/// A thread that has waited for a device for less time at the timeout is reading from a slow disk.
const STUCK_TIME: Duration = Duration::from_millis(100);

/// Watches the daemon until it waits for the outside.
#[derive(Debug)]
pub(crate) struct Settled {
    pace: Pace,
    observer: Observer,
    calm: Calm,
    /// Since when a thread waits for a device, by the last look.
    device_wait: Option<Duration>,
}

impl Settled {
    /// The process must be a child of this one, so that its pid stays its own.
    pub(crate) fn watch(pid: Pid) -> Self {
        Self {
            pace: Pace::new(STEP_MIN),
            observer: Observer::watch(pid),
            calm: Calm::default(),
            device_wait: None,
        }
    }

    /// Whether the daemon is up; the caller asks at [`next_look`](Self::next_look). At `deadline` the
    /// launcher stops waiting. A daemon that ended is not up.
    ///
    /// The clocks come first, since they cost nothing: as long as they stand still, the threads are
    /// where they were. Only a thread that was woken and has no processor yet escapes the clocks, or one
    /// that has not left its processor since, so the launcher looks at the threads again before the
    /// answer is yes.
    pub(crate) fn has_settled(&mut self, now: Instant, deadline: Instant) -> bool {
        let age = self.pace.age(now);
        self.pace.is_due(now)
            && self.calm.needs_look(age, self.observer.clock())
            && self.look(now, deadline)
    }

    /// When to ask again: at the latest when the daemon has been calm for long enough.
    pub(crate) fn next_look(&self, now: Instant) -> Instant {
        let time_left = self.calm.time_left(self.pace.age(now));
        self.pace.next_step(now, time_left)
    }

    /// Whether a daemon that is alive when the time is up counts as up.
    ///
    /// # Errors
    ///
    /// The daemon is stopped, or a thread of it hangs in a device.
    pub(crate) fn check_alive(&mut self, now: Instant) -> Result<(), &'static str> {
        self.look(now, now);
        let age = self.pace.age(now);
        if self.calm.condition() == Some(Condition::Stopped) {
            Err("a process of it is stopped")
        } else if self.device_wait.is_some_and(|since| is_stuck(since, age)) {
            Err("a process of it hangs in a device or a file system")
        } else {
            Ok(())
        }
    }

    fn look(&mut self, now: Instant, deadline: Instant) -> bool {
        let age = self.pace.age(now);
        // At the end every thread counts, for as long as it takes to see that one hangs.
        let depth = if deadline.saturating_duration_since(now) > STUCK_TIME * 2 {
            Depth::FirstRunner
        } else {
            Depth::AllThreads
        };
        let snapshot = self.observer.look(age, depth);
        let condition = Condition::of(&snapshot, self.pace.age(deadline));
        self.pace.rest_after_look(now);
        self.device_wait = snapshot.longest_device_wait();
        // A thread that ran when the look began and waits by now has moved its clock. A server may run.
        let is_quiet = || condition == Condition::Serves || self.observer.clock() == snapshot.clock;
        self.calm.add(age, condition, &snapshot) && is_quiet()
    }
}

/// Whether a wait for a device that began at this age lasts too long at the timeout.
fn is_stuck(since: Duration, timeout: Duration) -> bool {
    timeout.saturating_sub(since) >= STUCK_TIME.min(timeout / 2)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests;
