//! The flags by which a user chooses the PID file and the log.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::support::daemon::expect_one_line;
use crate::support::scratch::Scratch;
use crate::support::start::Start;

const FLAGS: &str = "pid_flag=--pid-file\nlog_flag=--log-file\n";

/// A program with both flags and with default paths.
fn program(scratch: &Scratch) -> Start {
    let options = format!("{FLAGS}pid=report.pid\nlog=report.log");
    scratch.report().options(options)
}

fn bytes(words: &[&[u8]]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.to_vec()).collect()
}

#[test]
fn path_flags_choose_the_files_and_are_removed() {
    let separate: [&[u8]; 7] = [
        b"--pid-file",
        b"a.pid",
        b"x",
        b"-d",
        b"--log-file",
        b"a.log",
        b"y",
    ];
    let joined: [&[u8]; 5] = [b"x", b"--log-file=a.log", b"-d", b"y", b"--pid-file=a.pid"];
    for arguments in [&separate[..], &joined] {
        let scratch = Scratch::new();
        let start = program(&scratch).args(arguments.iter().map(|it| OsStr::from_bytes(it)));
        let daemon = scratch.daemon_of(start.does("say:hello report stay").run(), "a.pid");
        let report = daemon.report();
        assert_eq!(report.arguments[1..], bytes(&[b"x", b"y"]));
        assert_eq!(
            report.pid_file,
            Some(scratch.path("a.pid").into_os_string().into_vec())
        );
        assert_eq!(
            report.log_file,
            Some(scratch.path("a.log").into_os_string().into_vec())
        );
        assert_eq!(scratch.read("a.log"), "hello\n");
        assert!(!scratch.path("report.pid").exists() && !scratch.path("report.log").exists());
    }
}

#[test]
fn instances_run_side_by_side() {
    let scratch = Scratch::new();
    let options =
        "pid_template={instance}.pid\nlog=report.log\ninstance_flag=--name\ncontrol_flag=-s";
    let start = |words: &[&str]| scratch.report().options(options).args(words);
    let web = start(&["-d", "--name", "web"]).does("stay").run();
    let web = scratch.daemon_of(web, "web.pid");
    let usual = start(&["-d"]).does("stay").run();
    let usual = scratch.daemon_of(usual, "default.pid");
    for (words, daemon) in [(&["--name", "web"][..], &web), (&[], &usual)] {
        let status = start(&[words, &["-s", "status"]].concat()).run();
        assert_eq!(status.code(), 0, "{status:?}");
        assert!(
            status.out_text().contains(&format!("pid {}", daemon.pid())),
            "{status:?}"
        );
    }
    let status = start(&["-s", "status", "--name", "mail"]).run();
    assert_eq!(status.code(), 3, "{status:?}");
    let (files, long) = (scratch.files(), "x".repeat(65));
    for forged in ["../x", "a/b", ".", "..", "", "a\n", &long] {
        for words in [&["-d"][..], &["-sstop"], &["-sunit"]] {
            let outcome = start(words).args(["--name", forged]).does("note:ran").run();
            assert_eq!(outcome.code(), 64, "{outcome:?}");
        }
    }
    assert_eq!(scratch.files(), files, "nothing is started");
    scratch.expect_processes(2);
}

#[test]
fn name_in_the_word_of_a_short_flag_reaches_no_other_daemon() {
    let scratch = Scratch::new();
    let options =
        "pid_template={instance}.pid\ninstance_flag=-n\npid_in_foreground=1\ncontrol_flag=-s";
    let start = |words: &[&str]| scratch.report().options(options).args(words);
    let usual = scratch.daemon_of(start(&["-d"]).does("stay").run(), "default.pid");
    for words in [
        &["-s", "stop", "-nweb"][..],
        &["-s", "unit", "-nweb"],
        &["-d", "-nweb"],
        &["-nweb"],
    ] {
        let outcome = start(words).does("note:ran").run();
        assert_eq!(outcome.code(), 64, "{outcome:?}");
        expect_one_line(&outcome, &["the flag -n", "separate word", "-nweb"]);
    }
    scratch.expect_processes(1);
    drop(usual);
}

#[test]
fn one_path_flag_leaves_the_other_path() {
    let scratch = Scratch::new();
    let start = program(&scratch).args(["-d", "--log-file", "a.log"]);
    scratch.up(start);
    assert!(scratch.path("a.log").exists() && !scratch.path("report.log").exists());
}

#[test]
fn relative_path_counts_from_the_start_directory() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("sub")).expect("mkdir");
    let start = scratch.report().options(format!("{FLAGS}workdir=/"));
    let arguments = ["-d", "--pid-file", "sub/a.pid", "--log-file", "./a.log"];
    let daemon = scratch.daemon_of(start.args(arguments).run(), "sub/a.pid");
    assert_eq!(daemon.report().cwd, b"/");
    assert!(scratch.path("a.log").exists());
}

#[test]
fn flag_of_two_options_is_refused() {
    for (options, arguments, flag) in [
        ("pid_flag=-d", &["-d", "x"][..], "-d"),
        ("log_flag=--background", &["-d"], "--background"),
        ("flags=--up\ncontrol_flag=--up", &["--up"], "--up"),
        ("pid_flag=--at\nlog_flag=--at", &["-d"], "--at"),
        (
            "pid_flag=--at\ncontrol_flag=--at",
            &["--at", "stop"],
            "--at",
        ),
        ("log_flag=--at\ncontrol_flag=--at", &["--at=stop"], "--at"),
    ] {
        let scratch = Scratch::new();
        let program = || scratch.report().options(options);
        let launch = program().args(arguments).run();
        scratch.expect_refusal(
            &launch,
            78,
            &[&format!("cannot use the flag {flag}: "), "both use it"],
        );
        for option in options.split('\n') {
            let name = option.split('=').next().expect("a name");
            let name = name.replace("flags", "background_flag");
            expect_one_line(&launch, &[&name]);
        }
        expect_nothing_made(&scratch);
        assert_eq!(program().does("report").run().code(), 0, "the foreground");
    }
}

#[test]
fn unusable_path_is_named() {
    for (arguments, status, path) in [
        (["-d", "--pid-file=missing/a.pid"], 73, "missing/a.pid"),
        (["-d", "--log-file=missing/a.log"], 73, "missing/a.log"),
        (["-d", "--pid-file=."], 73, ""),
        (["-d", "--log-file=."], 73, ""),
        (["-d", "--log-file=report.pid"], 78, "report.pid"),
    ] {
        let scratch = Scratch::new();
        let launch = program(&scratch).args(arguments).run();
        let path = scratch.path(path);
        let path = path.to_str().expect("UTF-8").trim_end_matches('/');
        scratch.expect_failed_start(&launch, status);
        expect_one_line(&launch, &[path]);
        expect_nothing_made(&scratch);
    }
}

/// Never a start with half the configuration: not one of the files is left.
fn expect_nothing_made(scratch: &Scratch) {
    assert!(scratch.files().is_empty(), "{:?}", scratch.files());
}
