//! `before_start`, the function that runs in the launcher before the daemon exists.

use std::fs::{self, File};

use nix::sys::signal::Signal;

use crate::support::daemon::read_report;
use crate::support::deadline::eventually;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::terminal::Terminal;

const OPTIONS: &str = "pid=report.pid\nlog=report.log\nbefore_start=\ncontrol_flag=-s";

/// `report` with the option; each call of the function leaves a line in `computed`.
fn program(scratch: &Scratch) -> Start {
    let start = scratch.report().options(OPTIONS);
    start.env("TEST_COMPUTED", scratch.path("computed"))
}

#[test]
fn before_start_gives_values_to_the_daemon() {
    for method in ["enter", "start", "try_start"] {
        let scratch = Scratch::new();
        let passed = scratch.write("passed", "secret");
        let start = program(&scratch).env("TEST_PASSED", passed);
        let start = match method {
            "enter" => start.arg("-d"),
            _ => start.env("TEST_START", method).arg("-b"),
        };
        let does = "note-passed:taken note-passed:taken report stay";
        let daemon = scratch.up(start.does(does));
        let report = daemon.report();
        assert_eq!(report.variable("PASSED"), Some(&b"by before_start"[..]));
        let launcher = daemon.launch.pid;
        assert_eq!(scratch.read("computed"), format!("{launcher}\n"));
        assert_eq!(
            scratch.read("taken"),
            "secret, closed by an exec\nnone\n",
            "{method}"
        );
    }
}

#[test]
fn daemon_with_a_passed_file_is_executed_again() {
    let scratch = Scratch::new();
    let start = program(&scratch).env("TEST_PASSED", scratch.write("passed", "secret"));
    let daemon = scratch.up(start.arg("-d").does("exec:report%20stay"));
    let report = eventually("the new program has reported", || {
        let path = scratch.path("report.json");
        path.exists().then(|| read_report(&path))
    });
    assert_eq!(report.pid, daemon.pid());
}

#[test]
fn refusal_of_before_start_ends_the_launcher_with_1() {
    let scratch = Scratch::new();
    let start = program(&scratch).env("TEST_REFUSAL", "wrong\npassphrase");
    let launch = start.arg("-d").run();
    let words = "report: cannot start in the background: wrong\\npassphrase\n";
    scratch.expect_refusal(&launch, 1, &[words]);
    assert!(!scratch.path("report.log").exists(), "no log is made");
    assert!(!scratch.path("report.pid").exists(), "no PID file is left");
}

#[test]
fn panic_or_exit_in_before_start_ends_the_launcher_alone() {
    for (step, status) in [("panic:broken", 101), ("exit:3", 3)] {
        let scratch = Scratch::new();
        let start = program(&scratch).env("TEST_BEFORE_START", step);
        let launch = start.arg("-d").run();
        assert_eq!(launch.code(), status, "{launch:?}");
        let is_told = launch.err_text().contains("broken");
        assert_eq!(is_told, status == 101, "{launch:?}");
        scratch.expect_nothing_left();
        assert_eq!(scratch.read("report.pid").trim(), "");
        let status = program(&scratch).args(["-s", "status"]).run();
        assert_eq!(status.code(), 3, "{status:?}");
        scratch.up(program(&scratch).arg("-d"));
    }
}

#[test]
fn before_start_runs_for_a_start_alone() {
    requires!(linux("the arguments of a process"));
    let scratch = Scratch::new();
    let run = |arguments: &[&str], status| {
        let outcome = program(&scratch).args(arguments).does("stay").run();
        assert_eq!(outcome.code(), status, "{arguments:?}: {outcome:?}");
        scratch.read("computed").lines().count()
    };
    let in_foreground = program(&scratch).does("return:0").run();
    assert_eq!(in_foreground.code(), 0);
    assert_eq!(run(&["-s", "stop"], 0), 0);
    assert_eq!(run(&["-d"], 0), 1);
    assert_eq!(run(&["-d"], 69), 1, "a refused start asks no question");
    assert_eq!(run(&["-s", "status"], 0), 1);
    assert_eq!(run(&["-s", "restart"], 0), 2);
    assert_eq!(run(&["-s", "stop"], 0), 2);
}

