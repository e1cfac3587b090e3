//! The support of the tests itself.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use crate::support::daemon::read_report;
use crate::support::deadline::eventually;
use crate::support::scratch::Scratch;

/// The message of a test that must fail at once.
fn failure(test: impl FnOnce()) -> String {
    let begin = Instant::now();
    let payload = panic::catch_unwind(AssertUnwindSafe(test)).expect_err("a failure");
    assert!(begin.elapsed() < Duration::from_secs(20));
    payload
        .downcast::<String>()
        .map_or_else(|_| String::new(), |words| *words)
}

#[test]
fn failed_step_fails_the_test_at_once() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nready=exec";
    let start = scratch.background().options(options);
    scratch.up(start.does("wait:now create:missing/file create:done"));
    scratch.write("now", "");
    let words = failure(|| {
        eventually("the program is done", || {
            scratch.path("done").exists().then_some(())
        });
    });
    assert!(words.contains("create:missing/file: No such"), "{words}");
}

#[test]
fn failed_program_fails_the_test_at_once() {
    let scratch = Scratch::new();
    let launch = scratch.background().does("complain:no-luck exit:3").spawn();
    let words = failure(|| drop(read_report(&scratch.path("report.json"))));
    assert!(words.contains("no-luck"), "{words}");
    assert_eq!(launch.wait().code(), 3);
    assert!(fs::metadata(scratch.path("report.json")).is_err());
}
