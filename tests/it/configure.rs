//! `configure`, the function that has the last word at run time.

use std::fs;

use crate::support::daemon::{expect_one_line, read_report};
use crate::support::scratch::Scratch;
use crate::support::start::Start;

/// `report` with options that `configure` replaces; each call of it leaves a line in `computed`.
fn program(scratch: &Scratch, configured: &str) -> Start {
    let options = "pid=other.pid\nlog=other.log\nlog_flag=--log-file\nconfigure=";
    let start = scratch.report().options(options);
    start
        .env("TEST_CONFIGURE", configured)
        .env("TEST_COMPUTED", scratch.path("computed"))
}

#[test]
fn configure_runs_once_in_the_launcher() {
    for method in ["enter", "start", "try_start"] {
        let scratch = Scratch::new();
        let start = program(&scratch, "pid=report.pid");
        let start = match method {
            "enter" => start.arg("-d"),
            _ => start.env("TEST_START", method).arg("-b"),
        };
        let daemon = scratch.up(start);
        daemon.report();
        let line = format!("{}\n", daemon.launch.pid);
        assert_eq!(scratch.read("computed"), line, "{method}");
    }
}

#[test]
fn configure_does_not_run_in_the_foreground() {
    for arguments in [&[][..], &["--log-file", "x"], &["-d", "--help"]] {
        let scratch = Scratch::new();
        let start = program(&scratch, "").args(arguments);
        assert_eq!(start.does("report").run().code(), 0);
        assert!(!read_report(&scratch.path("report.json")).is_daemon);
        assert!(!scratch.path("computed").exists(), "{arguments:?}");
    }
}

#[test]
fn configure_overrides_all_but_path_flags() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("sub")).expect("mkdir");
    let configured = "pid=report.pid\nlog=report.log\nworkdir=sub\numask=027";
    let start = program(&scratch, configured);
    let daemon = scratch.up(start.args(["-d", "--log-file", "user.log"]));
    let report = daemon.report();
    assert_eq!(report.umask, 0o027);
    assert!(report.cwd.ends_with(b"/sub"));
    assert!(scratch.path("user.log").exists());
    for name in ["other.pid", "other.log", "report.log"] {
        assert!(!scratch.path(name).exists(), "{name}");
    }
}

#[test]
fn instances_with_configure_may_have_one_log() {
    let scratch = Scratch::new();
    let configured = "pid_template={instance}.pid\nlog=report.log\ninstance_flag=--name";
    let start = |words: &[&str]| program(&scratch, configured).args(words);
    let launch = start(&["-d"]).env("TEST_CONFIGURE", format!("{configured}\ninstance=web"));
    let daemon = scratch.daemon_of(launch.run(), "web.pid");
    daemon.report();
    // With a rotation each needs its own.
    let launch = start(&["-d"]).env(
        "TEST_CONFIGURE",
        format!("{configured}\ninstance=mail\nlog_rotate=1000"),
    );
    let words = ["option `log_rotate`", "put {instance} into `log`"];
    let outcome = launch.run();
    assert_eq!(outcome.code(), 78, "{outcome:?}");
    expect_one_line(&outcome, &words);
}

#[test]
fn wrong_values_of_configure_are_refused() {
    let scratch = Scratch::new();
    let launch = program(&scratch, "pid_template={runtime}/x.pid")
        .arg("-d")
        .run();
    let words = "cannot use the option `pid`: unknown placeholder `{runtime}`; expected ";
    scratch.expect_refusal(&launch, 78, &[words]);
    assert!(!scratch.path("other.log").exists());
}

#[test]
fn configure_can_prompt_the_user_once() {
    let scratch = Scratch::new();
    let start = program(&scratch, "pid=report.pid\nlog=report.log");
    let start = start.arg("-d").env("TEST_ANSWER", scratch.path("answers"));
    scratch.up_with_password(start);
    assert_eq!(scratch.read("answers"), "secret\n");
    assert_eq!(scratch.read("report.log"), "");
}
