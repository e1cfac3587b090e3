//! Logs that are rotated under a daemon that writes.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken expectation is how a test fails"
)]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

use nix::sys::resource::Resource;
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, SFlag, mknod};

use support::daemon::Daemon;
use support::deadline::eventually;
use support::scratch::Scratch;
use support::{constructor, requires};

/// With SIGHUP as the signal on which the log is reopened.
const OPTIONS: &str =
    "pid=report.pid\nlog=report.log\nready=exec\nlog_reopen=1\ncontrol_flag=-s\nstop_timeout=5";

/// The numbers in a log that holds nothing else.
fn numbers(log: &str) -> Vec<u64> {
    assert!(!log.contains('\0'), "NUL bytes");
    assert!(log.is_empty() || log.ends_with('\n'), "a line is cut");
    let number = |line: &str| {
        line.parse()
            .unwrap_or_else(|_| panic!("not a line: {line:?}"))
    };
    log.lines().map(number).collect()
}

impl Scratch {
    fn writer(&self, options: &str) -> Daemon {
        let start = self.background().options(options);
        self.up(start.does("report count"))
    }

    /// Runs the real tool once, with these directives for the log.
    fn logrotate(&self, directives: &str) {
        let log = self.path("report.log").display().to_string();
        let config = format!("{log} {{\n rotate 100\n nocompress\n {directives}\n}}\n");
        let config = self.write("logrotate.conf", config);
        fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).expect("chmod");
        let output = Command::new("logrotate")
            .arg("--force")
            .arg("--state")
            .arg(self.path("logrotate.state"))
            .arg(&config)
            .current_dir(self.dir())
            .output()
            .expect("run logrotate");
        assert!(output.status.success(), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }

    /// Waits until the daemon has written more to its log.
    fn expect_growth(&self, log: &str) {
        let length = || fs::metadata(self.path(log)).map_or(0, |log| log.len());
        let before = length();
        eventually("the log grows", || (length() > before).then_some(()));
    }

    /// Waits until the daemon has said in its old log that it cannot open the new one.
    fn expect_warning(&self) {
        let has_warned = || self.read("report.log.1").contains("cannot reopen");
        eventually("it warns", || has_warned().then_some(()));
    }

    /// The logs from the oldest to the newest.
    fn logs(&self) -> Vec<String> {
        let rotated = |number: &usize| self.path(format!("report.log.{number}")).exists();
        let count = (1..100).take_while(rotated).count();
        let names = (1..=count)
            .rev()
            .map(|number| format!("report.log.{number}"));
        names
            .chain(["report.log".to_owned()])
            .map(|name| self.read(&name))
            .collect()
    }
}

#[test]
fn logrotate_with_create_loses_no_line_and_doubles_none() {
    if !requires::program("logrotate") {
        return;
    }
    let scratch = Scratch::new();
    let daemon = scratch.writer(OPTIONS);
    let pid_file = scratch.path("report.pid").display().to_string();
    for _ in 0..10 {
        scratch.expect_growth("report.log");
        let hang_up = format!("kill -HUP `cat {pid_file}`");
        scratch.logrotate(&format!("create\n postrotate\n {hang_up}\n endscript"));
    }
    scratch.expect_growth("report.log");
    assert!(daemon.stop().expect("its status").success());
    let logs = scratch.logs();
    assert_eq!(logs.len(), 11, "ten old ones and the new one");
    let written = numbers(&logs.concat());
    let all: Vec<u64> = (1..).take(written.len()).collect();
    assert!(written == all, "lost or doubled: {:?}", gaps(&written));
}

/// Where a number does not follow the one before.
fn gaps(written: &[u64]) -> Vec<&[u64]> {
    let pairs = written.windows(2);
    pairs.filter(|pair| pair[1] != pair[0] + 1).collect()
}

#[test]
fn logrotate_with_copytruncate_leaves_no_hole_and_doubles_no_line() {
    if !requires::program("logrotate") {
        return;
    }
    let scratch = Scratch::new();
    let daemon = scratch.writer(&OPTIONS.replace("log_reopen=1\n", ""));
    for _ in 0..10 {
        scratch.expect_growth("report.log");
        scratch.logrotate("copytruncate");
    }
    scratch.expect_growth("report.log");
    assert!(daemon.stop().expect("its status").success());
    let logs = scratch.logs();
    assert_eq!(logs.len(), 11, "ten old ones and the new one");
    let mut last = 0;
    for log in logs {
        // What is written between logrotate's copy and its truncation is lost by logrotate, says
        // its manual; a line may be copied in part. So the numbers begin later, but never earlier.
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let written = numbers(&format!("{whole}\n"));
        assert!(gaps(&written).is_empty(), "{:?}", gaps(&written));
        let first = written.first().copied().unwrap_or(u64::MAX);
        assert!(first > last, "{first} was written after {last}");
        last = written.last().copied().unwrap_or(last);
    }
}

