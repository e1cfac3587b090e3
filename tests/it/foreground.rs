//! Without the switch the program is the program it was.

use std::collections::BTreeMap;
use std::fs;

use crate::support::daemon::read_report;
use crate::support::scratch::Scratch;
use crate::support::{lock, program, requires};

#[test]
fn foreground_opens_and_locks_nothing() {
    let scratch = Scratch::new();
    let outcome = scratch.report().does("report say:hello return:7").run();
    assert_eq!(outcome.code(), 7);
    assert_eq!(outcome.out_text(), "hello\n");
    assert_eq!(outcome.err_text(), "");
    let report = read_report(&scratch.path("report.json"));
    assert_eq!(report.pid, outcome.pid);
    assert_eq!(report.descriptors_above_two(), []);
    assert!(!report.is_daemon);
    assert_eq!((report.pid_file, report.log_file), (None, None));
    assert_eq!(scratch.files(), ["report.json"]);
}

#[test]
fn foreground_runs_beside_a_daemon() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background());
    daemon.report();
    let outcome = scratch.report().does("say:hello").run();
    assert_eq!((outcome.code(), &*outcome.out_text()), (0, "hello\n"));
    assert_eq!(lock::holders(&daemon.pid_file), [daemon.pid()]);
    assert_eq!(scratch.read("report.pid"), format!("{}\n", daemon.pid()));
}

#[test]
fn path_expression_runs_once_in_the_launcher() {
    let scratch = Scratch::new();
    let options = "computed_pid=report.pid\ncomputed_log=report.log\ncomputed_workdir=/";
    let computed = scratch.path("computed");
    let start = scratch
        .report()
        .options(options)
        .env("TEST_COMPUTED", &computed);
    assert_eq!(start.does("report").run().code(), 0);
    assert!(!computed.exists(), "evaluated in the foreground");
    fs::remove_file(scratch.path("report.json")).expect("the report");

    let start = scratch
        .background()
        .options(options)
        .env("TEST_COMPUTED", &computed);
    let daemon = scratch.up(start);
    assert_eq!(daemon.report().cwd, b"/");
    let line = format!("{}\n", daemon.launch.pid);
    assert_eq!(scratch.read("computed"), line.repeat(3));
}

#[test]
fn attribute_adds_no_system_call_in_foreground() {
    requires!(strace);
    for arguments in [&[][..], &["serve", "--port", "80", "-v", "--", "-d"]] {
        let with = system_calls("attributed", arguments);
        let without = system_calls("plain", arguments);
        assert!(without.contains_key("write"), "{without:?}");
        assert_eq!(with, without, "{arguments:?}");
    }
}

/// The names and counts of the system calls that a program makes.
fn system_calls(name: &str, arguments: &[&str]) -> BTreeMap<String, usize> {
    let scratch = Scratch::new();
    // Under one and the same name, since the length of a path may decide about memory.
    let copy = scratch.copy_program(&program::path(name), "program");
    let start = scratch.start_path(&copy).args(arguments);
    let outcome = start.traced(&[]).run();
    assert_eq!(
        (outcome.code(), &*outcome.out_text()),
        (0, "hello\n"),
        "{outcome:?}"
    );
    let mut calls = BTreeMap::new();
    for line in scratch.read("trace").lines() {
        // `PID name(arguments) = result`
        let call = line.split_whitespace().nth(1).unwrap_or_default();
        if let Some((call, _)) = call.split_once('(') {
            // There an allocation more or less may be one.
            if cfg!(target_env = "musl") && ["mmap", "munmap"].contains(&call) {
                continue;
            }
            *calls.entry(call.to_owned()).or_default() += 1;
        }
    }
    calls
}

#[test]
fn pid_in_foreground_locks_in_both_modes() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\ncontrol_flag=-s\npid_in_foreground=1";
    let program = || scratch.report().options(options);
    let running = program().does("report stay").spawn();
    let report = read_report(&scratch.path("report.json"));
    assert!(!report.is_daemon);
    let pid_file = scratch.path("report.pid");
    assert_eq!(
        report.pid_file.as_deref(),
        Some(pid_file.as_os_str().as_encoded_bytes())
    );
    assert_eq!(scratch.read("report.pid"), format!("{}\n", report.pid));
    for arguments in [&["-d"][..], &[]] {
        let second = program().args(arguments).run();
        assert_eq!(second.code(), 69, "{second:?}");
        let words = format!("already running, pid {}", report.pid);
        assert!(second.err_text().contains(&words), "{second:?}");
    }
    // A question is answered all the same.
    assert_eq!(
        program().arg("--help").does("say:help").run().out_text(),
        "help\n"
    );
    let status = program().args(["-s", "status"]).run();
    assert_eq!(status.code(), 0, "{status:?}");
    let stop = program().args(["-s", "stop"]).run();
    assert_eq!(stop.code(), 0, "{stop:?}");
    assert!(!running.is_alive());

    // And the other way round.
    let daemon = scratch.up(program().arg("-d").does("stay"));
    assert_eq!(program().run().code(), 69);
    drop(daemon);
}

#[test]
fn pid_in_foreground_is_emptied_at_a_normal_end() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\npid_in_foreground=1\npid_flag=--at\nsubcommand=serve";
    let program = || scratch.report().options(options);
    let outcome = program()
        .args(["serve", "--at", "own.pid"])
        .does("return:3")
        .run();
    assert_eq!(outcome.code(), 3, "{outcome:?}");
    assert_eq!(scratch.read("own.pid"), "");
    assert!(!lock::is_held(&scratch.path("own.pid")));
    // Another subcommand is no service.
    assert_eq!(
        program().arg("genkey").does("say:key").run().out_text(),
        "key\n"
    );
    assert!(!scratch.path("report.pid").exists());
    let outcome = program().args(["serve", "--at", "/missing/own.pid"]).run();
    assert_eq!(outcome.code(), 73, "{outcome:?}");
}
