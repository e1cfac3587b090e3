//! The verb `log`: the last lines, and what follows.

use std::fs::{self, File, Permissions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown, lchown, symlink};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::control::stage::expect_failure;
use crate::log_rotation::stage::{OPTIONS, gaps, numbers};
use crate::support::deadline::eventually;
use crate::support::requires;
use crate::support::rounds::{is_long, rounds};
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
fn log_follows_until_the_daemon_ends() {
    let scratch = Scratch::new();
    let steps = "say:one report wait:go say:two say:three";
    let daemon = scratch.up(scratch.background().options(OPTIONS).does(steps));
    let follower = scratch.log(&["-f"]).spawn();
    eventually("it shows the first line", || {
        (follower.output().contains("one\n")).then_some(())
    });
    assert!(follower.is_alive());
    scratch.write("go", "");
    daemon.process.wait();
    let outcome = follower.wait();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert_eq!(outcome.out_text(), "one\ntwo\nthree\n");
}

#[test]
fn follower_ends_by_sigint_or_with_its_reader() {
    let scratch = Scratch::new();
    scratch.up(scratch
        .background()
        .options(OPTIONS)
        .does("say:one report stay"));
    let follower = scratch.log(&["-f"]).spawn();
    eventually("it shows the line", || {
        (follower.output().contains("one\n")).then_some(())
    });
    follower.signal(Signal::SIGINT);
    assert_eq!(follower.wait().code(), 130);
    let mut follower = scratch.log(&["-f"]).spawn_child();
    let mut line = [0; 4];
    let out = follower.stdout.as_mut().expect("its output");
    out.read_exact(&mut line).expect("the line");
    // The daemon writes nothing more.
    drop(follower.stdout.take());
    assert!(follower.wait().expect("its end").success());
}

#[test]
fn every_line_is_followed_over_many_rotations() {
    requires!(linux("the signal handlers of another process"));
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nlog_rotate=1\nlog_keep=1000");
    let daemon = scratch.writer(&options);
    let follow = scratch.log(&["-f", "-n", "999999999"]);
    let follower = follow.options(&*options).spawn();
    eventually("it shows the first line", || {
        (follower.output().starts_with("1\n")).then_some(())
    });
    for _ in 0..rounds(20, 1000) {
        scratch.expect_growth("report.log");
        let rotate = scratch.report().options(&*options).args(["-s", "rotate"]);
        assert_eq!(rotate.does("panic").run().code(), 0);
    }
    scratch.expect_growth("report.log");
    assert!(daemon.stop().expect("its status").success());
    let outcome = follower.wait();
    assert_eq!((outcome.code(), &*outcome.err_text()), (0, ""));
    let shown = numbers(&outcome.out_text());
    let all: Vec<u64> = (1..=shown.len() as u64).collect();
    assert!(shown == all, "lost or doubled: {:?}", gaps(&shown));
    let last = numbers(&scratch.read("report.log")).into_iter().max();
    assert_eq!(shown.last().copied(), last);
}

#[test]
fn log_that_grows_is_shown_to_its_present_end() {
    let scratch = Scratch::new();
    let log = scratch.write("report.log", "before\n".repeat(100_000));
    let mut shown = scratch.log(&["-n", "200000"]).spawn_child();
    let mut out = shown.stdout.take().expect("its output");
    // More than the pipe can hold is left.
    out.read_exact(&mut [0]).expect("a byte");
    let mut log = File::options().append(true).open(log).expect("the log");
    log.write_all(b"after\n").expect("write");
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("the rest");
    assert!(shown.wait().expect("its end").success());
    assert_eq!(rest.len(), 7 * 100_000 - 1);
    assert!(rest.ends_with("before\n"));
}