#[cfg_attr(daemon_fork, ignore = "it is not known there who catches a signal")]
#[test]
fn the_verb_reopen_makes_the_daemon_use_the_new_file() {
    let scratch = Scratch::new();
    let daemon = scratch.writer(OPTIONS);
    daemon.report();
    fs::rename(scratch.path("report.log"), scratch.path("report.log.1")).expect("rotate");
    let outcome = scratch
        .report()
        .options(OPTIONS)
        .args(["-s", "reopen"])
        .run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    eventually("the new log is there", || {
        scratch.path("report.log").exists().then_some(())
    });
    scratch.expect_growth("report.log");
    let mode = fs::metadata(scratch.path("report.log"))
        .expect("the log")
        .mode();
    assert_eq!(mode & 0o7777, 0o640, "the mode of a new log");
    let details = fs::read_to_string(format!("/proc/{}/fdinfo/1", daemon.pid()));
    let details = details.expect("standard output");
    let flags = details.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = i32::from_str_radix(flags.expect("its flags").trim(), 8).expect("flags");
    assert_ne!(flags & libc::O_APPEND, 0);
    assert_eq!(flags & libc::O_NONBLOCK, 0);
    daemon.stop();
    let written = numbers(&scratch.logs().concat());
    assert!(gaps(&written).is_empty(), "{:?}", gaps(&written));
}

#[test]
fn a_new_log_has_its_mode_whatever_the_umask() {
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nlog_mode=604\numask=777");
    let daemon = scratch.up(scratch.background().options(options).does("count"));
    fs::remove_file(scratch.path("report.log")).expect("rotate");
    daemon.process.signal(Signal::SIGHUP);
    eventually("the new log is there", || {
        let log = fs::metadata(scratch.path("report.log")).ok()?;
        (log.mode() & 0o7777 == 0o604).then_some(())
    });
}

#[test]
fn without_reopening_the_daemon_keeps_the_old_file() {
    let scratch = Scratch::new();
    let daemon = scratch.writer(&OPTIONS.replace("log_reopen=1\n", ""));
    daemon.report();
    let old = scratch.path("report.log.1");
    fs::rename(scratch.path("report.log"), &old).expect("rotate");
    let length = || fs::metadata(&old).expect("the old log").len();
    let before = length();
    eventually("the old log grows", || (length() > before).then_some(()));
    assert!(!scratch.path("report.log").exists());
    // The signal that nobody handles would kill, and so the verb does not send it.
    let outcome = scratch
        .report()
        .options(OPTIONS)
        .args(["-s", "reopen"])
        .run();
    assert_eq!(outcome.code(), 4, "{outcome:?}");
    assert!(daemon.process.is_alive());
}

#[test]
fn the_old_log_stays_with_a_warning_when_the_new_one_cannot_be_opened() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("logs")).expect("mkdir");
    let options = OPTIONS.replace("report.log", "logs/report.log");
    let steps = "say:before report wait:go say:after note:done stay";
    let daemon = scratch.up(scratch.background().options(options).does(steps));
    daemon.report();
    fs::rename(scratch.path("logs"), scratch.path("gone")).expect("move the directory");
    daemon.process.signal(Signal::SIGHUP);
    let log = scratch.path("logs/report.log").display().to_string();
    let warning = format!("report: cannot reopen the log {log}: No such file or directory\n");
    eventually("it warns", || {
        scratch
            .read("gone/report.log")
            .contains(&warning)
            .then_some(())
    });
    scratch.write("go", "");
    eventually("it goes on", || scratch.path("done").exists().then_some(()));
    let expected = format!("before\n{warning}after\n");
    assert_eq!(scratch.read("gone/report.log"), expected);
}

#[test]
fn a_link_in_the_place_of_the_log_is_not_followed() {
    let scratch = Scratch::new();
    let daemon = scratch.writer(OPTIONS);
    daemon.report();
    let victim = scratch.write("victim", "precious\n");
    let (log, old) = (scratch.path("report.log"), scratch.path("report.log.1"));
    fs::rename(&log, &old).expect("rotate");
    symlink(&victim, &log).expect("link");
    daemon.process.signal(Signal::SIGHUP);
    scratch.expect_warning();
    assert_eq!(
        fs::read_to_string(victim).expect("the victim"),
        "precious\n"
    );
}

#[test]
fn a_device_in_the_place_of_the_log_is_refused() {
    if !requires::root() {
        return;
    }
    let scratch = Scratch::new();
    let daemon = scratch.writer(OPTIONS);
    daemon.report();
    let log = scratch.path("report.log");
    fs::rename(&log, scratch.path("report.log.1")).expect("rotate");
    let null = fs::metadata("/dev/null").expect("/dev/null").rdev();
    mknod(&log, SFlag::S_IFCHR, Mode::S_IRWXU, null).expect("mknod");
    daemon.process.signal(Signal::SIGHUP);
    scratch.expect_warning();
    scratch.expect_growth("report.log.1");
}

