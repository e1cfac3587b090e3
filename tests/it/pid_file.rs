//! The PID file: its lock decides, its pid is never wrong, and a losing start changes nothing.

mod fall_backs;
mod file_systems;
mod steps;
mod stress;

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::daemon::{expect_one_line, read_report};
use crate::support::fingerprint::Fingerprint;
use crate::support::process::Process;
use crate::support::scratch::Scratch;
use crate::support::{lock, process, requires};

#[test]
fn second_start_is_refused_with_the_pid() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background());
    daemon.report();
    let files = [scratch.path("report.pid"), scratch.path("report.log")];
    let before = files.each_ref().map(|file| Fingerprint::of(file));

    let launch = scratch.background().does("note:second").run();
    assert_eq!(launch.code(), 69);
    let reason = format!("already running, pid {}", daemon.pid());
    expect_one_line(
        &launch,
        &["cannot lock the PID file", "report.pid", &reason],
    );
    assert_eq!(files.each_ref().map(|file| Fingerprint::of(file)), before);
    assert!(!scratch.path("second").exists(), "no code of the user ran");
    scratch.expect_only(daemon.pid());
}

#[test]
fn losing_start_creates_no_log() {
    let scratch = Scratch::new();
    scratch.up(scratch.background());
    let launch = scratch
        .background()
        .options("pid=report.pid\nlog=second.log")
        .run();
    assert_eq!(launch.code(), 69);
    assert!(!scratch.path("second.log").exists());
}

#[test]
fn normal_exit_leaves_an_empty_file() {
    for steps in [
        "report stay",
        "report stay return:3",
        "report stay exit:0",
        "report stay panic",
    ] {
        // Without unwinding it is a crash.
        if steps.ends_with("panic") && Scratch::new().panic_status() == 134 {
            continue;
        }
        let scratch = Scratch::new();
        let daemon = scratch.up(scratch.background().does(steps));
        daemon.report();
        daemon.stop();
        assert_eq!(scratch.read("report.pid"), "", "{steps}");
        assert!(!lock::is_held(&scratch.path("report.pid")), "{steps}");
        let status = scratch.report().args(["-s", "status"]);
        let status = status.options("pid=report.pid\ncontrol_flag=-s").run();
        assert_eq!(status.code(), 3, "{status:?}");
        scratch.up(scratch.background());
    }
}

#[test]
fn crash_leaves_an_unlocked_file() {
    for steps in [
        "report stay raise:9",
        "report stay abort",
        "report stay panic",
    ] {
        let scratch = Scratch::new();
        // With unwinding it is a normal end.
        if steps.ends_with("panic") && scratch.panic_status() == 101 {
            continue;
        }
        let daemon = scratch.up(scratch.background().does(steps));
        daemon.report();
        let pid = daemon.pid();
        daemon.stop();
        assert_eq!(scratch.read("report.pid"), format!("{pid}\n"), "{steps}");
        assert!(!lock::is_held(&scratch.path("report.pid")), "{steps}");
        scratch.up(scratch.background());
    }
}

#[test]
fn child_that_exits_keeps_the_file() {
    let scratch = Scratch::new();
    // Forked, so it inherits the exit handlers; started, so it is the same program.
    let steps = "fork-and-exit child report stay";
    let daemon = scratch.up(scratch.background().does(steps));
    daemon.report();
    assert_eq!(scratch.read("report.pid"), format!("{}\n", daemon.pid()));
    assert_eq!(lock::holders(&daemon.pid_file), [daemon.pid()]);
    assert_eq!(scratch.background().run().code(), 69);
}

#[test]
fn child_of_the_daemon_does_not_hold_the_lock() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background().does("leave-child report stay"));
    daemon.report();
    // And its child.
    scratch.expect_processes(2);
    daemon.stop();
    assert!(!lock::is_held(&scratch.path("report.pid")));
    scratch.up(scratch.background());
}

#[test]
fn content_of_an_unlocked_file_is_overwritten() {
    let long = "9".repeat(10_000_000);
    let live = format!("{}\n", std::process::id());
    for content in [
        "",
        "\n",
        "1",
        "99999999999999999999",
        "5\x004\x00",
        &long,
        &live,
    ] {
        let scratch = Scratch::new();
        scratch.write("report.pid", content);
        scratch.up(scratch.background());
    }
}

