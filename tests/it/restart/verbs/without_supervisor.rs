//! The control verbs, and a second start, while the supervisor is stopped or after its end.

use nix::sys::signal::Signal;

use super::{LONG_DELAY, Supervised, expect, up};
use crate::support::deadline::eventually;
use crate::support::process;
use crate::support::requires;
use crate::support::scratch::Scratch;

fn stop_supervisor(up: &Supervised) {
    up.supervisor.signal(Signal::SIGSTOP);
    eventually("the supervisor is stopped", || {
        (process::stat(up.supervisor.pid())?.state == 'T').then_some(())
    });
}

/// There is no run, and its supervisor is stopped and starts none.
#[track_caller]
fn expect_unanswered(scratch: &Scratch, words: &str) {
    expect(scratch, "status", 2, words);
    expect(scratch, "start", 75, "still starting");
    expect(scratch, "ensure", 75, "still starting");
}

#[test]
fn verbs_while_the_supervisor_is_stopped() {
    let scratch = Scratch::new();
    let first = up(&scratch);
    stop_supervisor(&first);
    expect(&scratch, "status", 0, "supervisor stopped");
    expect(&scratch, "-d", 69, "already running");
    let pid = first.run.pid();
    expect(&scratch, "start", 0, &format!("pid {pid}"));
    expect(&scratch, "ensure", 0, &format!("{pid} true"));
    expect(&scratch, "reload", 0, "");
    expect(&scratch, "reopen", 0, "");
    expect(&scratch, "stop", 0, "stopped");
    scratch.expect_stopped();
    let second = up(&scratch);
    stop_supervisor(&second);
    expect(&scratch, "restart", 0, "stopped");
    assert!(!second.supervisor.is_alive() && !second.run.is_alive());
    expect(&scratch, "stop", 0, "stopped");
    for verb in ["stop", "restart"] {
        let third = up(&scratch);
        scratch.crash_before_delay(&third);
        stop_supervisor(&third);
        expect_unanswered(&scratch, "supervisor stopped");
        expect(&scratch, "-d", 69, "restart due in 9 min");
        expect(&scratch, "reload", 7, "restart due");
        expect(&scratch, "reopen", 7, "restart due");
        expect(&scratch, verb, 0, "stopped");
        assert!(!third.supervisor.is_alive());
    }
    scratch.expect_processes(2);
}

#[test]
fn verbs_before_the_supervisor_has_seen_the_end() {
    requires!(linux("the holder of a lock"));
    let scratch = Scratch::new();
    let up = up(&scratch);
    stop_supervisor(&up);
    up.run.signal(Signal::SIGKILL);
    up.run.wait_for_end();
    expect_unanswered(&scratch, "being restarted, supervisor stopped");
    expect(&scratch, "-d", 69, "already running");
    expect(&scratch, "reload", 7, "being restarted");
    expect(&scratch, "stop", 0, "stopped");
    assert!(!up.supervisor.is_alive());
    scratch.expect_stopped();
}

#[test]
fn verbs_after_the_supervisor_was_killed() {
    let scratch = Scratch::new();
    for verb in ["stop", "restart"] {
        let up = up(&scratch);
        up.supervisor.signal(Signal::SIGKILL);
        up.supervisor.wait();
        expect(&scratch, "status", 0, "not supervised");
        expect(&scratch, "start", 0, "not supervised");
        expect(&scratch, "ensure", 0, &format!("{} true", up.run.pid()));
        expect(&scratch, "-d", 69, "already running");
        expect(&scratch, "reload", 0, "");
        expect(&scratch, "reopen", 0, "");
        expect(&scratch, verb, 0, "stopped");
        assert!(!up.run.is_alive());
        if verb == "stop" {
            scratch.expect_stopped();
        }
    }
    scratch.expect_processes(2);
    let named = scratch.named();
    expect(&scratch, "status", 0, &format!("pid {named}"));
}

#[cfg_attr(daemon_fork, ignore = "the session of a process is not known there")]
#[test]
fn program_in_foreground_misses_no_supervisor() {
    let scratch = Scratch::new();
    let options = format!("{LONG_DELAY}\npid_in_foreground=1");
    let start = scratch.report().options(&*options).does("report stay");
    let running = start.spawn();
    let report = crate::support::daemon::read_report(&scratch.path("report.json"));
    assert!(!report.is_daemon);
    let status = scratch.supervised_verb(&options, "status").run();
    assert_eq!(status.code(), 0, "{status:?}");
    assert!(!status.out_text().contains("supervised"), "{status:?}");
    assert!(running.is_alive());
}

#[test]
fn verbs_after_both_were_killed() {
    let scratch = Scratch::new();
    for verb in ["-d", "start", "ensure", "restart", "stop"] {
        let up = up(&scratch);
        up.supervisor.signal(Signal::SIGKILL);
        up.supervisor.wait();
        up.run.signal(Signal::SIGKILL);
        up.run.wait_for_end();
        process::reap(up.run.pid());
        expect(&scratch, "status", 1, "it left its PID file");
        expect(&scratch, "reload", 7, "not running");
        expect(&scratch, "reopen", 7, "not running");
        expect(&scratch, verb, 0, "");
        if verb != "stop" {
            scratch.expect_processes(2);
            expect(&scratch, "stop", 0, "stopped");
        }
        scratch.expect_stopped();
    }
}
