//! What the user finds: the log, the working directory and those that are made for it.

use crate::support::lock::PID_MODE;
use crate::support::requires;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use nix::unistd::chown;

use super::stage::{owner, scratch, start, up};
use crate::support::daemon::{expect_one_line, read_report};
use crate::support::users::{CREW, HELLO, HELLO_GROUP};

#[test]
fn workdir_without_permission_fails_the_start() {
    requires!(users);
    let scratch = scratch();
    scratch.directory_with_mode(0o700, "private");
    let options = "pid=report.pid\nlog=report.log\nworkdir=private\nuser=hello";
    let launch = start(&scratch, &[]).options(options).run();
    scratch.expect_refusal(&launch, 71, &["working directory", "Permission denied"]);
}

#[test]
fn created_directories_belong_to_the_daemon_user() {
    requires!(users);
    let scratch = scratch();
    let options = "pid_template={pid_dir}/hello/report.pid\n\
                   log_template={log_dir}/hello/report.log\n\
                   workdir_template={state_dir}/hello\nuser=hello";
    // None of this on the machine itself.
    let prepare = "for it in /run /var/log /var/lib; do mount -t tmpfs -o mode=755 tmpfs $it || \
                   exit 99; done; readlink /proc/self/ns/mnt";
    let start = start(&scratch, &[]).env("PREPARE", prepare);
    let launch = start.options(options).run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    assert_eq!(launch.err_text(), "", "the log can be opened again");
    let report = read_report(&scratch.path("out/report.json"));
    assert_eq!(report.cwd, b"/var/lib/hello");
    let there = |path: &str| PathBuf::from(format!("/proc/{}/root{path}", report.pid));
    assert_eq!(owner(there("/run/hello")), (0, 0, 0o700));
    assert_eq!(owner(there("/run/hello/report.pid")), (0, 0, PID_MODE));
    for path in ["/var/log/hello", "/var/lib/hello"] {
        assert_eq!(owner(there(path)), (HELLO, HELLO_GROUP, 0o700), "{path}");
    }
}

#[test]
fn log_that_cannot_be_reopened_is_a_warning() {
    requires!(users);
    let options = "pid=report.pid\nlog=report.log\nuser=hello\nlog_reopen=10";
    for (group, mode, is_possible) in [
        (0, 0o640, false),
        (HELLO_GROUP, 0o640, false),
        (CREW, 0o660, true),
        (0, 0o666, true),
    ] {
        let scratch = scratch();
        let log = scratch.write("report.log", "");
        chown(&log, None, Some(group.into())).expect("chown");
        fs::set_permissions(&log, Permissions::from_mode(mode)).expect("chmod");
        let start = start(&scratch, &[]).options(options);
        let (daemon, _) = up(&scratch, start.does("say:hello report stay"));
        assert_eq!(
            scratch.read("report.log"),
            "hello\n",
            "it works all the same"
        );
        assert_eq!(owner(&log), (0, group, mode), "an old log is left alone");
        if is_possible {
            assert_eq!(daemon.launch.err_text(), "");
        } else {
            expect_one_line(&daemon.launch, &["report.log", "Permission denied"]);
        }
    }
    // A program that does not reopen its log needs no advice.
    let scratch = scratch();
    let log = scratch.write("report.log", "");
    fs::set_permissions(&log, Permissions::from_mode(0o640)).expect("chmod");
    let start = start(&scratch, &[]).options("pid=report.pid\nlog=report.log\nuser=hello");
    let (daemon, _) = up(&scratch, start.does("report stay"));
    assert_eq!(daemon.launch.err_text(), "");
}
