//! The verb `log`: the last lines, and which file is shown.

mod follow;

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown, lchown, symlink};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::control::stage::expect_failure;
use crate::log_rotation::stage::OPTIONS;
use crate::support::deadline::eventually;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::users::HELLO;

impl Scratch {
    fn log(&self, words: &[&str]) -> Start {
        let start = self.report().options(OPTIONS).args(["-s", "log"]);
        start.args(words).does("panic")
    }
}

#[test]
fn last_lines_are_shown() {
    let scratch = Scratch::new();
    let log = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";
    scratch.write("report.log", log);
    for (words, expected) in [
        (&[][..], &log[4..]),
        (&["-n", "2"], "11\n12\n"),
        (&["-n2"], "11\n12\n"),
        (&["-n", "0"], ""),
        (&["-n", "99"], log),
        // No daemon runs that could write more.
        (&["-f", "-n", "1"], "12\n"),
    ] {
        let outcome = scratch.log(words).run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
        assert_eq!(outcome.out_text(), expected, "{words:?}");
    }
    // Without a newline at its end too.
    scratch.write("report.log", "one\ntwo");
    assert_eq!(scratch.log(&["-n", "1"]).run().out_text(), "two");
}

#[test]
fn log_is_shown_in_the_middle_of_a_rotation() {
    let scratch = Scratch::new();
    let (log, old) = (
        scratch.write("report.log", ""),
        scratch.path("report.log.1"),
    );
    thread::scope(|scope| {
        let verb = scope.spawn(|| {
            let mut verbs = (0..20).map(|_| scratch.log(&[]).run());
            verbs.find(|outcome| outcome.code() != 0)
        });
        while !verb.is_finished() {
            fs::rename(&log, &old).expect("rename");
            thread::sleep(Duration::from_millis(10));
            fs::write(&log, "line\n").expect("write");
            thread::sleep(Duration::from_millis(20));
        }
        let failed = verb.join().expect("the verbs end");
        assert!(failed.is_none(), "{failed:?}");
    });
}

#[test]
fn slow_reader_of_non_blocking_output_gets_all() {
    let scratch = Scratch::new();
    let log = "line\n".repeat(1_000_000);
    scratch.write("report.log", &log);
    let (mut reader, writer) = UnixStream::pair().expect("two sockets");
    writer.set_nonblocking(true).expect("non-blocking");
    let start = scratch
        .log(&["-n", "9999999"])
        .stdout(OwnedFd::from(writer));
    let mut child = start.spawn_child();
    let (mut shown, mut part) = (Vec::new(), [0_u8; 1000]);
    while let length @ 1.. = reader.read(&mut part).expect("a part of the log") {
        shown.extend_from_slice(&part[..length]);
    }
    assert!(child.wait().expect("its end").success());
    assert!(shown == log.as_bytes(), "{} bytes", shown.len());
}

#[test]
fn missing_log_is_reported() {
    let scratch = Scratch::new();
    let words = ["cannot open the log", "No such file"];
    expect_failure(&scratch.log(&[]).run(), 4, &words);
    let options = "pid=report.pid\ncontrol_flag=-s";
    let outcome = scratch.log(&[]).options(options).run();
    expect_failure(&outcome, 78, &["no log is configured"]);
    expect_failure(&scratch.log(&["-n", "x"]).run(), 64, &["found x"]);
    fs::create_dir(scratch.path("report.log")).expect("mkdir");
    expect_failure(&scratch.log(&[]).run(), 4, &["not a regular file"]);
}

#[test]
fn fifo_is_no_log_and_is_not_opened() {
    let scratch = Scratch::new();
    let fifo = scratch.path("report.log");
    mkfifo(&fifo, Mode::S_IRWXU).expect("mkfifo");
    let writer = {
        let fifo = fifo.clone();
        // Waits for a reader.
        thread::spawn(move || File::options().write(true).open(fifo).expect("the FIFO"))
    };
    expect_failure(&scratch.log(&[]).run(), 4, &["not a regular file"]);
    assert!(!writer.is_finished());
    let options = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .clone();
    let _reader = options.open(fifo).expect("the FIFO");
    writer.join().expect("a reader has come");
}

