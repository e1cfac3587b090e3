//! SIGKILL, at every system call and at any moment.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, setpgid};

use crate::control::stage::OPTIONS as CONTROLLED;
use crate::support::cgroup::Cgroup;
use crate::support::deadline::eventually;
use crate::support::lock;
use crate::support::outcome::Outcome;
use crate::support::process::Process;
use crate::support::rounds::{is_long, rounds};
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::trace::{self, Action, Role};

/// Moments of a start, some before and some after the daemon is there.
fn moments(short: usize, long: usize) -> impl Iterator<Item = Duration> {
    let rounds = rounds(short, long);
    (0..rounds).map(move |round| Duration::from_micros((round * 20_000 / rounds) as u64))
}

#[test]
fn a_process_group_that_is_killed_at_any_moment_leaves_order() {
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
fn a_control_group_that_is_killed_at_any_moment_leaves_order() {
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
fn a_daemon_that_is_killed_as_soon_as_it_is_ready_leaves_order() {
    for _ in 0..rounds(20, 200) {
        let scratch = Scratch::new();
        let options = CONTROLLED.replace("exec", "notify");
        let start = scratch.background().options(&options);
        let launch = start.does("ready raise:9").run();
        assert!([0, 137].contains(&launch.code()), "{launch:?}");
        assert!(launch.elapsed < Duration::from_secs(5), "{launch:?}");
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

/// Kills a verb at one of its system calls after the other, in several threads since most of it is
/// waiting, until it comes to its end unharmed; each time `expect` judges what came of it.
fn kill_verb(
    verb: &str,
    prepare: impl Fn(&Scratch) + Sync,
    expect: impl Fn(&Scratch, Outcome) + Sync,
) {
    let step = if is_long() { 1 } else { 23 };
    let numbers = Mutex::new((1..).step_by(step));
    let worker = || {
        loop {
            let number = numbers.lock().expect("the numbers").next();
            let scratch = Scratch::new();
            prepare(&scratch);
            let start: Start = scratch.verb(verb).does("hang");
            let mut killed = false;
            let outcome = trace::run(start, |stop| {
                if stop.role == Role::Launcher && Some(stop.number) == number {
                    killed = true;
                    return Action::Kill;
                }
                Action::Go
            });
            if !killed {
                assert_eq!(outcome.code(), 0, "{outcome:?}");
                return;
            }
            assert_eq!(outcome.code(), 137, "{outcome:?}");
            expect(&scratch, outcome);
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(worker);
        }
    });
}

/// Signals to the process that is controlled go on when the verb is killed.
fn up(scratch: &Scratch) {
    scratch.up(scratch.controlled("hang"));
}

#[test]
fn a_stop_that_is_killed_anywhere_is_completed_by_the_next() {
    kill_verb("stop", up, |scratch, _| {
        let mut second = scratch.verb("stop").run();
        // There the one that was killed may have held the same lock, to look, and not be gone yet.
        if cfg!(daemon_fork) && second.code() == 4 {
            second = scratch.verb("stop").run();
        }
        assert_eq!(second.code(), 0, "{second:?}");
        scratch.expect_nothing_left();
        let status = scratch.verb("status").run();
        assert_eq!(status.code(), 3, "the file is gone: {status:?}");
        up(scratch);
    });
}

#[test]
fn a_restart_that_is_killed_anywhere_is_completed_by_the_next() {
    kill_verb("restart", up, |scratch, _| {
        let second = scratch.verb("restart").does("hang").run();
        // A daemon of the first one may still be on its way, and not have its number in the file.
        let second = if second.code() == 4 {
            scratch.verb("restart").does("hang").run()
        } else {
            second
        };
        let daemon = scratch.daemon_of(second, "report.pid");
        assert_eq!(scratch.processes(), [daemon.pid()], "and no other");
        assert!(Process::open(daemon.pid()).is_some());
    });
}
