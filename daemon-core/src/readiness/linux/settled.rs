//! `ready = "settled"`: the daemon has gone quiet.
//!
//! A start that fails is busy until it fails, so a process that uses no processor, waits for no
//! disk and is not stopped has its start behind it. What this cannot see: a failure that comes
//! after a sleep, after a slow name look-up, or out of another process that the daemon waits for.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::time::ClockId;
use nix::unistd::Pid;

use super::thread_state::are_all_asleep;
use crate::sys::process;

/// How long the quiet must last.
const WINDOW: Duration = Duration::from_millis(50);

/// The processor time within a window that still counts as quiet: timers and housekeeping threads.
const CPU_LIMIT: Duration = Duration::from_micros(1500);

/// A launcher that gets no processor itself looks too seldom. The clock of the daemon shows what was
/// computed in between, but no disk wait, so such a gap begins a new window.
const LONGEST_GAP: Duration = Duration::from_millis(25);

/// Part of the time that may go into looking at threads: one fiftieth.
const PAUSE_PER_LOOK: u32 = 50;

/// Watches a process for the moment in which it goes quiet.
#[derive(Debug)]
pub(crate) struct Settled {
    clock: Option<ClockId>,
    threads: PathBuf,
    quiet: QuietTime,
    /// The daemon's clock when all threads were last seen asleep.
    asleep_at: Option<Duration>,
    next_look: Option<Instant>,
}

impl Settled {
    /// How often [`is_quiet`](Self::is_quiet) wants to be called. Ten samples make a window, the answer
    /// is at most a step late, and a step costs one clock reading: with the wake-up for it some 15 µs,
    /// 0.3 % of the time.
    pub(crate) const STEP: Duration = Duration::from_millis(5);

    /// The process must be one that nobody else waits for, so that its number stays its own.
    pub(crate) fn watch(pid: Pid) -> Self {
        Self {
            clock: ClockId::pid_cpu_clock_id(pid).ok(),
            // Where they cannot be seen, nothing is ever quiet, and the time decides.
            threads: process::directory(pid)
                .map(|process| process.join("task"))
                .unwrap_or_default(),
            quiet: QuietTime::default(),
            asleep_at: None,
            next_look: None,
        }
    }

    /// Takes a sample, and says whether the daemon has been quiet long enough. A daemon that ended is
    /// not quiet.
    ///
    /// The clock comes first, since it costs nothing: a daemon that computes need not be looked at,
    /// and one whose clock stands still since all its threads were seen asleep has not run since.
    /// Only a thread that was woken and has no processor yet escapes the clock, so the threads are
    /// looked at again before the answer is yes.
    pub(crate) fn is_quiet(&mut self, now: Instant) -> bool {
        let Some(cpu) = self.cpu_time() else {
            self.quiet.end();
            return false;
        };
        if self.quiet.is_broken_by(now, cpu) {
            self.quiet.end();
            self.asleep_at = None;
        }
        let has_run = self.asleep_at != Some(cpu);
        let is_look_due = self.next_look.is_none_or(|due| due <= now);
        if has_run && is_look_due {
            self.look(now, cpu);
        }
        if self.asleep_at.is_none() {
            return false;
        }
        self.quiet.add(now, cpu);
        self.quiet.is_long_enough(now, cpu) && self.look(now, cpu)
    }

    fn cpu_time(&self) -> Option<Duration> {
        self.clock?.now().ok().map(Duration::from)
    }

    /// Looks at every thread until one is busy. With hundreds of threads that takes its time, so the
    /// next look waits in proportion, but never so long that a window has fewer than three.
    fn look(&mut self, now: Instant, cpu: Duration) -> bool {
        let begin = Instant::now();
        let are_asleep = are_all_asleep(&self.threads);
        let pause = begin.elapsed().saturating_mul(PAUSE_PER_LOOK);
        self.next_look = now.checked_add(pause.min(LONGEST_GAP));
        if are_asleep {
            self.asleep_at = Some(cpu);
        } else {
            self.asleep_at = None;
            self.quiet.end();
        }
        are_asleep
    }
}

/// The samples since the last disturbance, no more of them than a window needs.
#[derive(Debug, Default)]
struct QuietTime {
    samples: VecDeque<(Instant, Duration)>,
}

impl QuietTime {
    fn end(&mut self) {
        self.samples.clear();
    }

    /// True when this sample cannot continue what was seen before: it comes too late, or the daemon
    /// used more since the last sample than it may use in a whole window.
    fn is_broken_by(&self, now: Instant, cpu: Duration) -> bool {
        self.samples.back().is_some_and(|&(time, used)| {
            now.saturating_duration_since(time) > LONGEST_GAP
                || cpu.saturating_sub(used) >= CPU_LIMIT
        })
    }

    fn add(&mut self, now: Instant, cpu: Duration) {
        self.samples.push_back((now, cpu));
        let covers_window =
            |&(time, _): &(Instant, Duration)| now.saturating_duration_since(time) >= WINDOW;
        while self.samples.get(1).is_some_and(covers_window) {
            self.samples.pop_front();
        }
    }

    fn is_long_enough(&self, now: Instant, cpu: Duration) -> bool {
        self.samples.front().is_some_and(|&(time, used)| {
            now.saturating_duration_since(time) >= WINDOW && cpu.saturating_sub(used) < CPU_LIMIT
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests;
