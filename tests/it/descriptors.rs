//! Open descriptors of the daemon: the standard streams, the PID file, none of the caller.

mod callers;

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use crate::support::daemon::{Daemon, read_report};
use crate::support::report::{Descriptor, Report};
use crate::support::requires;
use crate::support::scratch::Scratch;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::pipe2;

/// The standard streams are /dev/null and the log; above them is the PID file, which children
/// of the daemon do not get.
fn expect_clean(scratch: &Scratch, report: &Report) {
    expect_streams(report, scratch.path("report.log").as_os_str().as_bytes());
    expect_pid_file_alone(scratch, &report.descriptors_above_two());
}

fn expect_streams(report: &Report, log: &[u8]) {
    let stream = |fd| report.descriptor(fd).expect("a standard stream");
    let access = |stream: &Descriptor| stream.flags & libc::O_ACCMODE;
    assert_eq!(stream(0).target, b"/dev/null");
    assert_eq!(stream(1).target, log);
    assert_eq!(stream(2).target, log);
    assert_ne!(access(stream(0)), libc::O_WRONLY);
    assert_ne!(access(stream(1)), libc::O_RDONLY);
    assert_ne!(access(stream(2)), libc::O_RDONLY);
    for fd in 0..=2 {
        assert_eq!(stream(fd).flags & libc::O_CLOEXEC, 0, "children get {fd}");
        assert_eq!(stream(fd).flags & libc::O_NONBLOCK, 0, "{fd} blocks");
    }
}

fn expect_pid_file_alone(scratch: &Scratch, descriptors: &[Descriptor]) {
    let [pid_file] = descriptors else {
        panic!("one descriptor above 2: {descriptors:?}");
    };
    assert_eq!(
        pid_file.target,
        scratch.path("report.pid").as_os_str().as_bytes()
    );
    assert_ne!(
        pid_file.flags & libc::O_CLOEXEC,
        0,
        "children must not hold the lock"
    );
}

#[test]
fn daemon_has_only_streams_pid_file_and_hand_off() {
    let scratch = Scratch::new();
    let report = scratch.up(scratch.background()).report();
    expect_clean(&scratch, &report);
    assert!(report.handoff().is_some(), "{report:?}");
    let log = report.descriptor(1).expect("standard output");
    assert_ne!(log.flags & libc::O_APPEND, 0);
}

#[test]
fn without_files_the_streams_are_dev_null() {
    let scratch = Scratch::new();
    let launch = scratch.background().options("").run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    let report = read_report(&scratch.path("report.json"));
    expect_streams(&report, b"/dev/null");
    assert_eq!(report.descriptors_above_two(), []);
}

#[test]
fn closed_streams_of_the_caller_change_nothing() {
    for closed in 0..8 {
        let closed: Vec<i32> = (0..3).filter(|fd| closed & (1 << fd) != 0).collect();
        let scratch = Scratch::new();
        let daemon = scratch.up(scratch.background().close(&closed));
        expect_clean(&scratch, &daemon.report());
    }
}

#[test]
fn child_of_the_daemon_inherits_only_streams() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background().does("child report stay"));
    daemon.report();
    let child = read_report(&scratch.path("child.json"));
    assert!(!child.is_daemon);
    expect_streams(&child, scratch.path("report.log").as_os_str().as_bytes());
    assert_eq!(child.descriptors_above_two(), []);
}

#[test]
fn inherited_pipe_ends_with_the_launcher() {
    let scratch = Scratch::new();
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
    let daemon = scratch.up(scratch.background().inherit(writer, 100, 1));
    expect_clean(&scratch, &daemon.report());
    let mut rest = Vec::new();
    File::from(reader)
        .read_to_end(&mut rest)
        .expect("the end of the pipe");
    assert!(daemon.process.is_alive());
}

#[test]
fn thousands_of_inherited_descriptors_are_closed() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit");
    requires!(machine(hard > 6000, "a hard limit of 6000 descriptors"));
    let scratch = Scratch::new();
    let file = File::open("/dev/zero").expect("/dev/zero");
    let daemon = scratch.up(scratch.background().inherit(file, 3, 5000));
    expect_clean(&scratch, &daemon.report());
}

