//! What holds for every verb, and for a program that asks without one.

use crate::support::requires;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use daemon::{Control, ErrorKind, PathSource, Status, Stopped};
use nix::sys::signal::Signal;

use super::stage::{OPTIONS, as_nobody, expect_answer, expect_failure};
use crate::support::daemon::read_report;
use crate::support::deadline::eventually;
use crate::support::process;
use crate::support::scratch::Scratch;

#[test]
fn verbs_report_a_missing_daemon() {
    let scratch = Scratch::new();
    expect_answer(&scratch.verb("status").run(), 3, "not running");
    expect_answer(&scratch.verb("stop").run(), 0, "not running");
    let said = scratch.verb("status").run().out_text();
    let pid_file = scratch.path("report.pid");
    let expected = format!("report: not running (PID file {})\n", pid_file.display());
    assert_eq!(said, expected);
    expect_failure(
        &scratch.verb("reload").run(),
        7,
        &["not running", "report.pid)"],
    );
    let reopen = scratch
        .verb("reopen")
        .options(format!("{OPTIONS}\nlog_reopen=10"));
    expect_failure(&reopen.run(), 7, &["not running"]);
    assert!(scratch.files().is_empty(), "{:?}", scratch.files());
}

#[test]
fn verbs_report_a_wrong_option() {
    let scratch = Scratch::new();
    for (option, value, words) in [
        ("ready", "tcp:80,tcp:80", "`tcp:80` is listed twice"),
        ("env_remove", "A=B", "takes names without `=`"),
        ("log_template", "{log_dir}", "names a directory"),
        ("syslog", "nowhere", "unknown facility"),
    ] {
        let options = format!("{OPTIONS}\n{option}={value}");
        for verb in ["status", "stop"] {
            let outcome = scratch.verb(verb).options(&*options).run();
            let option = format!("`{}`", option.trim_end_matches("_template"));
            expect_failure(&outcome, 78, &[&option, words]);
        }
    }
}

#[test]
fn verbs_are_subcommands() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\ncontrol_subcommands=run";
    let run = |words: &[&str]| {
        let start = scratch.report().options(options).args(words);
        start.does("report stay").run()
    };
    let daemon = scratch.daemon_of(run(&["start", "x"]), "report.pid");
    assert_eq!(daemon.report().arguments[1..], [b"run", &b"x"[..]]);
    for verb in ["status", "start"] {
        let answer = run(&[verb]);
        assert_eq!(answer.code(), 0, "{answer:?}");
        let pid = format!("pid {}", daemon.pid());
        assert!(answer.out_text().contains(&pid), "{answer:?}");
    }
    daemon.stop();
    assert_eq!(run(&["stop"]).code(), 0);
    assert_eq!(run(&["status"]).code(), 3);
}

#[test]
fn verb_with_a_question_reaches_the_program() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\ncontrol_subcommands=run\nlog_reopen=10\n\
                   log_rotate=1000\npid_flag=--pid-file";
    for verb in [
        "status",
        "start",
        "stop",
        "reload",
        "reopen",
        "restart",
        "rotate",
        "log",
        "unit",
        "user-unit",
    ] {
        for more in [&[][..], &["--pid-file", "a"]] {
            let start = scratch.report().options(options).arg(verb).args(more);
            let outcome = start.arg("--help").does("report").run();
            assert_eq!(outcome.code(), 0, "{verb}: {outcome:?}");
            let report = read_report(&scratch.path("report.json"));
            assert!(!report.is_daemon, "{verb}");
            assert_eq!(report.arguments[1..], [verb.as_bytes(), b"--help"]);
            fs::remove_file(scratch.path("report.json")).expect("the report");
        }
    }
}

#[test]
fn stop_removes_the_file_after_a_crash() {
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("report stay");
    daemon.process.signal(Signal::SIGKILL);
    daemon.process.wait();
    let left = "not running, but it left its PID file";
    expect_answer(&scratch.verb("status").run(), 1, left);
    expect_answer(&scratch.verb("stop").run(), 0, "not running");
    assert!(!scratch.path("report.pid").exists());
    expect_answer(&scratch.verb("status").run(), 3, "not running");
}

#[test]
fn wrong_verbs_are_usage_errors() {
    let scratch = Scratch::new();
    expect_failure(&scratch.verb("stop").arg("-d").run(), 64, &["-d"]);
    expect_failure(&scratch.verb("halt").run(), 64, &["unknown verb halt"]);
}

