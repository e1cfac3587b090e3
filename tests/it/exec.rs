//! `daemon::exec()`: a program that takes the place of the daemon is the daemon.

mod in_progress;

use std::net::{Ipv4Addr, TcpListener};

use crate::listen::handed_over::with_inherited;
use crate::support::daemon::{Daemon, read_report};
use crate::support::deadline::eventually;
use crate::support::lock;
use crate::support::report::Report;
use crate::support::requires;
use crate::support::scratch::Scratch;
use nix::sys::signal::Signal;

const OPTIONS: &str = "pid=report.pid\nlog=report.log\ncontrol_flag=-s";

/// A daemon that has executed the program again, which takes these steps and reports after them.
fn executed(scratch: &Scratch, options: &str, steps: &str) -> (Daemon, Report) {
    let options = format!("{OPTIONS}\nready=exec\n{options}");
    let start = scratch.background().arg("serve").options(options);
    let daemon = scratch.up(start.does(&format!("exec:{steps}%20report%20stay")));
    let report = reported(scratch);
    (daemon, report)
}

fn reported(scratch: &Scratch) -> Report {
    eventually("the new program has reported", || {
        let path = scratch.path("report.json");
        path.exists().then(|| read_report(&path))
    })
}

fn verb(scratch: &Scratch, verb: &str) -> (i32, String) {
    let outcome = scratch.report().options(OPTIONS).args(["-s", verb]).run();
    (outcome.code(), outcome.out_text())
}

#[test]
fn executed_program_is_the_daemon() {
    let scratch = Scratch::new();
    let (daemon, report) = executed(&scratch, "", "say:hello");
    assert!(report.is_daemon);
    assert_eq!(report.pid, daemon.pid());
    assert_eq!(report.arguments[1..], [b"serve".to_vec()]);
    assert_eq!(report.variable("__DAEMON_HANDOFF"), None);
    assert_eq!(lock::holders(&daemon.pid_file), [daemon.pid()]);
    let bytes = |name| scratch.path(name).into_os_string().into_encoded_bytes();
    assert_eq!(report.pid_file, Some(bytes("report.pid")));
    assert_eq!(report.log_file, Some(bytes("report.log")));
    assert_eq!(
        report.start_dir,
        Some(bytes("")[..bytes("").len() - 1].to_vec())
    );
    assert_eq!(scratch.read("report.log"), "hello\n");
    // The children of the daemon still do not get the lock.
    let above = report.descriptors_above_two();
    assert_eq!(above.len(), 1, "{above:?}");
    assert_ne!(above[0].flags & libc::O_CLOEXEC, 0);
    let second = scratch.background().options(OPTIONS).run();
    assert_eq!(second.code(), 69, "{second:?}");
    assert!(
        verb(&scratch, "status")
            .1
            .contains(&format!("pid {}", daemon.pid()))
    );
    assert_eq!(verb(&scratch, "stop").0, 0);
    assert_eq!(verb(&scratch, "status").0, 3);
}

#[test]
fn executed_program_reopens_its_log() {
    let scratch = Scratch::new();
    let (daemon, _) = executed(&scratch, "log_reopen=10", "");
    let log = scratch.path("report.log");
    std::fs::rename(&log, scratch.path("old.log")).expect("rotate");
    std::fs::create_dir(&log).expect("mkdir");
    daemon.process.signal(Signal::SIGUSR1);
    eventually("it says that it cannot", || {
        let said = scratch.read("old.log");
        let line = format!("report: cannot reopen the log {}: ", log.display());
        said.ends_with('\n')
            .then(|| assert!(said.starts_with(&line), "{said}"))
    });
    std::fs::remove_dir(&log).expect("rmdir");
    daemon.process.signal(Signal::SIGUSR1);
    eventually("the log is there again", || {
        scratch.path("report.log").exists().then_some(())
    });
    daemon.stop();
}

/// Standard output leads to a file of the program, which it appends to, before the exec, and standard error to the log.
#[test]
fn executed_program_keeps_its_own_output() {
    requires!(linux("the files of another process"));
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nready=exec\nlog_reopen=10");
    let start = scratch.background().options(options);
    let daemon = scratch.up(start.does("redirect:own exec:create:executed%20stay"));
    eventually("the new program runs", || {
        scratch.path("executed").exists().then_some(())
    });
    std::fs::rename(scratch.path("report.log"), scratch.path("old.log")).expect("rotate");
    daemon.process.signal(Signal::SIGUSR1);
    let stream = |fd| std::fs::read_link(format!("/proc/{}/fd/{fd}", daemon.pid()));
    eventually("standard error leads to the new log", || {
        (stream(2).expect("fd 2") == scratch.path("report.log")).then_some(())
    });
    assert_eq!(stream(1).expect("fd 1"), scratch.path("own"));
    daemon.stop();
}

#[test]
fn output_of_a_ready_daemon_stays_after_an_exec() {
    let scratch = Scratch::new();
    let start = scratch.background().options("pid=report.pid\nready=notify");
    let steps = "redirect:own ready exec:ready%20say:hello%20report%20stay";
    let _daemon = scratch.up(start.does(steps));
    eventually("the new program has reported", || {
        scratch.path("report.json").exists().then_some(())
    });
    assert_eq!(scratch.read("own"), "hello\n");
}

