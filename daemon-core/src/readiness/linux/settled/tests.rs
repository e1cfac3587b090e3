use super::*;

use std::fmt::Write as _;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};

const MS: Duration = Duration::from_millis(1);

struct Program(Child);

impl Program {
    fn run(command: &mut Command) -> Self {
        Self(
            command
                .stdin(Stdio::null())
                .process_group(0)
                .spawn()
                .unwrap(),
        )
    }

    fn shell(script: &str) -> Self {
        Self::run(Command::new("sh").args(["-c", script]))
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.0.id().try_into().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The children of a script are in its process group.
        killpg(self.pid(), Signal::SIGKILL).ok();
        self.0.wait().ok();
    }
}

/// Whether the program is up before the deadline, after as many polls as that takes.
fn settles_within(pid: Pid, timeout: Duration) -> bool {
    let mut settled = Settled::watch(pid);
    let begin = Instant::now();
    let deadline = begin + timeout;
    loop {
        let now = Instant::now();
        if settled.has_settled(now, deadline) {
            return true;
        }
        if now >= deadline {
            return false;
        }
        thread::sleep(settled.next_look(now) - now);
    }
}

#[test]
fn sleep_beyond_the_timeout_settles() {
    let program = Program::shell("exec sleep 1000");
    assert!(settles_within(program.pid(), MS * 10_000));
}

#[test]
fn program_that_computes_does_not_settle() {
    let program = Program::shell("while :; do :; done");
    assert!(!settles_within(program.pid(), MS * 300));
}

#[test]
fn program_that_sleeps_does_not_settle_before() {
    let program = Program::shell("exec sleep 5");
    assert!(!settles_within(program.pid(), MS * 6_000));
}

#[test]
fn parent_settles_with_its_child() {
    let program = Program::shell("sh -c 'while :; do :; done' & wait");
    assert!(!settles_within(program.pid(), MS * 300));
    let program = Program::shell("sleep 1000 & wait");
    assert!(settles_within(program.pid(), MS * 10_000));
}

#[test]
fn stopped_program_is_not_up_at_the_timeout() {
    let program = Program::shell("exec sleep 1000");
    kill(program.pid(), Signal::SIGSTOP).unwrap();
    waitid(Id::Pid(program.pid()), WaitPidFlag::WSTOPPED).unwrap();
    assert!(!settles_within(program.pid(), MS * 200));
    assert!(
        Settled::watch(program.pid())
            .check_alive(Instant::now())
            .is_err()
    );
    kill(program.pid(), Signal::SIGCONT).unwrap();
    assert!(
        Settled::watch(program.pid())
            .check_alive(Instant::now())
            .is_ok()
    );
}

#[test]
fn program_that_ended_does_not_settle() {
    let program = Program::shell("exit 3");
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    waitid(Id::Pid(program.pid()), flags).unwrap();
    assert!(!settles_within(program.pid(), MS * 200), "a zombie");
    let mut program = program;
    program.0.wait().unwrap();
    assert!(!settles_within(program.pid(), MS * 200));
}

/// What real programs have shown, each with the condition that decides.
macro_rules! recordings {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("recordings/", $name, ".txt")))),*]
    };
}

#[test]
fn recorded_servers_are_up() {
    let recordings = recordings![
        "tokio-mt",
        "tokio-agent60",
        "prefork",
        "smol-int",
        "thread-serves-child",
        "server-ticking-child",
        "sleep100"
    ];
    for (name, recording) in recordings {
        let up = recording::up_at(recording, 3000);
        assert!(up.is_some(), "{name}");
        let is_slow = up > Some(200);
        assert_eq!(is_slow, name == "sleep100", "{name}: {up:?}");
    }
}

#[test]
fn recorded_failing_starts_are_not_up() {
    let recordings = recordings![
        "f-smol-sleep",
        "f-join",
        "f-child-work",
        "f-listen-sleep",
        "f-condvar-work",
        "f-thread-listen-child",
        "f-flock",
        "f-slow-reply",
        "f-greeting",
    ];
    for (name, recording) in recordings {
        assert_eq!(recording::up_at(recording, 3000), None, "{name}");
    }
}

#[test]
fn recorded_waits_last_their_windows() {
    let windows = [
        (Condition::Serves, "tokio-mt"),
        (Condition::Rests, "tokio-agent60"),
        (Condition::Waits, "udp"),
        (Condition::Blind, "longpoll"),
        // The documentation says so: no answer within 50 ms.
        (Condition::Blind, "f-tokio-unix-slow-reply"),
    ];
    let recordings = recordings![
        "tokio-mt",
        "tokio-agent60",
        "udp",
        "longpoll",
        "f-tokio-unix-slow-reply",
    ];
    for ((condition, name), (_, recording)) in windows.into_iter().zip(recordings) {
        let deadline = MS * 3000;
        let looks = recording.lines().filter(|line| !line.starts_with('#'));
        let looks = looks.map(recording::parse_line);
        let mut conditions = looks.map(|(time, it)| (time, Condition::of(&it, deadline)));
        let (since, _) = conditions.find(|(_, it)| *it == condition).unwrap();
        let up = recording::up_at(recording, 3000).map(Duration::from_millis);
        assert!(up >= Some(since + condition.window().unwrap()), "{name}");
        assert!(
            up <= Some(since + condition.window().unwrap() + MS * 10),
            "{name}"
        );
    }
}

/// The documentation says so: an event loop that holds a listener serves, as far as it can be seen.
#[test]
fn recorded_start_that_listens_and_then_fails_is_up() {
    let recording = include_str!("recordings/f-tokio-listen-sleep.txt");
    assert!(recording::up_at(recording, 3000).is_some());
}

/// Prints what the rule sees of `RECORD`, a command line, for `RECORD_MS` milliseconds.
#[test]
#[ignore = "makes recordings: RECORD='sleep 1' cargo test -p daemon-core record -- --ignored --nocapture"]
fn record() {
    let command = std::env::var("RECORD").unwrap_or_else(|_| "sleep 1".to_owned());
    let length = std::env::var("RECORD_MS").map_or(3000, |ms| ms.parse().unwrap());
    let program = Program::run(Command::new("sh").args(["-c", &format!("exec {command}")]));
    let mut observer = Observer::watch(program.pid());
    let (begin, mut text, mut last) = (Instant::now(), format!("# {command}\n"), String::new());
    while begin.elapsed() < MS * length {
        let now = begin.elapsed();
        let line = recording::line(now, &observer.look(now, Depth::AllThreads));
        let (_, seen) = line.split_once(' ').unwrap();
        if seen != last {
            writeln!(text, "{line}").unwrap();
            last = seen.to_owned();
        }
        thread::sleep(MS);
    }
    writeln!(text, "{length} {last}").unwrap();
    #[allow(clippy::print_stdout, reason = "the recording is what is asked for")]
    {
        print!("{text}");
    }
}

#[test]
fn short_timeout_is_enough_to_hang_in_a_device() {
    let milliseconds = Duration::from_millis;
    for (since, timeout, expected) in [(850, 1000, true), (950, 1000, false), (2, 50, true)] {
        let found = is_stuck(milliseconds(since), milliseconds(timeout));
        assert_eq!(found, expected, "{since} of {timeout}");
    }
}
