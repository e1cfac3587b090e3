//! The log: both streams, appended, byte for byte, in a file that is safe to write to.

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::support::deadline::eventually;
use crate::support::requires;
use crate::support::scratch::Scratch;

#[test]
fn both_streams_are_appended_to_the_log_in_order() {
    let scratch = Scratch::new();
    scratch.write("report.log", "earlier\n");
    let steps = "say:one complain:two say:three complain:four report stay";
    let daemon = scratch.up(scratch.background().does(steps));
    daemon.report();
    assert_eq!(
        scratch.read("report.log"),
        "earlier\none\ntwo\nthree\nfour\n"
    );
}

#[test]
fn truncated_log_continues_at_its_start() {
    let scratch = Scratch::new();
    let steps = "say:before report wait:go say:after note:done stay";
    let daemon = scratch.up(scratch.background().does(steps));
    daemon.report();
    let log = File::options()
        .write(true)
        .open(scratch.path("report.log"))
        .expect("the log");
    log.set_len(0).expect("truncate");
    scratch.write("go", "");
    eventually("it has written", || {
        scratch.path("done").exists().then_some(())
    });
    assert_eq!(scratch.read("report.log"), "after\n");
}

#[test]
fn megabyte_without_a_newline_arrives_whole() {
    let scratch = Scratch::new();
    let steps = "bytes:1048576 report stay";
    let daemon = scratch.up(scratch.background().does(steps));
    daemon.report();
    let log = fs::read(scratch.path("report.log")).expect("the log");
    let expected: Vec<u8> = (0..1 << 20).map(|index: u32| (index % 251) as u8).collect();
    assert!(log == expected, "{} bytes", log.len());
}

#[test]
fn two_daemons_append_to_one_log() {
    let scratch = Scratch::new();
    for (number, pid) in [(1, "pid=1.pid"), (2, "pid=2.pid")] {
        let options = format!("{pid}\nlog=report.log");
        let steps = format!("say:{number} note:done{number} stay");
        let launch = scratch.background().options(options).does(&steps).run();
        scratch.daemon_of(launch, format!("{number}.pid"));
        assert!(scratch.path(format!("done{number}")).exists());
    }
    assert_eq!(scratch.read("report.log"), "1\n2\n");
}

#[test]
fn dev_null_is_a_log() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=/dev/null";
    let daemon = scratch.up(scratch.background().options(options));
    assert_eq!(
        daemon.report().descriptor(1).expect("stdout").target,
        b"/dev/null"
    );
}

#[test]
fn special_file_is_refused_as_log() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("directory")).expect("mkdir");
    for log in [
        "/dev/full",
        "/dev/zero",
        "/dev/stdout",
        "/dev/stderr",
        "/dev/fd/2",
        "/proc/self/fd/1",
    ] {
        let options = format!("pid=report.pid\nlog={log}");
        let launch = scratch.background().options(&options).run();
        scratch.expect_refusal(&launch, 78, &["log", log]);
        // It is the stream that is refused, not what it happens to be.
        let stream = || File::create(scratch.path("stream")).expect("a file");
        let start = scratch.background().options(options).stdout(stream());
        let launch = start.run();
        scratch.expect_refusal(&launch, 78, &["log", log]);
        // Nor by a link of one's own.
        symlink(log, scratch.path("link")).expect("symlink");
        let options = "pid=report.pid\nlog=link";
        let start = scratch.background().options(options).stdout(stream());
        scratch.expect_refusal(&start.run(), 78, &["log"]);
        fs::remove_file(scratch.path("link")).expect("the link");
        assert!(!scratch.path("report.pid").exists());
    }
    let launch = scratch
        .background()
        .options("pid=report.pid\nlog=directory")
        .run();
    scratch.expect_refusal(&launch, 73, &["log", "directory"]);
    drop(UnixListener::bind(scratch.path("report.log")).expect("bind"));
    let words = ["report.log", "a regular file, a FIFO or /dev/null"];
    scratch.expect_refusal(&scratch.background().run(), 73, &words);
}

#[test]
fn fifo_without_a_reader_is_refused_at_once() {
    let scratch = Scratch::new();
    mkfifo(&scratch.path("report.log"), Mode::S_IRWXU).expect("mkfifo");
    let launch = scratch.background().run();
    let words = ["report.log", "a FIFO that no process reads"];
    scratch.expect_refusal(&launch, 73, &words);
}

