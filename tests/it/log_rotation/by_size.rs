//! `log_rotate` and the verb `rotate`.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::stage::{gaps, numbers};
use crate::control::stage::expect_failure;
use crate::support::deadline::eventually;
use crate::support::outcome::Outcome;
use crate::support::requires;
use crate::support::rounds::{is_long, rounds};
use crate::support::scratch::Scratch;

pub(super) const OPTIONS: &str =
    "pid=report.pid\nlog=report.log\nready=exec\nlog_rotate=1\nlog_keep=1000\ncontrol_flag=-s";

impl Scratch {
    pub(super) fn rotate(&self, options: &str) -> Outcome {
        let start = self.report().options(options);
        start.args(["-s", "rotate"]).does("panic").run()
    }
}

pub(super) fn expect_rotated(outcome: &Outcome) {
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert_eq!((&*outcome.out_text(), &*outcome.err_text()), ("", ""));
}

/// Every thread has written each of its numbers once and in order, and no line is cut.
pub(super) fn expect_every_line_of_threads(logs: impl Iterator<Item = String>) {
    let mut last = BTreeMap::new();
    for log in logs {
        for line in log.split_inclusive('\n') {
            let words = line.strip_suffix('\n');
            let words = words.and_then(|line| line.split_once(' '));
            let (thread, number) = words.unwrap_or_else(|| panic!("not a line: {line:?}"));
            let number: u64 = number.parse().expect("a number");
            let before = last.insert(thread.to_owned(), number).unwrap_or(0);
            assert_eq!(number, before + 1, "thread {thread}");
        }
    }
    assert_eq!(last.len(), 8, "{last:?}");
}

#[test]
fn rotation_keeps_every_line_of_eight_threads() {
    requires!(linux("the signal handlers of another process"));
    let scratch = Scratch::new();
    let start = scratch.background().options(OPTIONS);
    let daemon = scratch.up(start.does("count-in-threads:8"));
    // For a minute in the long form.
    let count = rounds(4, 600);
    for _ in 0..count {
        scratch.expect_growth("report.log");
        expect_rotated(&scratch.rotate(OPTIONS));
        if is_long() {
            thread::sleep(Duration::from_millis(100));
        }
    }
    scratch.expect_growth("report.log");
    assert!(daemon.stop().expect("its status").success());
    assert!(!scratch.path(format!("report.log.{}", count + 1)).exists());
    let old = (1..=count)
        .rev()
        .map(|number| format!("report.log.{number}"));
    let logs = old.chain(["report.log".to_owned()]);
    expect_every_line_of_threads(logs.map(|name| scratch.read(&name)));
}

#[test]
fn smaller_log_is_left_alone() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("log_rotate=1", "log_rotate=4");
    expect_rotated(&scratch.rotate(&options));
    scratch.write("report.log", "abc");
    expect_rotated(&scratch.rotate(&options));
    assert_eq!(scratch.files(), ["report.log"]);
    scratch.write("report.log", "abcd");
    expect_rotated(&scratch.rotate(&options));
    assert_eq!(scratch.files(), ["report.log.1"]);
    // Of a FIFO nothing is kept.
    mkfifo(&scratch.path("report.log"), Mode::S_IRWXU).expect("mkfifo");
    expect_rotated(&scratch.rotate(&options));
    assert_eq!(scratch.files(), ["report.log", "report.log.1"]);
}

#[test]
fn oldest_log_is_removed() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("log_keep=1000", "log_keep=3");
    for number in 1..=5 {
        scratch.write("report.log", format!("{number}\n"));
        expect_rotated(&scratch.rotate(&options));
    }
    let names = ["report.log.1", "report.log.2", "report.log.3"];
    assert_eq!(scratch.files(), names);
    assert_eq!(names.map(|name| scratch.read(name)), ["5\n", "4\n", "3\n"]);
    // A gap is filled, and what is behind it stays.
    fs::remove_file(scratch.path("report.log.2")).expect("remove");
    scratch.write("report.log", "6\n");
    expect_rotated(&scratch.rotate(&options));
    assert_eq!(names.map(|name| scratch.read(name)), ["6\n", "5\n", "3\n"]);
    let one = OPTIONS.replace("log_keep=1000", "log_keep=1");
    scratch.write("report.log", "7\n");
    expect_rotated(&scratch.rotate(&one));
    assert_eq!(names.map(|name| scratch.read(name)), ["7\n", "5\n", "3\n"]);
}

