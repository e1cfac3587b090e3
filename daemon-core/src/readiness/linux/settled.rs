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
            threads: format!("/proc/{pid}/task").into(),
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
mod tests {
    use super::*;

    use std::process::{Child, Command, Stdio};
    use std::thread;

    use nix::sys::signal::{Signal, kill};
    use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};

    const MS: Duration = Duration::from_millis(1);
    const US: Duration = Duration::from_micros(1);

    /// Samples as (milliseconds, microseconds of processor time): is the last one the end of a window?
    fn is_quiet_after(samples: &[(u32, u32)]) -> bool {
        let begin = Instant::now();
        let mut quiet = QuietTime::default();
        let mut answer = false;
        for &(time, cpu) in samples {
            let (now, cpu) = (begin + MS * time, US * cpu);
            if quiet.is_broken_by(now, cpu) {
                quiet.end();
            }
            quiet.add(now, cpu);
            answer = quiet.is_long_enough(now, cpu);
        }
        answer
    }

    #[test]
    fn quiet_lasts_50_ms() {
        assert!(is_quiet_after(&[(0, 0), (20, 0), (40, 0), (50, 0)]));
        assert!(!is_quiet_after(&[(0, 0), (20, 0), (40, 0), (49, 0)]));
        assert!(!is_quiet_after(&[(0, 0)]));
    }

    #[test]
    fn quiet_is_less_than_a_millisecond_and_a_half_of_processor_time() {
        assert!(is_quiet_after(&[(0, 0), (20, 700), (40, 1400), (50, 1499)]));
        assert!(!is_quiet_after(&[
            (0, 0),
            (20, 700),
            (40, 1400),
            (50, 1500)
        ]));
    }

    #[test]
    fn only_the_last_50_ms_count() {
        let busy_at_first = [(0, 0), (5, 1400), (20, 1401), (40, 1402), (50, 1500)];
        assert!(!is_quiet_after(&busy_at_first));
        let then_quiet = [
            (0, 0),
            (5, 1400),
            (20, 1401),
            (40, 1402),
            (50, 1500),
            (55, 1501),
        ];
        assert!(is_quiet_after(&then_quiet));
    }

    #[test]
    fn samples_that_come_too_late_cover_nothing() {
        assert!(!is_quiet_after(&[(0, 0), (60, 0)]));
        assert!(!is_quiet_after(&[(0, 0), (26, 0), (50, 0)]));
        assert!(is_quiet_after(&[
            (0, 0),
            (26, 0),
            (50, 0),
            (75, 0),
            (76, 0)
        ]));
    }

    #[test]
    fn no_more_samples_are_kept_than_a_window_needs() {
        let begin = Instant::now();
        let mut quiet = QuietTime::default();
        for step in 0..1000 {
            quiet.add(begin + Settled::STEP * step, Duration::ZERO);
        }
        assert_eq!(quiet.samples.len(), 11);
    }

    struct Program(Child);

    impl Program {
        fn run(shell_script: &str) -> Self {
            let mut command = Command::new("sh");
            command.args(["-c", shell_script]).stdin(Stdio::null());
            Self(command.spawn().unwrap())
        }

        fn pid(&self) -> Pid {
            Pid::from_raw(self.0.id().try_into().unwrap())
        }
    }

    impl Drop for Program {
        fn drop(&mut self) {
            self.0.kill().ok();
            self.0.wait().ok();
        }
    }

    /// How long it took until the process was quiet.
    fn time_until_quiet(pid: Pid, patience: Duration) -> Option<Duration> {
        let mut settled = Settled::watch(pid);
        let begin = Instant::now();
        while begin.elapsed() < patience {
            if settled.is_quiet(Instant::now()) {
                return Some(begin.elapsed());
            }
            thread::sleep(Settled::STEP);
        }
        None
    }

    #[test]
    fn a_program_that_sleeps_is_quiet_after_a_window() {
        let program = Program::run("exec sleep 60");
        let time = time_until_quiet(program.pid(), MS * 10_000).unwrap();
        assert!(time >= WINDOW, "{time:?}");
    }

    #[test]
    fn a_program_that_computes_is_never_quiet() {
        let program = Program::run("while :; do :; done");
        assert_eq!(time_until_quiet(program.pid(), MS * 300), None);
    }

    #[test]
    fn a_program_that_was_stopped_is_not_quiet() {
        let program = Program::run("exec sleep 60");
        time_until_quiet(program.pid(), MS * 10_000).unwrap();
        kill(program.pid(), Signal::SIGSTOP).unwrap();
        let state = waitpid(program.pid(), Some(WaitPidFlag::WUNTRACED)).unwrap();
        assert_eq!(state, WaitStatus::Stopped(program.pid(), Signal::SIGSTOP));
        assert_eq!(time_until_quiet(program.pid(), MS * 300), None);
        kill(program.pid(), Signal::SIGCONT).unwrap();
        time_until_quiet(program.pid(), MS * 10_000).unwrap();
    }

    #[test]
    fn a_program_that_ended_is_not_quiet() {
        let mut program = Program::run("exit 3");
        let mut settled = Settled::watch(program.pid());
        let mut is_ever_quiet = false;
        let mut now = Instant::now();
        while program.0.try_wait().unwrap().is_none() {
            now += Settled::STEP;
            thread::sleep(MS);
        }
        for _ in 0..30 {
            now += Settled::STEP;
            is_ever_quiet |= settled.is_quiet(now);
        }
        assert!(!is_ever_quiet);
    }

    #[test]
    fn a_program_that_ended_and_was_not_waited_for_is_not_quiet() {
        let program = Program::run("exit 3");
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        waitid(Id::Pid(program.pid()), flags).unwrap();
        assert_eq!(time_until_quiet(program.pid(), MS * 300), None);
    }

    /// Watches a program that sleeps, at times that are made up.
    struct Rehearsal {
        program: Program,
        settled: Settled,
        begin: Instant,
    }

    impl Rehearsal {
        fn new() -> Self {
            let program = Program::run("exec sleep 60");
            time_until_quiet(program.pid(), MS * 10_000).unwrap();
            let (settled, begin) = (Settled::watch(program.pid()), Instant::now());
            Self {
                program,
                settled,
                begin,
            }
        }

        fn is_quiet_at(&mut self, time: u32) -> bool {
            self.settled.next_look = None;
            self.settled.is_quiet(self.begin + MS * time)
        }

        /// As if the clock had not noticed that a thread was woken.
        fn show_a_busy_thread(&mut self) {
            self.settled.threads = "/proc/self/task".into();
        }

        fn show_the_program(&mut self) {
            self.settled.threads = format!("/proc/{}/task", self.program.pid()).into();
        }
    }

    #[test]
    fn a_window_begins_with_a_sample_that_found_all_asleep() {
        let mut rehearsal = Rehearsal::new();
        rehearsal.show_a_busy_thread();
        assert!(!rehearsal.is_quiet_at(0));
        rehearsal.show_the_program();
        for time in [20, 40, 60] {
            assert!(!rehearsal.is_quiet_at(time), "{time}");
        }
        assert!(rehearsal.is_quiet_at(70));
    }

    #[test]
    fn the_threads_are_looked_at_before_the_answer_is_yes() {
        let mut rehearsal = Rehearsal::new();
        for time in [0, 20, 40] {
            assert!(!rehearsal.is_quiet_at(time), "{time}");
        }
        rehearsal.show_a_busy_thread();
        assert!(!rehearsal.is_quiet_at(60));
        rehearsal.show_the_program();
        for time in [80, 100, 120] {
            assert!(!rehearsal.is_quiet_at(time), "{time}");
        }
        assert!(rehearsal.is_quiet_at(130));
    }
}
