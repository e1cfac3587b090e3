//! The verb `log`: the last lines, and what follows.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{lchown, symlink};

use nix::sys::signal::Signal;

use crate::control::stage::expect_failure;
use crate::log_rotation::stage::{OPTIONS, gaps, numbers};
use crate::support::deadline::eventually;
use crate::support::requires;
use crate::support::rounds::rounds;
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
    let scratch = Scratch::new();
    let daemon = scratch.writer(OPTIONS);
    let follower = scratch.log(&["-f", "-n", "999999999"]).spawn();
    eventually("it shows the first line", || {
        (follower.output().starts_with("1\n")).then_some(())
    });
    let name = |number: usize| match number {
        0 => scratch.path("report.log"),
        _ => scratch.path(format!("report.log.{number}")),
    };
    for round in 0..rounds(50, 1000) {
        for number in (0..=round).rev() {
            fs::rename(name(number), name(number + 1)).expect("rename");
        }
        daemon.process.signal(Signal::SIGHUP);
        eventually("the next log is there", || name(0).exists().then_some(()));
    }
    assert!(daemon.stop().expect("its status").success());
    let outcome = follower.wait();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let shown = numbers(&outcome.out_text());
    let all: Vec<u64> = (1..=shown.len() as u64).collect();
    assert!(shown == all, "lost or doubled: {:?}", gaps(&shown));
    let last = fs::read_to_string(name(0)).expect("the log") + &scratch.read("report.log.1");
    let last = numbers(&last).into_iter().max();
    assert_eq!(shown.last().copied(), last);
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
