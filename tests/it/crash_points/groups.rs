//! A process group, a control group or a daemon that is killed at any moment of a start.

use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, setpgid};

use crate::control::stage::OPTIONS as CONTROLLED;
use crate::support::cgroup::Cgroup;
use crate::support::deadline::eventually;
use crate::support::lock;
use crate::support::rounds::rounds;
use crate::support::scratch::Scratch;

/// Moments of a start, some before and some after the daemon is there.
fn moments(short: usize, long: usize) -> impl Iterator<Item = Duration> {
    let rounds = rounds(short, long);
    (0..rounds).map(move |round| Duration::from_micros((round * 20_000 / rounds) as u64))
}

#[test]
fn process_group_killed_at_any_moment() {
    for moment in moments(12, 200) {
        let scratch = Scratch::new();
        // As a shell starts a job.
        let start = scratch.background().before_exec(|| {
            setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
            Ok(())
        });
        let launch = start.spawn();
        thread::sleep(moment);
        kill(Pid::from_raw(-launch.pid()), Signal::SIGKILL).expect("kill the group");
        assert!([0, 137].contains(&launch.wait().code()));
        scratch.expect_order();
    }
}

#[test]
fn control_group_killed_at_any_moment() {
    for moment in moments(12, 200) {
        let scratch = Scratch::new();
        let Some(group) = Cgroup::with("unified", &["cgroup.kill"]) else {
            return;
        };
        let launch = scratch.background().in_cgroup(&group).spawn();
        thread::sleep(moment);
        group.set(&["cgroup.kill"], "1");
        assert!([0, 137].contains(&launch.wait().code()));
        scratch.expect_nothing_left();
        scratch.expect_order();
    }
}

#[test]
fn daemon_killed_as_soon_as_it_is_ready() {
    for _ in 0..rounds(20, 200) {
        let scratch = Scratch::new();
        let options = CONTROLLED.replace("exec", "notify");
        let start = scratch.background().options(&options);
        let launch = start.does("ready raise:9").run();
        assert!([0, 137].contains(&launch.code()), "{launch:?}");
        assert!(launch.elapsed < Duration::from_secs(20), "{launch:?}");
        scratch.expect_nothing_left();
        // A process that is dying can hold the lock longer than it can be found.
        eventually("the lock is free", || {
            (!lock::is_held(&scratch.path("report.pid"))).then_some(())
        });
        let status = scratch.verb("status").run();
        // A start that failed removes the file.
        let expected = if launch.code() == 0 { 1 } else { 3 };
        assert_eq!(status.code(), expected, "{status:?}");
        scratch.expect_order();
    }
}