#[test]
fn daemon_without_streams_is_executed_again() {
    let scratch = Scratch::new();
    let start = scratch
        .background()
        .options(format!("{OPTIONS}\nready=exec"));
    let steps = "close-streams exec:report%20stay";
    let daemon = scratch.up(start.does(steps));
    let report = reported(&scratch);
    assert_eq!(report.pid, daemon.pid());
    assert_eq!(verb(&scratch, "stop").0, 0);
}

/// The program has closed all descriptors, and its own file has that of the lock.
#[test]
fn executed_program_truncates_no_file_of_its_own() {
    requires!(linux("close_range(2)"));
    let scratch = Scratch::new();
    scratch.write("own", "precious");
    let start = scratch
        .background()
        .options(format!("{OPTIONS}\nready=exec"));
    let files = "append-to:own ".repeat(20);
    let steps = format!("wait:up close-all {files}exec:create:executed%20return:0");
    let daemon = scratch.up(start.does(&steps));
    scratch.write("up", "");
    daemon.process.wait_for_end();
    assert!(scratch.path("executed").exists());
    assert_eq!(scratch.read("own"), "precious");
}

#[test]
fn executed_program_takes_the_sockets_again() {
    // One is taken before and the other is not, or one is closed.
    for (before, after, open) in [
        ("listener", "%20listener:http=127.0.0.1:0", 3),
        ("closed-listener", "", 2),
    ] {
        let scratch = Scratch::new();
        let options = "listen=http=127.0.0.1:0\nlisten=control=unix:control.sock";
        let options = format!("{OPTIONS}\nready=exec\n{options}");
        let after = format!("listener:control=unix:control.sock{after}%20report%20stay");
        let steps = format!("{before}:http=127.0.0.1:0 exec:{after}");
        let first = scratch.up(scratch.background().options(options).does(&steps));
        let report = reported(&scratch);
        assert_eq!(report.pid, first.pid());
        let control = scratch.read("control");
        assert!(control.ends_with(" 4"), "that of the launcher: {control}");
        let above = report.descriptors_above_two();
        assert_eq!(above.len(), open, "the sockets and the PID file: {above:?}");
    }
}

/// It drops the socket of `listen`, which is one of `LISTEN_FDS` then, and the reopening of the log.
#[test]
fn executed_program_may_have_fewer_options() {
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nready=exec");
    let sockets = "listen=http=127.0.0.1:0\nlisten=control=unix:control.sock";
    let start = scratch.background().env("TEST_UPGRADED", &options);
    let start = start.options(format!("{options}\nlog_reopen=10\n{sockets}"));
    let steps = "exec:listener:control=unix:control.sock%20report%20stay";
    let daemon = scratch.up(start.does(steps));
    assert_eq!(reported(&scratch).pid, daemon.pid());
    let control = scratch.read("control");
    assert!(control.ends_with(" 4"), "that of the launcher: {control}");
    assert_eq!(verb(&scratch, "stop").0, 0);
}

#[test]
fn executed_program_takes_inherited_sockets_again() {
    for switch in [&["-d"][..], &[]] {
        let scratch = Scratch::new();
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        let start = scratch.report().args(switch);
        let start = start.options(format!("{OPTIONS}\nready=exec"));
        let take = "listener:http=127.0.0.1:0";
        let steps = format!("{take} exec:{take}%20report%20return:0");
        let start = with_inherited(&scratch, "other:http", socket, start.does(&steps));
        let outcome = start.run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
        reported(&scratch);
        let http = scratch.read("http");
        assert!(http.ends_with(" 4"), "that of the caller: {http}");
        scratch.expect_nothing_left();
    }
}

#[test]
fn executed_child_does_not_get_the_lock() {
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nready=exec");
    let steps = "report run:exec-in-child:create:executed%20hang hang";
    let daemon = scratch.up(scratch.background().options(options).does(steps));
    eventually("the child runs its program", || {
        scratch.path("executed").exists().then_some(())
    });
    assert_eq!(lock::holders(&daemon.pid_file), [daemon.pid()]);
}

#[test]
fn failed_exec_leaves_the_daemon_as_it_was() {
    let scratch = Scratch::new();
    let start = scratch.background().options(OPTIONS);
    let daemon = scratch.up(start.does("exec report stay"));
    let report = daemon.report();
    assert_eq!(report.variable("__DAEMON_HANDOFF"), None);
    // As in every Rust program.
    let broken_pipe = 1 << (Signal::SIGPIPE as u32 - 1);
    assert_ne!(report.signals.ignored & broken_pipe, 0);
    let above = report.descriptors_above_two();
    assert_eq!(above.len(), 1, "{above:?}");
    assert_ne!(above[0].flags & libc::O_CLOEXEC, 0);
    assert_eq!(verb(&scratch, "stop").0, 0);
}

#[test]
fn exec_in_the_foreground_is_a_plain_exec() {
    let scratch = Scratch::new();
    let start = scratch.report().arg("serve").does("exec:report%20return:5");
    let outcome = start.run();
    assert_eq!(outcome.code(), 5, "{outcome:?}");
    let report = read_report(&scratch.path("report.json"));
    assert_eq!((report.pid, report.is_daemon), (outcome.pid, false));
    assert_eq!(report.arguments[1..], [b"serve".to_vec()]);
}
