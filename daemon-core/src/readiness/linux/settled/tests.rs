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