#[test]
fn verbs_create_no_directory() {
    let scratch = Scratch::new();
    let options = "pid_template={state_dir}/{name}/report.pid\ncontrol_flag=-s";
    let status = scratch.verb("status").options(options);
    let status = as_nobody(status).env("XDG_STATE_HOME", scratch.path("state"));
    fs::set_permissions(scratch.dir(), fs::Permissions::from_mode(0o777)).expect("chmod");
    expect_answer(&status.run(), 3, "not running");
    assert!(!scratch.path("state").exists());
}

#[test]
fn path_flag_selects_one_of_several_daemons() {
    let scratch = Scratch::new();
    let options = "control_flag=-s\npid_flag=--pid-file\nlog=report.log\nready=exec";
    let up = |pid_file: &str| {
        let start = scratch.background().options(options).does("stay");
        scratch.daemon_of(start.args(["--pid-file", pid_file]).run(), pid_file)
    };
    let (one, two) = (up("1.pid"), up("2.pid"));
    let stop = scratch.report().options(options);
    let stop = stop.args(["-s", "stop", "--pid-file", "2.pid"]).run();
    expect_answer(&stop, 0, &format!("stopped, pid {}", two.pid()));
    assert!(one.process.is_alive() && !two.process.is_alive());
    let status = scratch
        .report()
        .options(options)
        .args(["-s", "status"])
        .run();
    expect_failure(&status, 78, &["no PID file"]);
}

#[test]
fn killed_verb_can_be_repeated() {
    requires!(linux("the arguments of a process"));
    let scratch = Scratch::new();
    let patient = OPTIONS.replace("stop_timeout=1", "stop_timeout=60");
    for verb in ["stop", "restart"] {
        let daemon = scratch.up_and_reported("ignore:15 report hang");
        let first = scratch.verb(verb).options(&patient).spawn();
        eventually("it waits for the end", || {
            (process::stat(first.pid())?.state == 'S').then_some(())
        });
        first.signal(Signal::SIGKILL);
        first.wait();
        assert!(daemon.process.is_alive());
        let second = scratch.verb(verb).does("hang").run();
        assert_eq!(second.code(), 0, "{second:?}");
        assert!(!daemon.process.is_alive());
        scratch.verb("stop").run();
        fs::remove_file(scratch.path("report.json")).expect("the report");
    }
}

#[test]
fn control_takes_the_path_of_a_pid_file() {
    requires!(linux("the start time of a process"));
    let scratch = Scratch::new();
    let control = scratch.control();
    let timeout = Duration::from_secs(5);
    assert_eq!(control.status().expect("status"), Status::NotRunning);
    assert_eq!(control.stop(timeout).expect("stop"), Stopped::NotRunning);
    let error = control
        .signal(daemon::Signal::SIGTERM)
        .expect_err("no daemon");
    assert_eq!(
        (error.kind(), error.exit_status()),
        (ErrorKind::NotRunning, 7)
    );

    let daemon = scratch.up_and_reported("catch:12 report stay");
    let own = daemon.pid().unsigned_abs();
    match control.status().expect("status") {
        Status::Running { pid, since, .. } => {
            assert_eq!(pid, own);
            let age = since.expect("a start time").elapsed().unwrap_or_default();
            assert!(age < Duration::from_secs(60), "{age:?}");
        }
        other => panic!("{other:?}"),
    }
    control
        .signal(daemon::Signal::SIGUSR2)
        .expect("a signal it handles");
    assert!(daemon.process.is_alive());
    match control.stop(timeout).expect("stop") {
        Stopped::Terminated { pid, .. } => assert_eq!(pid, own),
        other => panic!("{other:?}"),
    }
    assert!(!scratch.path("report.pid").exists());
}

#[test]
fn control_takes_a_template_of_a_path() {
    let status = |path: &'static str| Control::new(PathSource::template(path)).status();
    let missing = status("/nonexistent/{name}.pid").expect("status");
    assert_eq!(missing, Status::NotRunning);
    // `{instance}` has a value on a command line alone.
    let error = status("/run/{instance}.pid").expect_err("no value");
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    let plain = Control::new("/nonexistent/{instance}.pid").status();
    assert_eq!(plain.expect("status"), Status::NotRunning);
}