#[test]
fn run_without_a_handler_keeps_its_log() {
    let scratch = Scratch::new();
    let start = scratch.background().options(OPTIONS);
    let daemon = scratch.up(start.does("default:10 say:hello report stay"));
    daemon.report();
    let words = ["cannot rotate", "no visible handler for 10 (SIGUSR1)"];
    expect_failure(&scratch.rotate(OPTIONS), 4, &words);
    assert_eq!(scratch.read("report.log"), "hello\n");
    assert!(!scratch.path("report.log.1").exists());
    assert!(daemon.process.is_alive());
}

#[test]
fn run_without_a_verdict_is_not_signalled() {
    requires!(linux("the signal handlers of another process"));
    let scratch = Scratch::new();
    let options = OPTIONS.replace("ready=exec", "ready=notify");
    let steps = "say:hello report wait:go ready stay";
    let launch = scratch.background().options(&options).does(steps).spawn();
    eventually("it writes", || {
        scratch.path("report.json").exists().then_some(())
    });
    expect_failure(&scratch.rotate(&options), 4, &["being started"]);
    assert_eq!(scratch.read("report.log"), "hello\n");
    scratch.write("go", "");
    let daemon = scratch.daemon_of(launch.wait(), "report.pid");
    expect_rotated(&scratch.rotate(&options));
    assert_eq!(scratch.read("report.log.1"), "hello\n");
    daemon.stop();
}

#[test]
fn missing_directory_of_the_log_is_reported() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("report.log", "gone/report.log");
    let words = ["cannot rotate", "gone does not exist"];
    expect_failure(&scratch.rotate(&options), 73, &words);
    let options = "pid=report.pid\nlog=report.log\ncontrol_flag=-s";
    expect_failure(&scratch.rotate(options), 78, &["no `log_rotate` size"]);
}

#[test]
fn log_of_several_instances_is_refused() {
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\ninstance_flag=--name\nlog_flag=--log");
    for words in [&["-d"][..], &["-s", "rotate"]] {
        let outcome = scratch.report().options(&*options).args(words).run();
        expect_failure(&outcome, 78, &["`log_rotate`", "put {instance} into `log`"]);
    }
    let rotate = scratch.report().options(&*options).args(["-s", "rotate"]);
    expect_rotated(&rotate.args(["--log", "own.log"]).run());
    let options = options.replace("log=report.log", "log_template={instance}.log");
    let start = scratch.report().options(&*options).args(["-s", "rotate"]);
    expect_rotated(&start.run());
}

#[test]
fn killed_rotation_is_finished_by_the_next() {
    requires!(linux("the files of another process"));
    let scratch = Scratch::new();
    let daemon = scratch.writer(OPTIONS);
    daemon.report();
    // Killed before it has sent the signal.
    fs::rename(scratch.path("report.log"), scratch.path("report.log.1")).expect("rename");
    scratch.expect_growth("report.log.1");
    expect_rotated(&scratch.rotate(OPTIONS));
    scratch.expect_growth("report.log");
    daemon.stop();
    let written = numbers(&scratch.logs().concat());
    assert!(gaps(&written).is_empty(), "{:?}", gaps(&written));
    assert!(!scratch.path("report.log.2").exists());
}

