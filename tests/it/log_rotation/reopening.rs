//! Another file has the name of the log, and the daemon opens it or keeps to the old one.

use crate::support::requires;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use nix::sys::signal::Signal;

use super::stage::{OPTIONS, gaps, numbers};
use crate::support::deadline::eventually;
use crate::support::scratch::Scratch;
use crate::support::users::HELLO;

#[test]
fn reopen_uses_the_new_file() {
    requires!(linux("the signal handlers of another process"));
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

/// The directory of the log is gone, and another user has made one, with any link in it.
#[test]
fn log_is_not_reopened_below_another_user() {
    requires!(root);
    let scratch = Scratch::new();
    let logs = scratch.path("logs");
    fs::create_dir(&logs).expect("mkdir");
    let options = OPTIONS.replace("report.log", "logs/report.log");
    let daemon = scratch.up(scratch.background().options(options).does("hang"));
    fs::rename(&logs, scratch.path("old")).expect("rename");
    scratch.directory_of(HELLO, "logs");
    daemon.process.signal(Signal::SIGHUP);
    eventually("it keeps its log", || {
        let log = scratch.read("old/report.log");
        log.contains("Operation not permitted").then_some(())
    });
    assert_eq!(fs::read_dir(&logs).expect("the directory").count(), 0);
}

/// A program that closes its standard streams gets their fds for its own files.
#[test]
fn file_of_the_program_is_not_replaced_by_the_log() {
    requires!(linux("the descriptors of another process"));
    let scratch = Scratch::new();
    let files = ["input", "output", "error"].map(|name| scratch.write(name, ""));
    let steps = "close-streams open:input open:output append-to:error reopen note:reopened hang";
    let daemon = scratch.up(scratch.background().options(OPTIONS).does(steps));
    eventually("it has opened its log again", || {
        scratch.path("reopened").exists().then_some(())
    });
    for (fd, file) in files.iter().enumerate() {
        let open = fs::read_link(format!("/proc/{}/fd/{fd}", daemon.pid()));
        assert_eq!(open.expect("a file"), *file);
    }
}

#[test]
fn new_log_ignores_the_umask() {
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
fn log_behind_a_link_is_reopened_at_its_target() {
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
fn program_can_call_reopen_log() {
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
fn without_reopen_the_old_file_stays_open() {
    let scratch = Scratch::new();
    let daemon = scratch.writer(&OPTIONS.replace("log_reopen=1\n", ""));
    daemon.report();
    let old = scratch.path("report.log.1");
    fs::rename(scratch.path("report.log"), &old).expect("rotate");
    let length = || fs::metadata(&old).expect("the old log").len();
    let before = length();
    eventually("the old log grows", || (length() > before).then_some(()));
    assert!(!scratch.path("report.log").exists());
    // A signal without a handler would kill, so the verb does not send it.
    let outcome = scratch
        .report()
        .options(OPTIONS)
        .args(["-s", "reopen"])
        .run();
    assert_eq!(outcome.code(), 4, "{outcome:?}");
    assert!(daemon.process.is_alive());
}

#[test]
fn reopen_log_does_nothing_without_a_log() {
    let scratch = Scratch::new();
    let outcome = scratch.report().does("reopen say:hello").run();
    assert_eq!((outcome.code(), &*outcome.out_text()), (0, "hello\n"));
    let options = "pid=report.pid\nlog_reopen=1\nlog_flag=--log";
    let daemon = scratch.up(scratch
        .background()
        .options(options)
        .does("reopen report stay"));
    daemon.report();
}