#[test]
fn locked_file_without_a_pid_refuses_the_start() {
    requires!(linux("open file description locks"));
    for content in ["", "abc", "\n4242\n"] {
        let scratch = Scratch::new();
        let path = scratch.write("report.pid", content);
        let _stranger = lock::hold(&path);
        let launch = scratch.background().run();
        assert_eq!(launch.code(), 69);
        expect_one_line(&launch, &["already running, pid unknown"]);
        assert_eq!(scratch.read("report.pid"), content);
    }
}

#[test]
fn read_lock_on_a_stale_file_refuses_nothing() {
    // By a description of an open file, and by a process.
    for hold in [lock::hold_for_reading, lock::hold_as_a_process] {
        let scratch = Scratch::new();
        let path = scratch.write("report.pid", "");
        let _stranger = hold(&path);
        let status = scratch.report().args(["-s", "status"]);
        let status = status.options("pid=report.pid\ncontrol_flag=-s").run();
        assert_eq!(status.code(), 3, "{status:?}");
        scratch.up(scratch.background());
    }
}

#[test]
fn flock_of_another_process_has_no_effect() {
    requires!(linux("OFD locks"), program("flock"));
    let scratch = Scratch::new();
    let flock = requires::find("flock").expect("flock");
    scratch.write("report.pid", "");
    let start = scratch.start_path(&flock).args(["-n", "-x", "report.pid"]);
    let launch = start
        .arg(crate::support::program::path("report"))
        .arg("-d")
        .env("TEST_REPORT", scratch.path("report.json"))
        .options("pid=report.pid")
        .does("report stay")
        .run();
    scratch.daemon_of(launch, "report.pid");
}

#[test]
fn removed_file_allows_a_second_daemon() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background());
    daemon.report();
    fs::remove_file(&daemon.pid_file).expect("remove");
    let second = scratch.up(scratch.background());
    assert!(daemon.process.is_alive());
    daemon.stop();
    let content = format!("{}\n", second.pid());
    assert_eq!(
        scratch.read("report.pid"),
        content,
        "the second one's is left alone"
    );
    assert_eq!(lock::holders(&second.pid_file), [second.pid()]);
}

#[test]
fn replaced_file_is_left_alone_at_exit() {
    let scratch = Scratch::new();
    for link in [false, true] {
        let daemon = scratch.up(scratch.background());
        read_report(&scratch.path("report.json"));
        let victim = scratch.write("victim", "precious\n");
        if link {
            fs::remove_file(&daemon.pid_file).expect("remove");
            symlink(&victim, &daemon.pid_file).expect("symlink");
        } else {
            fs::rename(&victim, &daemon.pid_file).expect("rename");
        }
        let pid_file = daemon.pid_file.clone();
        daemon.stop();
        assert_eq!(fs::read(&pid_file).expect("it is there"), b"precious\n");
        fs::remove_file(pid_file).expect("clean up");
        fs::remove_file(scratch.path("report.json")).expect("clean up");
    }
}

#[test]
fn failed_start_leaves_a_replaced_file_alone() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\nready=notify";
    let start = scratch.background().options(options);
    let launch = start.does("report wait:go exit:3").spawn();
    read_report(&scratch.path("report.json"));
    let other = scratch.write("other", "precious\n");
    fs::rename(other, scratch.path("report.pid")).expect("rename");
    scratch.write("go", "");
    assert_eq!(launch.wait().code(), 3);
    assert_eq!(scratch.read("report.pid"), "precious\n");
}

#[test]
fn process_of_a_stale_pid_is_not_touched() {
    let scratch = Scratch::new();
    let canary = scratch.report().does("note:alive hang").spawn();
    crate::support::deadline::eventually("the canary runs", || {
        scratch.path("alive").exists().then_some(())
    });
    scratch.write("report.pid", format!("{}\n", canary.pid()));
    let daemon = scratch.up(scratch.background());
    assert_ne!(daemon.pid(), canary.pid());
    assert!(canary.is_alive());
}

#[test]
fn file_names_the_holder_of_the_lock() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background());
    let [holder] = lock::holders(&daemon.pid_file)[..] else {
        unreachable!("`up` has seen one holder");
    };
    assert_eq!(holder, daemon.pid());
    assert!(Process::open(holder).is_some_and(|holder| holder.is_alive()));
    assert_eq!(
        process::status_field(holder, "Tgid"),
        Some(holder.to_string())
    );
}
