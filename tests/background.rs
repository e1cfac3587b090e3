//! `prog -d`: a session and a process group of its own, no terminal, and the same program.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    reason = "a broken expectation is how a test fails"
)]

mod support;

use nix::unistd::getpid;
use support::process;
use support::scratch::Scratch;

#[test]
fn a_start_gives_the_prompt_back_and_leaves_a_daemon() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background());
    assert_eq!(daemon.launch.out_text(), "");
    assert_eq!(daemon.launch.err_text(), "", "silence where no terminal is");
    assert!(daemon.report().is_daemon);
}

#[test]
fn the_daemon_has_a_session_of_its_own_and_does_not_lead_it() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background());
    let report = daemon.report();
    let caller = process::stat(getpid().as_raw()).expect("this process");
    assert_ne!(report.sid, caller.sid);
    assert_ne!(report.pgid, caller.pgid);
    // A leader without a terminal would get one by opening one.
    assert_ne!(report.sid, report.pid);
    assert_ne!(report.pgid, report.pid);
    assert_eq!(report.pgid, report.sid);
    assert_eq!(report.tty, 0);
}
