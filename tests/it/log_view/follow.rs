//! The verb `log` beside a daemon that writes.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::log_rotation::stage::{OPTIONS, expect_every_line_of_threads, gaps, numbers};
use crate::support::constructor;
use crate::support::daemon::Daemon;
use crate::support::deadline::eventually;
use crate::support::outcome::{Launch, Outcome};
use crate::support::requires;
use crate::support::rounds::{is_long, rounds};
use crate::support::scratch::Scratch;

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

/// What a follower has shown of a daemon that writes over many rotations and ends.
fn rotate_and_stop(scratch: &Scratch, options: &str, daemon: Daemon, follower: Launch) -> Outcome {
    for _ in 0..rounds(20, 1000) {
        scratch.expect_growth("report.log");
        assert_eq!(scratch.rotate(options).code(), 0);
    }
    scratch.expect_growth("report.log");
    assert!(daemon.stop().expect("its status").success());
    let outcome = follower.wait();
    assert_eq!((outcome.code(), &*outcome.err_text()), (0, ""));
    outcome
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
    let outcome = rotate_and_stop(&scratch, &options, daemon, follower);
    let shown = numbers(&outcome.out_text());
    let all: Vec<u64> = (1..=shown.len() as u64).collect();
    assert!(shown == all, "lost or doubled: {:?}", gaps(&shown));
    let last = numbers(&scratch.read("report.log")).into_iter().max();
    assert_eq!(shown.last().copied(), last);
}

#[test]
fn every_line_of_threads_is_followed_at_full_rate() {
    requires!(linux("the signal handlers of another process"));
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nlog_rotate=1\nlog_keep=1000");
    let start = scratch.background().options(&*options);
    let daemon = scratch.up(start.does("count-in-threads:8"));
    let mut follow = scratch.log(&["-f", "-n", "999999999"]);
    if !is_long() {
        // For a thread that the processor leaves in the middle of a write: its second is long.
        follow = follow.env("LD_PRELOAD", constructor::with_clock(&scratch, "/ 20"));
    }
    let follower = follow.options(&*options).spawn();
    eventually("it shows the first log", || {
        (!follower.output().is_empty()).then_some(())
    });
    let outcome = rotate_and_stop(&scratch, &options, daemon, follower);
    let is_log = |name: &OsString| name.to_string_lossy().starts_with("report.log");
    let logs = scratch.files().into_iter().filter(is_log);
    let lengths = logs.map(|name| fs::metadata(scratch.path(name)).expect("a log").len());
    assert_eq!(outcome.out.len() as u64, lengths.sum::<u64>());
    let shown = String::from_utf8(outcome.out).expect("text");
    expect_every_line_of_threads([shown].into_iter(), |_| false);
}

#[test]
fn late_line_is_followed_behind_many_files() {
    requires!(preload);
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background().options(OPTIONS).does("report stay"));
    daemon.report();
    let log = scratch.write("report.log", "old\n");
    // The second in which a run may write to an old log is as long as the test.
    let clock = constructor::with_clock(&scratch, "/ 1000");
    let follower = scratch.log(&["-f"]).env("LD_PRELOAD", clock).spawn();
    eventually("it shows the first line", || {
        (follower.output().contains("old\n")).then_some(())
    });
    let old = scratch.path("report.log.100");
    fs::rename(&log, &old).expect("rename");
    for number in (1..100).rev() {
        scratch.write(&format!("report.log.{number}"), format!("{number}\n"));
    }
    scratch.write("report.log", "new\n");
    let opened = format!("/proc/{}/fd", follower.pid());
    eventually("it has opened all files", || {
        (fs::read_dir(&opened).ok()?.count() > 100).then_some(())
    });
    let mut old = File::options().append(true).open(old).expect("the old log");
    old.write_all(b"late\n").expect("write");
    daemon.stop();
    let between = (1..100).rev().map(|number| format!("{number}\n"));
    let expected = format!("old\nlate\n{}new\n", between.collect::<String>());
    assert_eq!(follower.wait().out_text(), expected);
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
fn large_log_is_followed_from_its_end() {
    let scratch = Scratch::new();
    let log = File::create(scratch.path("report.log")).expect("the log");
    log.set_len(10_000_000_000).expect("a sparse file");
    let lines = "\nlast\nlines\n";
    (&log).seek(SeekFrom::End(0)).expect("seek");
    (&log).write_all(lines.as_bytes()).expect("write");
    let daemon = scratch.up(scratch.background().options(OPTIONS).does("report stay"));
    daemon.report();
    let times = (0..rounds(1, 20)).map(|_| {
        let begin = Instant::now();
        let mut follower = scratch.log(&["-f", "-n", "2"]).spawn_child();
        let mut shown = [0; 11];
        let out = follower.stdout.as_mut().expect("its output");
        out.read_exact(&mut shown).expect("two lines");
        let time = begin.elapsed();
        assert_eq!(&shown, b"last\nlines\n");
        let io = fs::read_to_string(format!("/proc/{}/io", follower.id())).expect("its reads");
        let read = io.lines().find_map(|line| line.strip_prefix("rchar: "));
        let read: u64 = read.expect("a line").parse().expect("a number");
        assert!(read < 1_000_000, "{read} bytes");
        follower.kill().expect("kill");
        follower.wait().expect("its end");
        time
    });
    let shortest = times.min().expect("a time");
    // A time is for a machine that is not busy.
    assert!(
        !is_long() || shortest < Duration::from_millis(10),
        "{shortest:?}"
    );
}

#[test]
fn log_is_followed_over_copytruncate() {
    requires!(program("logrotate"));
    let scratch = Scratch::new();
    let steps = "say:before report wait:go say:after note:done stay";
    let daemon = scratch.up(scratch.background().options(OPTIONS).does(steps));
    let follower = scratch.log(&["-f"]).spawn();
    eventually("it shows the first line", || {
        (follower.output().contains("before\n")).then_some(())
    });
    scratch.logrotate("copytruncate");
    assert_eq!(scratch.read("report.log"), "");
    scratch.write("go", "");
    eventually("it shows the second one", || {
        (follower.output().contains("after\n")).then_some(())
    });
    daemon.stop();
    assert_eq!(follower.wait().out_text(), "before\nafter\n");
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
