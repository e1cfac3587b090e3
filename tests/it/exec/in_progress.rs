//! `daemon::exec()` while a launcher waits, a signal comes, or another thread does the same.

use std::fs;

use nix::sys::signal::Signal;

use super::{OPTIONS, reported, verb};
use crate::support::deadline::eventually;
use crate::support::requires;
use crate::support::scratch::Scratch;

#[test]
fn executed_program_announces_to_the_launcher() {
    let scratch = Scratch::new();
    let start = scratch.background();
    let start = start.options(format!("{OPTIONS}\nready=notify"));
    let outcome = start.does("exec:announce:PORT=80%20ready%20stay").run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert_eq!(outcome.out_text(), "PORT=80");
    assert_eq!(verb(&scratch, "stop").0, 0);
}

/// The program blocks SIGTERM. SIGUSR1 comes too early for the new one.
#[test]
fn executed_program_gets_the_signals() {
    requires!(linux("the mask of another process"));
    let scratch = Scratch::new();
    let start = scratch.background();
    let start = start.options(format!("{OPTIONS}\nready=exec\nlog_reopen=10"));
    let steps = "wait:up block:15 run:exec-after-signal:report%20hang";
    let daemon = scratch.up(start.does(steps));
    fs::rename(scratch.path("report.log"), scratch.path("old.log")).expect("rotate");
    scratch.write("up", "");
    assert_eq!(reported(&scratch).pid, daemon.pid());
    eventually("the log is there again", || {
        scratch.path("report.log").exists().then_some(())
    });
    let status = format!("/proc/{}/status", daemon.pid());
    let status = fs::read_to_string(status).expect("status");
    assert!(status.contains("SigBlk:\t0000000000000000"), "{status}");
    assert_eq!(verb(&scratch, "stop").0, 0);
}

/// The program blocks SIGUSR2, and takes it by itself.
#[test]
fn signal_that_waits_ends_no_program() {
    for exec in ["exec", "exec:block:12%20report%20stay"] {
        let scratch = Scratch::new();
        let start = scratch.background();
        let start = start.options(format!("{OPTIONS}\nready=exec"));
        let steps = format!("block:12 create:blocked wait:up {exec} report stay");
        let daemon = scratch.up(start.does(&steps));
        eventually("the signal is blocked", || {
            scratch.path("blocked").exists().then_some(())
        });
        daemon.process.signal(Signal::SIGUSR2);
        scratch.write("up", "");
        assert_eq!(reported(&scratch).pid, daemon.pid());
        assert_eq!(verb(&scratch, "stop").0, 0);
    }
}

#[test]
fn failing_exec_of_another_thread_takes_nothing() {
    let scratch = Scratch::new();
    let start = scratch.background();
    let start = start.options(format!("{OPTIONS}\nready=exec"));
    let steps = "run:exec-beside-others:report%20stay";
    let daemon = scratch.up(start.does(steps));
    assert_eq!(reported(&scratch).pid, daemon.pid());
    assert_eq!(verb(&scratch, "stop").0, 0);
}

/// Other files have the fds of these sockets in the new program.
#[test]
fn executed_program_binds_closed_sockets_anew() {
    let scratch = Scratch::new();
    let names = ["a", "b", "c", "d"];
    let each = |form: &dyn Fn(&str) -> String| names.map(form).concat();
    let options = each(&|name| format!("\nlisten={name}=127.0.0.1:0"));
    let before = each(&|name| format!("closed-listener:{name}=127.0.0.1:0 "));
    let after = each(&|name| format!("listener:{name}=127.0.0.1:0%20"));
    let start = scratch.background();
    let start = start.options(format!("{OPTIONS}\nready=exec{options}"));
    let steps = format!("wait:up {before}exec:{after}report%20stay");
    let daemon = scratch.up(start.does(&steps));
    scratch.write("up", "");
    assert_eq!(reported(&scratch).pid, daemon.pid());
    assert_eq!(verb(&scratch, "stop").0, 0);
}

#[test]
fn exec_with_another_effective_user_is_refused() {
    requires!(root);
    let scratch = Scratch::new();
    let start = scratch.background().options(OPTIONS);
    let daemon = scratch.up(start.does("run:exec-as:65534 report stay"));
    assert_eq!(reported(&scratch).pid, daemon.pid());
    let log = scratch.read("report.log");
    assert!(log.contains("os error 1"), "{log}");
    assert_eq!(verb(&scratch, "stop").0, 0);
}
