//! `log_rotate` and the verb `rotate`.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::stage::{expect_every_line_of_threads, gaps, numbers};
use crate::control::stage::expect_failure;
use crate::support::constructor;
use crate::support::deadline::{WAIT_TIMEOUT, eventually};
use crate::support::outcome::Outcome;
use crate::support::requires;
use crate::support::rounds::{is_long, rounds};
use crate::support::scratch::Scratch;

pub(super) const OPTIONS: &str =
    "pid=report.pid\nlog=report.log\nready=exec\nlog_rotate=1\nlog_keep=1000\ncontrol_flag=-s";

impl Scratch {
    pub(crate) fn rotate(&self, options: &str) -> Outcome {
        let start = self.report().options(options);
        start.args(["-s", "rotate"]).does("panic").run()
    }

    /// Ten seconds are half a second.
    pub(super) fn rotate_with_a_fast_clock(&self, options: &str) -> Outcome {
        let start = self.report().options(options).args(["-s", "rotate"]);
        let clock = constructor::with_clock(self, "* 20");
        start.does("panic").env("LD_PRELOAD", clock).run()
    }
}

pub(super) fn expect_rotated(outcome: &Outcome) {
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert_eq!((&*outcome.out_text(), &*outcome.err_text()), ("", ""));
}

/// For how long a log is rotated under threads that write at full rate.
pub(super) fn time_at_full_rate() -> Duration {
    Duration::from_secs(if is_long() { 60 } else { 5 })
}

/// The pause between two rotations of it.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

#[test]
fn rotation_keeps_every_line_of_eight_threads() {
    requires!(linux("the signal handlers of another process"));
    let scratch = Scratch::new();
    let start = scratch.background().options(OPTIONS);
    let daemon = scratch.up(start.does("count-in-threads:8"));
    let begin = Instant::now();
    let mut count = 0;
    while begin.elapsed() < time_at_full_rate() {
        scratch.expect_growth("report.log");
        expect_rotated(&scratch.rotate(OPTIONS));
        count += 1;
        thread::sleep(PAUSE);
    }
    scratch.expect_growth("report.log");
    assert!(daemon.stop().expect("its status").success());
    assert!(!scratch.path(format!("report.log.{}", count + 1)).exists());
    let old = (1..=count)
        .rev()
        .map(|number| format!("report.log.{number}"));
    let logs = old.chain(["report.log".to_owned()]);
    expect_every_line_of_threads(logs.map(|name| scratch.read(&name)), |_| false);
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
    let with_template =
        |template| options.replace("log=report.log", &format!("log_template={template}"));
    let start = scratch.report().options(with_template("{instance}.log"));
    expect_rotated(&start.args(["-s", "rotate"]).run());
    // The first old log of `web` would be that of `web.1`.
    for (template, name, is_refused) in [
        ("log.{instance}", "web.1", true),
        ("log.{instance}", "web.1a", false),
        ("log.{instance}", "1", false),
        ("{instance}.log", "web.1", false),
    ] {
        let start = scratch.report().options(with_template(template));
        let outcome = start.args(["--name", name, "-s", "rotate"]).run();
        if is_refused {
            expect_failure(&outcome, 78, &["web.1 has the name of an old log; put "]);
        } else {
            expect_rotated(&outcome);
        }
    }
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
    let successes = AtomicUsize::new(0);
    let rotate = || {
        let outcome = scratch.rotate(OPTIONS);
        // The other one has just renamed the log, or holds the lock.
        assert!([0, 75].contains(&outcome.code()), "{outcome:?}");
        successes.fetch_add(usize::from(outcome.code() == 0), Ordering::Relaxed);
    };
    let both_have_rotated = || {
        let files = scratch.files();
        let has = |what: &str| {
            let is_it = |file: &OsString| file.to_string_lossy().starts_with(what);
            files.iter().any(is_it)
        };
        successes.load(Ordering::Relaxed) > 0 && has("report.log.1") && has("report.log-")
    };
    let begin = Instant::now();
    let repeat = |count: usize, act: &dyn Fn()| {
        (0..count).for_each(|_| act());
        while !both_have_rotated() {
            assert!(begin.elapsed() < WAIT_TIMEOUT, "{:?}", scratch.files());
            act();
        }
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| repeat(rounds(5, 200), &rotate));
        }
        scope.spawn(|| repeat(rounds(3, 50), &|| drop(logrotate())));
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
    requires!(linux("the signal handlers of another process"), preload);
    let scratch = Scratch::new();
    let start = scratch.background().options(OPTIONS);
    let daemon = scratch.up(start.does("catch:10 say:hello report stay"));
    daemon.report();
    let words = ["cannot rotate", "opened no new log within 10 s"];
    expect_failure(&scratch.rotate_with_a_fast_clock(OPTIONS), 75, &words);
    assert_eq!(scratch.read("report.log"), "hello\n");
    assert!(!scratch.path("report.log.1").exists());
    daemon.stop();
}