/// A start under `strace` that has one kind of system call fail. The program ends at once, since
/// `strace` waits for all it traces.
fn report_with_fault(fault: &str) -> (Scratch, Report) {
    let scratch = Scratch::new();
    let file = File::open("/dev/zero").expect("/dev/zero");
    let outcome = scratch
        .background()
        .does("report")
        .traced(&[&format!("-einject={fault}")])
        .inherit(file, 3, 200)
        .run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let call = fault.split(':').next().expect("a call");
    assert!(
        scratch.read("trace").contains(&format!("{call}(")),
        "the fault was met"
    );
    let report = read_report(&scratch.path("report.json"));
    (scratch, report)
}

#[test]
fn descriptors_are_closed_without_close_range() {
    requires!(linux("the system calls of the launch"), strace);
    for errno in ["ENOSYS", "EPERM"] {
        let fault = format!("close_range:error={errno}");
        let (scratch, report) = report_with_fault(&fault);
        assert!(report.is_daemon);
        expect_clean(&scratch, &report);
    }
}

fn up_with_kept(options: &str, first: i32, count: i32) -> (Scratch, Daemon) {
    let scratch = Scratch::new();
    let file = File::open("/dev/zero").expect("/dev/zero");
    let options = format!("pid=report.pid\nlog=report.log\n{options}");
    let start = scratch.background().options(options);
    let daemon = scratch.up(start.inherit(file, first, count));
    (scratch, daemon)
}

#[test]
fn keep_fds_keeps_only_the_named_descriptors() {
    // The first fds are those that internal descriptors would get.
    for first in [3, 100] {
        let kept = [first, first + 2, first + 5];
        let options = format!("keep_fds={},{},{}", kept[0], kept[1], kept[2]);
        let (scratch, daemon) = up_with_kept(&options, first, 8);
        let (ours, theirs): (Vec<_>, Vec<_>) = daemon
            .report()
            .descriptors_above_two()
            .into_iter()
            .partition(|open| open.target != b"/dev/zero");
        expect_pid_file_alone(&scratch, &ours);
        let fds: Vec<_> = theirs.iter().map(|open| open.fd).collect();
        assert_eq!(fds, kept);
        assert!(theirs.iter().all(|open| open.flags & libc::O_CLOEXEC == 0));
    }
}

#[test]
fn keep_fds_ignores_closed_descriptors() {
    // The first fds are those that internal descriptors get in the launcher.
    for options in ["keep_fds=50", "keep_fds=3,4,5,6,7,8,9"] {
        let (scratch, daemon) = up_with_kept(options, 100, 1);
        expect_clean(&scratch, &daemon.report());
    }
}

#[test]
fn streams_of_the_caller_keep_their_flags() {
    for nonblocking in [OFlag::empty(), OFlag::O_NONBLOCK] {
        let scratch = Scratch::new();
        let (_reader, writer) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
        fcntl(&writer, FcntlArg::F_SETFL(nonblocking)).expect("set the flags");
        let flags = || fcntl(writer.as_fd(), FcntlArg::F_GETFL).expect("the flags");
        let before = flags();
        let stream = || writer.try_clone().expect("a copy");
        let start = scratch.background().stdout(stream()).stderr(stream());
        scratch.up(start);
        assert_eq!(flags(), before);
    }
}

#[test]
fn descriptor_limit_gives_a_daemon_or_a_refusal() {
    // The C libraries have different words for it.
    let reason = io::Error::from(Errno::EMFILE).to_string();
    let reason = reason.split(" (os").next().unwrap_or_default();
    let (mut ups, mut refusals) = (0, 0);
    for limit in 3..=24 {
        let scratch = Scratch::new();
        let launch = scratch
            .background()
            .limit(Resource::RLIMIT_NOFILE, limit)
            .run();
        match launch.code() {
            0 => {
                ups += 1;
                scratch.daemon_of(launch, "report.pid");
            }
            status @ (71 | 73) => {
                refusals += 1;
                scratch.expect_refusal(&launch, status, &[reason]);
            }
            // The dynamic loader could not open a library.
            127 => {}
            _ => panic!("with {limit} descriptors: {launch:?}"),
        }
    }
    assert!(ups > 0 && refusals > 0, "{ups} starts, {refusals} refusals");
}

#[test]
fn kept_fd_at_the_limit_leaves_the_others_free() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\nkeep_fds=7,99";
    let file = File::open("/dev/zero").expect("/dev/zero");
    let start = scratch.background().options(options).inherit(file, 99, 1);
    let daemon = scratch.up(start.limit(Resource::RLIMIT_NOFILE, 100));
    let report = daemon.report();
    assert_eq!(report.descriptor(99).expect("99").target, b"/dev/zero");
    // The other one was not open, and what is not the program's does not get its place.
    assert!(report.descriptor(7).is_none());
}