#[test]
fn question_of_before_start_can_be_interrupted() {
    let scratch = Scratch::new();
    let (mut terminal, tty) = Terminal::new();
    let asks = || {
        let start = program(&scratch).arg("-d");
        start.env("TEST_BEFORE_START", "prompt:answers")
    };
    let launch = asks().on_terminal(tty).spawn();
    terminal.read_until("password: ");
    let second = asks().run();
    assert_eq!(second.code(), 69, "{second:?}");
    assert!(
        second.err_text().contains("already being started"),
        "{second:?}"
    );
    terminal.write(b"\x03");
    let outcome = launch.wait();
    assert_eq!(outcome.code(), 128 + Signal::SIGINT as i32, "{outcome:?}");
    scratch.expect_nothing_left();
    assert!(!scratch.path("answers").exists());
    let status = program(&scratch).args(["-s", "status"]).run();
    assert_eq!(status.code(), 3, "{status:?}");
}

#[test]
fn passed_socket_does_not_count_as_listening() {
    let scratch = Scratch::new();
    let start = program(&scratch).options(format!("{OPTIONS}\nready=listening"));
    let start = start.env("TEST_PASSED_SOCKET", "");
    // A timed wait is waited for, so the daemon is seen to end.
    let launch = start.arg("-d").does("sleep:200 return:3").run();
    scratch.expect_failed_start(&launch, 3);
}

#[test]
fn before_start_can_try_another_start() {
    let scratch = Scratch::new();
    let start = program(&scratch).env("TEST_BEFORE_START", "fail-to-start");
    scratch.up(start.arg("-d"));
}

#[test]
fn input_that_before_start_reads_brings_no_warning() {
    let scratch = Scratch::new();
    let input = scratch.write("input", "secret\n");
    let start = program(&scratch).env("TEST_BEFORE_START", "prompt:answers");
    let start = start.stdin(File::open(input).expect("open")).arg("-d");
    let daemon = scratch.up(start);
    assert_eq!(daemon.launch.err_text(), "");
    assert_eq!(scratch.read("answers"), "secret\n");
}

#[test]
fn restart_leaves_missing_directories_to_before_start() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=made/report.log\nready=exec\nbefore_start=\ncontrol_flag=-s\n\
                   workdir=made\nlisten=http=unix:made/http.sock";
    let restart = || {
        let restart = program(&scratch).options(options).does("hang");
        let restart = restart.env("TEST_BEFORE_START", "make-directory:made");
        let restart = restart.args(["-s", "restart", "a"]);
        scratch.daemon_of(restart.run(), "report.pid")
    };
    let first = restart();
    fs::remove_dir_all(scratch.path("made")).expect("rmdir");
    restart();
    assert!(!first.process.is_alive());
}

/// Fault 301: the fds of the caller's files are those of the sockets in the daemon.
#[test]
fn file_in_the_place_of_a_closed_one_is_passed_beside_sockets() {
    let scratch = Scratch::new();
    let passed = scratch.write("passed", "secret");
    let options = format!("{OPTIONS}\nlisten=a=unix:a.sock\nlisten=b=unix:b.sock\nready=notify");
    let start = program(&scratch)
        .options(options)
        .env("TEST_PASSED", passed);
    let start = start.env("TEST_BEFORE_START", "close-fds:3,4");
    let start = start.inherit(File::open("/dev/null").expect("a file"), 3, 2);
    let steps = "note-passed:taken listener:a=unix:a.sock listener:b=unix:b.sock ready stay";
    scratch.up(start.arg("-d").does(steps));
    assert_eq!(scratch.read("taken"), "secret, closed by an exec\n");
    for name in ["a", "b"] {
        let path = scratch.path(format!("{name}.sock"));
        let taken = scratch.read(name);
        assert!(taken.contains(&*path.to_string_lossy()), "{taken}");
    }
}