#[test]
fn rotations_are_seen_while_a_large_log_is_shown() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background().options(OPTIONS).does("report stay"));
    daemon.report();
    let (log, old) = (scratch.path("report.log"), scratch.path("report.log.1"));
    let large = 16 * 1024 * 1024;
    fs::write(&log, vec![b'.'; large]).expect("write");
    let mut follower = scratch.log(&["-f"]).spawn_child();
    let mut out = follower.stdout.take().expect("its output");
    // One old log is kept.
    let rotate = |next: &str| {
        fs::rename(&log, &old).expect("rename");
        fs::write(&log, next).expect("write");
    };
    out.read_exact(&mut [0]).expect("a byte");
    rotate("second");
    out.read_exact(&mut vec![0; large / 2]).expect("a part");
    let opened = format!("/proc/{}/fd", follower.id());
    eventually("it has opened the next log", || {
        let mut files = fs::read_dir(&opened).ok()?;
        let is_log = |file: fs::DirEntry| fs::read_link(file.path()).is_ok_and(|it| it == log);
        files.any(|file| file.is_ok_and(is_log)).then_some(())
    });
    rotate("third");
    rotate("fourth");
    daemon.stop();
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("the rest");
    assert!(follower.wait().expect("its end").success());
    assert_eq!(rest.trim_start_matches('.'), "secondthirdfourth");
    assert_eq!(rest.matches('.').count(), large / 2 - 1);
}

#[test]
fn large_log_is_shown_within_ten_milliseconds() {
    // A time is for a machine that is not busy.
    requires!(machine(is_long(), "TEST_LONG"));
    let scratch = Scratch::new();
    let log = File::create(scratch.path("report.log")).expect("the log");
    log.set_len(10_000_000_000).expect("a sparse file");
    let lines = "\nlast\nlines\n";
    (&log).seek(SeekFrom::End(0)).expect("seek");
    (&log).write_all(lines.as_bytes()).expect("write");
    let times = (0..20).map(|_| {
        let begin = Instant::now();
        let outcome = scratch.log(&["-n", "2"]).run();
        assert_eq!(outcome.out_text(), "last\nlines\n");
        begin.elapsed()
    });
    let shortest = times.min().expect("a time");
    assert!(shortest < Duration::from_millis(10), "{shortest:?}");
}

#[test]
fn truncated_log_is_followed_from_its_start() {
    let scratch = Scratch::new();
    let steps = "say:before report wait:go say:after note:done stay";
    let daemon = scratch.up(scratch.background().options(OPTIONS).does(steps));
    let follower = scratch.log(&["-f"]).spawn();
    eventually("it shows the first line", || {
        (follower.output().contains("before\n")).then_some(())
    });
    let log = File::options().write(true).open(scratch.path("report.log"));
    log.expect("the log").set_len(0).expect("truncate");
    scratch.write("go", "");
    eventually("it shows the second one", || {
        (follower.output().contains("after\n")).then_some(())
    });
    daemon.stop();
    assert_eq!(follower.wait().out_text(), "before\nafter\n");
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
    let logs = scratch.path("logs");
    fs::create_dir(&logs).expect("mkdir");
    fs::set_permissions(&logs, Permissions::from_mode(0o775)).expect("chmod");
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
    expect_failure(
        &outcome,
        64,
        &["secret, which is no log; name it with --log"],
    );
}

#[test]
fn rotated_out_log_is_followed_by_what_is_left() {
    requires!(linux("whether a process is stopped"));
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background().options(OPTIONS).does("report stay"));
    daemon.report();
    scratch.write("report.log", "one\n");
    let follower = scratch.log(&["-f"]).spawn();
    eventually("it shows the first line", || {
        (follower.output().contains("one\n")).then_some(())
    });
    follower.signal(Signal::SIGSTOP);
    let stat = format!("/proc/{}/stat", follower.pid());
    eventually("it is stopped", || {
        (fs::read_to_string(&stat).ok()?.contains(") T ")).then_some(())
    });
    for line in ["two\n", "three\n", "four\n"] {
        // Two older files are kept.
        fs::rename(scratch.path("report.log.1"), scratch.path("report.log.2")).ok();
        fs::rename(scratch.path("report.log"), scratch.path("report.log.1")).expect("rename");
        scratch.write("report.log", line);
    }
    daemon.stop();
    follower.signal(Signal::SIGCONT);
    let outcome = follower.wait();
    assert_eq!(outcome.out_text(), "one\ntwo\nthree\nfour\n");
    let said = outcome.err_text();
    assert_eq!(said.matches("may be missing").count(), 1, "{said}");
}
