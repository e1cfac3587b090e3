//! How long the daemon has been in one condition, and which of its waits come back. No system calls
//! here.

use std::time::Duration;

use super::rule::Condition;
use super::snapshot::{Activity, Snapshot};

/// A daemon whose waits end by themselves and come back this often, over at least this time, is
/// one that ticks. Servers that try a taken port again give up earlier (nginx: 5 times in 2.5 s).
const TICKS_MIN: u32 = 10;
const TICKING_TIME_MIN: Duration = Duration::from_secs(1);

/// More patterns of waits than this are no ticking.
const PATTERNS_MAX: usize = 64;

/// The conditions seen so far, as far as they count.
#[derive(Debug, Default)]
pub(super) struct Calm {
    last: Option<(Condition, Duration)>,
    /// When the last condition began, with no other in between.
    since: Duration,
    patterns: Vec<Pattern>,
}

/// All threads at the same places.
#[derive(Debug)]
struct Pattern {
    places: u64,
    first_seen: Duration,
    times_seen: u32,
    /// The daemon's clock when it was last seen.
    clock: Duration,
}

impl Calm {
    /// Whether a look at the threads is due, by the last condition and by what the clock says now.
    pub(super) fn needs_look(&self, now: Duration, clock: Duration) -> bool {
        let Some((condition, last_clock)) = self.last else {
            return true;
        };
        // The clock does not show when a thread that is stopped or waits for a device goes on.
        let may_change_unseen = matches!(
            condition,
            Condition::Runs | Condition::Stopped | Condition::WaitsForDevice
        );
        may_change_unseen || clock != last_clock || self.is_long_enough(condition, now)
    }

    /// Takes what a look has shown; true when the daemon is up.
    pub(super) fn add(&mut self, now: Duration, condition: Condition, snapshot: &Snapshot) -> bool {
        let previous = self.last.replace((condition, snapshot.clock));
        let has_run = previous.is_none_or(|(_, clock)| clock != snapshot.clock);
        let is_same = previous.is_some_and(|(previous, _)| previous == condition);
        // Clients may come to a daemon that serves, and its housekeeping goes on.
        if !is_same || (has_run && condition != Condition::Serves) {
            self.since = now;
        } else if self.is_long_enough(condition, now) {
            return true;
        }
        condition == Condition::Timed && self.ticks(now, snapshot)
    }

    /// The last condition.
    pub(super) fn condition(&self) -> Option<Condition> {
        self.last.map(|(condition, _)| condition)
    }

    /// The time until the last condition decides, or a look has to confirm it.
    pub(super) fn time_left(&self, now: Duration) -> Option<Duration> {
        let (condition, _) = self.last?;
        let end = self.since + condition.window()?;
        Some(end.saturating_sub(now))
    }

    fn is_long_enough(&self, condition: Condition, now: Duration) -> bool {
        condition
            .window()
            .is_some_and(|window| now.saturating_sub(self.since) >= window)
    }

    fn ticks(&mut self, now: Duration, snapshot: &Snapshot) -> bool {
        let places = places(snapshot);
        let clock = snapshot.clock;
        let known = self
            .patterns
            .iter_mut()
            .find(|known| known.places == places);
        let Some(pattern) = known else {
            if self.patterns.len() < PATTERNS_MAX {
                self.patterns.push(Pattern {
                    places,
                    first_seen: now,
                    times_seen: 1,
                    clock,
                });
            }
            return false;
        };
        if pattern.clock != clock {
            pattern.times_seen += 1;
            pattern.clock = clock;
        }
        pattern.times_seen > TICKS_MIN && now.saturating_sub(pattern.first_seen) >= TICKING_TIME_MIN
    }
}

/// The places of all threads as one value, whatever their order.
fn places(snapshot: &Snapshot) -> u64 {
    let threads = snapshot
        .processes
        .iter()
        .flat_map(|process| &process.threads);
    threads.fold(0, |places, thread| {
        let place = match &thread.activity {
            Activity::Waits(wait) => wait.place,
            _ => 0,
        };
        let id = u64::from(thread.id.as_raw().unsigned_abs());
        places.wrapping_add(
            (place ^ id << 40)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(23),
        )
    })
}

#[cfg(test)]
mod tests;