#[test]
fn root_shows_no_log_that_was_planted() {
    requires!(root);
    let scratch = Scratch::new();
    let logs = scratch.directory_with_mode(0o775, "logs");
    let options = OPTIONS.replace("report.log", "logs/report.log");
    let victim = scratch.write("victim", "secret\n");
    let log = logs.join("report.log");
    let daemon = scratch.up(scratch.background().options(&*options).does("say:own hang"));
    let show = |words: &[&str]| scratch.log(words).options(&*options);
    assert_eq!(show(&[]).run().out_text(), "own\n");
    // After a rotation, while the log is followed.
    let follower = show(&["-f"]).spawn();
    eventually("it shows the line", || {
        (follower.output().contains("own\n")).then_some(())
    });
    fs::hard_link(&victim, logs.join("planted")).expect("link");
    fs::rename(&log, logs.join("report.log.1")).expect("rename");
    fs::rename(logs.join("planted"), &log).expect("rename");
    let outcome = follower.wait();
    assert_eq!((outcome.code(), &*outcome.out_text()), (78, "own\n"));
    assert!(outcome.err_text().contains("a hard link"), "{outcome:?}");
    daemon.stop();
    let expect_refusal = |word: &str| {
        let outcome = show(&[]).run();
        expect_failure(&outcome, 78, &[word]);
        assert_eq!(outcome.out_text(), "");
        fs::remove_file(&log).expect("remove");
        fs::write(&log, "secret\n").expect("write");
    };
    expect_refusal("a hard link");
    chown(&log, Some(HELLO), None).expect("chown");
    expect_refusal("belongs to user");
    fs::set_permissions(&logs, Permissions::from_mode(0o777)).expect("chmod");
    expect_refusal("writable by all");
    fs::set_permissions(&logs, Permissions::from_mode(0o755)).expect("chmod");
    chown(&logs, Some(HELLO), None).expect("chown");
    expect_refusal("can replace it");
    // The user that the daemon becomes may have both.
    let options = format!("{options}\nuser={HELLO}\ngroup={HELLO}");
    let outcome = scratch.log(&[]).options(options).run();
    assert_eq!(outcome.out_text(), "secret\n", "{outcome:?}");
}

#[test]
fn link_of_another_user_is_not_shown() {
    requires!(users);
    let scratch = Scratch::new();
    scratch.write("secret", "secret\n");
    let link = scratch.path("report.log");
    symlink(scratch.path("secret"), &link).expect("symlink");
    assert_eq!(scratch.log(&[]).run().out_text(), "secret\n");
    lchown(&link, Some(HELLO), None).expect("lchown");
    let words = ["a symbolic link made by user"];
    expect_failure(&scratch.log(&[]).run(), 73, &words);
}

#[cfg_attr(daemon_fork, ignore = "the output of a process is not known there")]
#[test]
fn log_of_the_running_daemon_is_shown() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog_flag=--log\nlog=report.log\ncontrol_flag=-s";
    let start = scratch
        .background()
        .options(options)
        .args(["--log", "own.log"]);
    let daemon = scratch.up(start.does("say:own report stay"));
    daemon.report();
    scratch.write("report.log", "another\n");
    assert_eq!(scratch.log(&[]).options(options).run().out_text(), "own\n");
    daemon.stop();
    assert_eq!(
        scratch.log(&[]).options(options).run().out_text(),
        "another\n"
    );
}

#[cfg_attr(daemon_fork, ignore = "the output of a process is not known there")]
#[test]
fn file_that_is_not_appended_to_is_no_log() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog_flag=--log\nlog=report.log\ncontrol_flag=-s";
    scratch.write("secret", "secret\n");
    let start = scratch.background().options(options);
    let daemon = scratch.up(start.does("say:own stdout:secret report stay"));
    daemon.report();
    let outcome = scratch.log(&[]).options(options).run();
    expect_failure(&outcome, 64, &["secret, which is no log; use --log"]);
}
