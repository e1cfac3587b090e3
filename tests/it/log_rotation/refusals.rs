//! Files in place of the log that are not opened: the old log stays open, with a warning.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown, symlink};

use nix::sys::resource::Resource;
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, SFlag, mknod};

use super::stage::OPTIONS;
use crate::support::deadline::eventually;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::users::HELLO;

impl Scratch {
    /// Waits for the warning in the old log that the new one cannot be opened.
    fn expect_warning(&self) {
        let has_warned = || self.read("report.log.1").contains("cannot reopen");
        eventually("it warns", || has_warned().then_some(()));
    }
}

#[test]
fn failed_reopening_keeps_the_old_log_and_warns() {
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
fn planted_file_is_not_reopened() {
    requires!(users);
    let scratch = Scratch::new();
    // Without a sticky bit, since the kernel may refuse such files there.
    let logs = scratch.directory_with_mode(0o775, "logs");
    chown(&logs, None, Some(HELLO)).expect("chgrp");
    let victim = scratch.write("victim", "precious\n");
    let daemon = scratch.writer(&OPTIONS.replace("report.log", "logs/report.log"));
    daemon.report();
    let (log, old) = (logs.join("report.log"), logs.join("old"));
    let plants: [(&str, &dyn Fn()); 2] = [
        ("a file of another user", &|| {
            fs::write(&log, "").expect("write");
            chown(&log, Some(HELLO), None).expect("chown");
        }),
        ("another name of a file", &|| {
            fs::hard_link(&victim, &log).expect("link");
        }),
    ];
    for (number, (what, plant)) in (1..).zip(plants) {
        fs::rename(&log, &old).expect("rotate");
        plant();
        let before = fs::read_to_string(&log).expect("what was planted");
        daemon.process.signal(Signal::SIGHUP);
        eventually(what, || {
            let said = fs::read_to_string(&old).expect("the old log");
            let warnings = said.matches("cannot reopen").count();
            (warnings == number).then_some(())
        });
        assert_eq!(fs::read_to_string(&log).expect("it"), before, "{what}");
        fs::rename(&old, &log).expect("back");
    }
}

#[test]
fn planted_link_is_not_followed() {
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
fn planted_device_is_refused() {
    requires!(root);
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
fn warning_survives_a_file_size_limit() {
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