#[test]
fn the_complaint_about_a_log_survives_a_limit_on_the_size_of_files() {
    let limit = 64 * 1024;
    let scratch = Scratch::new();
    scratch.write("report.log", vec![b'\n'; limit]);
    let start = scratch.background().options(OPTIONS);
    let start = start.does("report wait:go note:done stay");
    let daemon = scratch.up(start.limit(Resource::RLIMIT_FSIZE, limit as u64));
    daemon.report();
    fs::remove_file(scratch.path("report.log")).expect("remove");
    fs::create_dir(scratch.path("report.log")).expect("mkdir");
    daemon.process.signal(Signal::SIGHUP);
    scratch.write("go", "");
    eventually("it goes on", || scratch.path("done").exists().then_some(()));
    assert!(daemon.process.is_alive());
}

#[test]
fn a_log_behind_a_link_of_the_users_own_is_reopened_where_it_led() {
    let scratch = Scratch::new();
    let target = scratch.path("target.log");
    symlink(&target, scratch.path("report.log")).expect("link");
    fs::write(&target, "").expect("the target");
    let daemon = scratch.writer(OPTIONS);
    daemon.report();
    fs::rename(&target, scratch.path("target.log.1")).expect("rotate");
    daemon.process.signal(Signal::SIGHUP);
    eventually("the new one is written", || {
        let log = fs::metadata(&target).ok()?;
        (log.len() > 0).then_some(())
    });
    assert!(daemon.process.is_alive());
}

#[test]
fn the_program_can_reopen_its_log_itself() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("log_reopen=1\n", "");
    let steps = "say:before report wait:go reopen say:out complain:err note:done stay";
    let daemon = scratch.up(scratch.background().options(options).does(steps));
    daemon.report();
    fs::rename(scratch.path("report.log"), scratch.path("report.log.1")).expect("rotate");
    scratch.write("go", "");
    eventually("it has written", || {
        scratch.path("done").exists().then_some(())
    });
    assert_eq!(scratch.logs(), ["before\n", "out\nerr\n"]);
}

#[test]
fn reopening_does_nothing_in_the_foreground_and_without_a_log() {
    let scratch = Scratch::new();
    let outcome = scratch.report().does("reopen say:hello").run();
    assert_eq!((outcome.code(), &*outcome.out_text()), (0, "hello\n"));
    let options = "pid=report.pid\nlog_reopen=1";
    let daemon = scratch.up(scratch
        .background()
        .options(options)
        .does("reopen report stay"));
    daemon.report();
}

#[cfg_attr(target_env = "musl", ignore = "nothing is preloaded there")]
#[test]
fn a_handler_that_was_there_before_is_called_too() {
    let scratch = Scratch::new();
    let library = handler_before_main(&scratch);
    let start = scratch
        .background()
        .options(OPTIONS)
        .env("LD_PRELOAD", library);
    let daemon = scratch.up(start.does("report stay"));
    daemon.report();
    fs::rename(scratch.path("report.log"), scratch.path("report.log.1")).expect("rotate");
    daemon.process.signal(Signal::SIGHUP);
    // Written after ours has opened the new log.
    eventually("both are called", || {
        (scratch.read("report.log") == "earlier\n").then_some(())
    });
    assert!(daemon.process.is_alive());
}

/// A library whose constructor installs a handler for SIGHUP.
fn handler_before_main(scratch: &Scratch) -> PathBuf {
    let source = r#"
        #include <signal.h>
        #include <unistd.h>
        static void handle(int signal) { write(1, "earlier\n", 8); }
        __attribute__((constructor)) static void install(void) { signal(SIGHUP, handle); }
    "#;
    constructor::library(scratch, source)
}

#[test]
fn the_same_signal_reaches_a_runtime_that_handles_it() {
    let scratch = Scratch::new();
    let launch = scratch.start("tokio_signal").arg("-d").run();
    let daemon = scratch.daemon_of(launch, "tokio_signal.pid");
    let (log, old) = ("tokio_signal.log", "tokio_signal.log.1");
    eventually("its handler is installed", || {
        (scratch.read(log) == "up\n").then_some(())
    });
    fs::rename(scratch.path(log), scratch.path(old)).expect("rotate");
    daemon.process.signal(Signal::SIGHUP);
    eventually("it was handled", || {
        (scratch.read(log) == "handled\n").then_some(())
    });
    assert_eq!(scratch.read(old), "up\n");
}

#[test]
fn a_signal_that_cannot_be_caught_is_refused() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("log_reopen=1", "log_reopen=9");
    let launch = scratch.background().options(options).run();
    scratch.expect_refusal(
        &launch,
        71,
        &["reopen the log on signal 9", "Invalid argument"],
    );
}
