//! The ends that no run follows.

use std::fs;

use nix::sys::signal::Signal;

use super::stage::{LONG_DELAY, OPTIONS};
use crate::support::scratch::Scratch;

#[test]
fn intended_end_is_the_last_one() {
    let scratch = Scratch::new();
    let up = scratch.up_supervised(scratch.supervised(OPTIONS, "report stay"));
    crate::support::daemon::read_report(&scratch.path("report.json"));
    up.run.signal(Signal::SIGTERM);
    up.supervisor.wait();
    scratch.expect_stopped();
    let line = scratch.expect_line("not restarted");
    assert!(line.contains("this end was intended"), "{line}");
}

#[test]
fn always_restarts_after_an_intended_end() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("on-failure", "always");
    let mut up = scratch.up_supervised(scratch.supervised(&options, "hang"));
    up.run.signal(Signal::SIGTERM);
    scratch.crash(&mut up);
    scratch.expect_line("killed by SIGTERM");
}

#[test]
fn limit_of_restarts_ends_the_supervisor() {
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nrestart_limit=2");
    let mut up = scratch.up_supervised(scratch.supervised(&options, "hang"));
    scratch.crash(&mut up);
    scratch.crash(&mut up);
    up.run.signal(Signal::SIGKILL);
    up.supervisor.wait();
    scratch.expect_stopped();
    scratch.expect_line("not restarted: the limit of restarts is reached");
}

#[test]
fn removed_or_replaced_pid_file_ends_the_supervisor() {
    for is_replaced in [false, true] {
        let scratch = Scratch::new();
        let up = scratch.up_supervised(scratch.supervised(OPTIONS, "hang"));
        fs::remove_file(scratch.path("report.pid")).expect("remove");
        if is_replaced {
            scratch.write("report.pid", "another\n");
        }
        up.run.signal(Signal::SIGKILL);
        up.supervisor.wait();
        scratch.expect_nothing_left();
        scratch.expect_line("was removed or replaced; not restarted");
        let left = if is_replaced { "another\n" } else { "" };
        assert_eq!(scratch.read("report.pid"), left);
        fs::remove_file(scratch.path("report.pid")).ok();
    }
}

#[test]
fn signal_to_the_supervisor_stops_the_daemon() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
        let scratch = Scratch::new();
        let up = scratch.up_supervised(scratch.supervised(OPTIONS, "hang"));
        up.supervisor.signal(signal);
        up.supervisor.signal(signal);
        up.supervisor.wait();
        scratch.expect_stopped();
    }
}

#[test]
fn other_signals_do_not_end_the_supervisor() {
    let scratch = Scratch::new();
    let mut up = scratch.up_supervised(scratch.supervised(OPTIONS, "hang"));
    for signal in Signal::iterator() {
        let ends = [
            Signal::SIGTERM,
            Signal::SIGINT,
            Signal::SIGQUIT,
            Signal::SIGKILL,
            Signal::SIGSTOP,
        ];
        if !ends.contains(&signal) {
            up.supervisor.signal(signal);
        }
    }
    scratch.crash(&mut up);
    assert!(up.supervisor.is_alive());
}

#[cfg_attr(daemon_fork, ignore = "the parent of a process is not known there")]
#[test]
fn run_that_ignores_the_stop_is_killed() {
    let scratch = Scratch::new();
    let start = scratch.supervised(OPTIONS, "ignore:15 report hang");
    let up = scratch.up_supervised(start);
    crate::support::daemon::read_report(&scratch.path("report.json"));
    // The supervisor has the timeout of its start, and the verb cannot know that it was over.
    let options = OPTIONS.replace("stop_timeout=1", "stop_timeout=60");
    let stop = scratch.supervised_verb(&options, "stop").run();
    assert_eq!(stop.code(), 0, "{stop:?}");
    assert!(stop.out_text().contains("stopped"), "{stop:?}");
    assert!(!up.run.is_alive());
    scratch.expect_stopped();
}

#[test]
fn stop_in_the_delay_ends_at_once() {
    let scratch = Scratch::new();
    let up = scratch.up_supervised(scratch.supervised(LONG_DELAY, "hang"));
    scratch.crash_before_delay(&up);
    up.supervisor.signal(Signal::SIGTERM);
    up.supervisor.wait();
    scratch.expect_stopped();
}