#[test]
fn removed_log_is_opened_again() {
    requires!(linux("the files of another process"));
    let scratch = Scratch::new();
    let logs = scratch.path("logs");
    fs::create_dir(&logs).expect("mkdir");
    let options = OPTIONS.replace("report.log", "logs/report.log");
    let daemon = scratch.writer(&options);
    daemon.report();
    let removals: [(&str, &dyn Fn()); 3] = [
        ("the log", &|| {
            fs::remove_file(logs.join("report.log")).expect("remove");
        }),
        ("its directory", &|| {
            fs::remove_dir_all(&logs).expect("remove");
            let words = ["cannot rotate", "logs does not exist"];
            expect_failure(&scratch.rotate(&options), 73, &words);
            fs::create_dir(&logs).expect("mkdir");
        }),
        ("its directory, which was moved", &|| {
            fs::rename(&logs, scratch.path("moved")).expect("rename");
            fs::create_dir(&logs).expect("mkdir");
        }),
    ];
    for (what, remove) in removals {
        remove();
        let outcome = scratch.rotate(&options);
        assert_eq!(outcome.code(), 0, "{what}: {outcome:?}");
        let pid = daemon.pid();
        let said = format!(
            "report: the log {} was missing; the daemon, pid {pid}, has opened a new one\n",
            logs.join("report.log").display()
        );
        assert_eq!(outcome.err_text(), said, "{what}");
        scratch.expect_growth("logs/report.log");
    }
    daemon.stop();
    // Without a daemon a missing log is right.
    fs::remove_file(logs.join("report.log")).expect("remove");
    expect_rotated(&scratch.rotate(&options));
}

#[test]
fn rotators_beside_each_other_lose_no_line() {
    requires!(
        linux("the signal handlers of another process"),
        program("logrotate")
    );
    let scratch = Scratch::new();
    let daemon = scratch.writer(OPTIONS);
    let pid = daemon.pid();
    let log = scratch.path("report.log");
    // With names of its own: two tools that both count from 1 would rename over each other's files.
    let config = format!(
        "{} {{\n rotate 1000\n nocompress\n create\n missingok\n dateext\n dateformat -%s\n \
         postrotate\n kill -USR1 {pid}\n endscript\n}}\n",
        log.display()
    );
    let config = scratch.write("logrotate.conf", config);
    fs::set_permissions(&config, Permissions::from_mode(0o644)).expect("chmod");
    let logrotate = || {
        let mut command = Command::new("logrotate");
        command
            .arg("--force")
            .arg("--state")
            .arg(scratch.path("state"));
        // Two runs within a second want one name, and the second run leaves the log.
        command.arg(&config).output().expect("run logrotate")
    };
    let rotate = || {
        let outcome = scratch.rotate(OPTIONS);
        // The other one has just renamed the log, or holds the lock.
        assert!([0, 75].contains(&outcome.code()), "{outcome:?}");
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..rounds(5, 200)).for_each(|_| rotate()));
        }
        scope.spawn(|| (0..rounds(3, 50)).for_each(|_| drop(logrotate())));
    });
    // A rotation that another one has overtaken has left the log with another name.
    daemon.process.signal(Signal::SIGUSR1);
    scratch.expect_growth("report.log");
    daemon.stop();
    let mut written = Vec::new();
    for name in scratch.files() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("report.log") {
            written.extend(numbers(&scratch.read(&name)));
        }
    }
    written.sort_unstable();
    let all: Vec<u64> = (1..=written.len() as u64).collect();
    assert!(written == all, "lost or doubled: {:?}", gaps(&written));
}

#[test]
fn run_that_does_not_follow_keeps_its_log() {
    // The time it has is ten seconds. A unit test shows the same in a moment.
    requires!(machine(is_long(), "TEST_LONG"));
    let scratch = Scratch::new();
    let start = scratch.background().options(OPTIONS);
    let daemon = scratch.up(start.does("catch:10 say:hello report stay"));
    daemon.report();
    let words = ["cannot rotate", "opened no new log within 10 s"];
    expect_failure(&scratch.rotate(OPTIONS), 75, &words);
    assert_eq!(scratch.read("report.log"), "hello\n");
    assert!(!scratch.path("report.log.1").exists());
    daemon.stop();
}
