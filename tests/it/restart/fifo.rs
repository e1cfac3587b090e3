//! A FIFO as the log: its reader ends when no process has it open for writing.

use std::fs::{self, File};
use std::thread::{self, JoinHandle};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::stage::OPTIONS;
use crate::support::deadline::eventually;
use crate::support::scratch::Scratch;
use crate::support::start::Start;

/// Runs the start beside a reader, which reads until the FIFO ends and gives all that it has read.
fn with_reader<T>(scratch: &Scratch, run: impl FnOnce() -> T) -> (T, JoinHandle<String>) {
    let path = scratch.path("report.log");
    mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).expect("mkfifo");
    let mut options = File::options();
    let both_ends = options.read(true).write(true).open(&path).expect("open");
    let reader = File::open(&path).expect("the reader");
    let reader = thread::spawn(|| std::io::read_to_string(reader).expect("read"));
    let result = run();
    drop(both_ends);
    (result, reader)
}

fn verb(scratch: &Scratch, options: &str, verb: &str) -> Start {
    scratch.report().options(options).args(["-s", verb, "a"])
}

/// So many processes have said something.
fn expect_said(scratch: &Scratch, count: usize) {
    eventually("the daemon has said something", || {
        let said = fs::read_to_string(scratch.path("said")).unwrap_or_default();
        (said.lines().count() == count).then_some(())
    });
}

/// The reader has the time to see that no process has the FIFO open.
#[test]
fn restart_keeps_the_reader_of_the_log() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\nready=exec\ncontrol_flag=-s\nbefore_start=";
    let in_time = |start: Start| {
        let start = start.env("TEST_COMPUTED", scratch.path("computed"));
        start.env("TEST_BEFORE_START", "sleep:200")
    };
    let start = || {
        in_time(
            scratch
                .background()
                .options(options)
                .does("say:hello note:said hang"),
        )
    };
    let (first, reader) = with_reader(&scratch, || scratch.daemon_of(start().run(), "report.pid"));
    let restart = verb(&scratch, options, "restart").does("say:again note:said hang");
    expect_said(&scratch, 1);
    let second = scratch.daemon_of(in_time(restart).run(), "report.pid");
    assert!(!first.process.is_alive());
    expect_said(&scratch, 2);
    second.stop();
    assert_eq!(reader.join().expect("the log"), "hello\nagain\n");
}

#[test]
fn supervisor_keeps_the_reader_of_the_log() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("0..0", "200..200");
    let start = || scratch.supervised(&options, "say:hello note:said hang");
    let (mut up, reader) = with_reader(&scratch, || scratch.up_supervised(start()));
    expect_said(&scratch, 1);
    scratch.crash(&mut up);
    expect_said(&scratch, 2);
    assert_eq!(verb(&scratch, OPTIONS, "stop").run().code(), 0);
    let log = reader.join().expect("the log");
    let lines: Vec<_> = log.lines().collect();
    // Without locks on ranges of bytes the verb stops the run, and the supervisor says so.
    let [first, crash, second, ..] = lines[..] else {
        panic!("three lines: {log}");
    };
    assert_eq!([first, second], ["hello", "hello"]);
    assert!(crash.starts_with("report: killed by SIGKILL"), "{crash}");
}

#[test]
fn run_is_started_again_without_a_reader_of_the_log() {
    let scratch = Scratch::new();
    let path = scratch.path("report.log");
    mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).expect("mkfifo");
    let mut options = File::options();
    let reader = options.read(true).write(true).open(&path).expect("open");
    let mut up = scratch.up_supervised(scratch.supervised(OPTIONS, "hang"));
    drop(reader);
    scratch.crash(&mut up);
    scratch.crash(&mut up);
    assert!(up.supervisor.is_alive());
}