#[test]
fn fifo_with_a_reader_is_a_log() {
    let scratch = Scratch::new();
    let path = scratch.path("report.log");
    mkfifo(&path, Mode::S_IRWXU).expect("mkfifo");
    let mut options = File::options();
    let reader = options
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(&path);
    let mut reader = reader.expect("the reader");
    let daemon = scratch.up(scratch.background().does("say:hello report stay"));
    let report = daemon.report();
    let stdout = report.descriptor(1).expect("stdout");
    assert_eq!(stdout.flags & libc::O_NONBLOCK, 0);
    let mut shown = [0; 6];
    reader.read_exact(&mut shown).expect("its words");
    assert_eq!(&shown, b"hello\n");
    drop(reader);
    assert!(daemon.process.is_alive());
}

#[test]
fn own_link_of_the_user_is_followed() {
    let scratch = Scratch::new();
    scratch.write("target", "");
    symlink(scratch.path("target"), scratch.path("report.log")).expect("symlink");
    let daemon = scratch.up(scratch.background().does("say:hello report stay"));
    daemon.report();
    assert_eq!(scratch.read("target"), "hello\n");
}

#[test]
fn old_log_keeps_owner_and_mode() {
    let scratch = Scratch::new();
    let path = scratch.write("report.log", "");
    fs::set_permissions(&path, Permissions::from_mode(0o604)).expect("chmod");
    scratch.up(scratch.background());
    let log = fs::metadata(&path).expect("the log");
    assert_eq!(log.mode() & 0o7777, 0o604);
}

#[test]
fn failed_start_keeps_the_log() {
    let scratch = Scratch::new();
    let path = scratch.write("report.log", "earlier\n");
    let launch = scratch
        .background()
        .options("pid=missing/report.pid\nlog=report.log")
        .run();
    scratch.expect_refusal(&launch, 73, &["missing"]);
    assert_eq!(fs::read(path).expect("the log"), b"earlier\n");
}

#[test]
fn loader_error_is_in_log_and_on_terminal() {
    requires!(preload);
    let scratch = Scratch::new();
    // The daemon's environment is the launcher's, but for the library that is gone by then.
    requires!(program("cc"));
    let library = crate::support::constructor::with_threads(&scratch);
    let copy = scratch.path("gone.so");
    fs::rename(library, &copy).expect("rename");
    let options = "pid_and_delete_library=report.pid\nlog=report.log";
    let start = scratch.background().options(options).does("report");
    let launch = start.env("LD_PRELOAD", &copy).run();
    // A library to preload is not needed: the loader complains and goes on.
    assert_eq!(launch.code(), 0, "{launch:?}");
    assert!(scratch.read("report.log").contains("gone.so"), "{launch:?}");
}

#[test]
fn missing_library_shows_the_loader_message() {
    requires!(preload);
    let scratch = Scratch::new();
    let maps = fs::read_to_string("/proc/self/maps").expect("the maps");
    let paths = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5));
    let Some(library) = paths
        .into_iter()
        .find(|path| path.ends_with("/libgcc_s.so.1"))
    else {
        requires::skip("a library that can be done without");
        return;
    };
    scratch.copy_program(library.as_ref(), "libgcc_s.so.1");
    let options = "pid_and_spoil_library=report.pid\nlog=report.log";
    let start = scratch.background().options(options);
    let launch = start.env("LD_LIBRARY_PATH", scratch.dir()).run();
    scratch.expect_failed_start(&launch, 127);
    for said in [launch.err_text(), scratch.read("report.log")] {
        assert!(said.contains("libgcc_s.so.1"), "{said}");
    }
}

#[test]
fn closed_log_reader_does_not_kill_the_daemon() {
    let scratch = Scratch::new();
    let path = scratch.path("report.log");
    mkfifo(&path, Mode::S_IRWXU).expect("mkfifo");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("chmod");
    let mut options = File::options();
    let reader = options.read(true).custom_flags(libc::O_NONBLOCK);
    let reader = reader.open(&path).expect("the reader");
    let steps = "wait:go say-lossy:hello note:alive hang";
    let daemon = scratch.up(scratch.background().does(steps));
    drop(reader);
    scratch.write("go", "");
    eventually("it has met with EPIPE", || {
        scratch.path("alive").exists().then_some(())
    });
    assert!(daemon.process.is_alive());
}
