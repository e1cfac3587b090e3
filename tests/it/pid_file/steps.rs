//! A start that is held up at each of its steps while something else happens to the PID file.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::control::stage::OPTIONS as CONTROLLED;
use crate::support::daemon::Daemon;
use crate::support::deadline::eventually;
use crate::support::outcome::Outcome;
use crate::support::rounds::{count_in_threads, is_long};
use crate::support::scratch::Scratch;
use crate::support::trace::{self, Action, Role};
use crate::support::{constructor, lock, process, requires};

/// A pid that no process has: the largest pid of a kernel is 4194304.
const STALE: &str = "5000000\n";

/// Holds a start over a stale file up at one system call after the other, from the first look at the
/// path to the rename, and does something else there; then `expect` judges what came of the start. The
/// stop after a call and the one before the next call are one moment to the other processes, so the short
/// form takes every second stop.
fn at_each_step<T: Send>(
    other: impl Fn(&Scratch) -> T + Sync,
    expect: impl Fn(&Scratch, Outcome, T) + Sync,
) {
    let next = AtomicUsize::new(1);
    let step = if is_long() { 1 } else { 2 };
    let worker = || {
        loop {
            let number = next.fetch_add(step, Ordering::Relaxed);
            let scratch = Scratch::new();
            let path = scratch.write("report.pid", STALE);
            let new = scratch.path("report.pid.new");
            let stale = fs::metadata(&path).expect("the stale file").ino();
            let (mut stops, mut done) = (0, None);
            let start = scratch.controlled("hang");
            let launch = trace::run(start, |stop| {
                let is_replaced = fs::metadata(&path).is_ok_and(|file| file.ino() != stale);
                let begins = || new.exists() || process::has_open(stop.pid, &path);
                if done.is_some() || is_replaced {
                    return Action::Leave;
                }
                if stop.role == Role::Launcher {
                    stops += usize::from(stops > 0 || begins());
                    if stops == number {
                        done = Some(other(&scratch));
                    }
                }
                Action::Go
            });
            let Some(done) = done else {
                scratch.daemon_of(launch, "report.pid");
                break;
            };
            expect(&scratch, launch, done);
        }
    };
    // Most of it is waiting.
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(worker);
        }
    });
    let steps = next.into_inner();
    assert!(steps > 30, "{steps}");
}

/// Another start, which succeeds or reports that the first start is under way.
fn another_start(scratch: &Scratch) -> Option<Daemon> {
    let launch = scratch.controlled("hang").run();
    if launch.code() == 0 {
        return Some(scratch.daemon_of(launch, "report.pid"));
    }
    assert!([69, 75].contains(&launch.code()), "{launch:?}");
    None
}

/// Whether the launcher gave up because what came in between had used up its time.
fn is_late(launch: &Outcome) -> bool {
    launch.code() == 75 && launch.elapsed > Duration::from_secs(2)
}

/// The start has succeeded. A start that was late leaves nothing behind that stops the next one.
fn expect_daemon(scratch: &Scratch, launch: Outcome, (): ()) {
    if is_late(&launch) {
        drop(scratch.up(scratch.controlled("hang")));
    } else {
        drop(scratch.daemon_of(launch, "report.pid"));
    }
}

#[test]
fn start_at_any_step_gives_one_daemon() {
    at_each_step(another_start, |scratch, launch, other| match other {
        Some(other) => {
            assert!(launch.code() == 69 || is_late(&launch), "{launch:?}");
            scratch.expect_only(other.pid());
            assert_eq!(scratch.read("report.pid"), format!("{}\n", other.pid()));
            assert_eq!(lock::holders(&other.pid_file), [other.pid()]);
        }
        None => drop(scratch.daemon_of(launch, "report.pid")),
    });
}

#[test]
fn daemon_that_ended_at_any_step_is_replaced() {
    let come_and_go = |scratch: &Scratch| {
        if let Some(other) = another_start(scratch) {
            other.process.signal(Signal::SIGKILL);
            other.process.wait();
        }
    };
    at_each_step(come_and_go, expect_daemon);
}

#[test]
fn stop_at_any_step_spares_the_start() {
    at_each_step(
        |scratch| {
            // The verb reports no daemon, or finds the start under way.
            let stop = scratch.verb("stop").run();
            assert!([0, 4].contains(&stop.code()), "{stop:?}");
        },
        expect_daemon,
    );
}

#[test]
fn new_file_is_never_open_to_other_users() {
    at_each_step(
        |scratch| {
            if let Ok(new) = fs::metadata(scratch.path("report.pid.new")) {
                assert_eq!(new.permissions().mode() & 0o077, 0);
            }
        },
        expect_daemon,
    );
}

#[test]
fn killed_clean_up_is_completed() {
    let number = count_in_threads(|number| {
        let scratch = Scratch::new();
        scratch.write("report.pid", STALE);
        let (mut stops, mut killed) = (0, false);
        let new = scratch.path("report.pid.new");
        let stop = trace::run(scratch.verb("stop"), |_| {
            stops += usize::from(stops > 0 || new.exists());
            if stops == number {
                killed = true;
                return Action::Kill;
            }
            Action::Go
        });
        assert_eq!(stop.code(), if killed { 137 } else { 0 }, "{stop:?}");
        if number % 2 == 0 {
            assert_eq!(scratch.verb("stop").run().code(), 0);
            assert!(!scratch.path("report.pid").exists());
            assert!(!new.exists());
        }
        // The next start works in either case.
        scratch.expect_order();
        killed
    });
    assert!(number > 10, "{number}");
}

#[test]
fn status_of_a_start_under_way() {
    let scratch = Scratch::new();
    let options = CONTROLLED.replace("exec", "notify");
    let start = scratch.background().options(&*options);
    let launch = start.does("report wait:go ready hang").spawn();
    eventually("it is on its way", || {
        scratch.path("report.json").exists().then_some(())
    });
    let status = scratch.verb("status").run();
    assert_eq!(status.code(), 0, "{status:?}");
    if cfg!(not(daemon_fork)) {
        assert!(status.out_text().contains("starting, pid "), "{status:?}");
    }
    let second = scratch.controlled("hang").run();
    assert_eq!(second.code(), 69, "{second:?}");
    scratch.write("go", "");
    let daemon = scratch.daemon_of(launch.wait(), "report.pid");
    let status = scratch.verb("status").run();
    let running = format!("running, pid {}", daemon.pid());
    assert!(status.out_text().contains(&running), "{status:?}");
}

#[test]
fn exit_handler_spares_a_reused_descriptor() {
    let scratch = Scratch::new();
    let other = scratch.write("other", "precious\n");
    let daemon =
        scratch.up(scratch.controlled("wait:begin replace-lock:other note:replaced wait:go"));
    scratch.write("begin", "");
    eventually("the lock is gone", || {
        scratch.path("replaced").exists().then_some(())
    });
    scratch.write("go", "");
    daemon.process.wait_for_end();
    assert_eq!(fs::read(other).expect("the other file"), b"precious\n");
}

#[test]
fn slow_destructors_exclude_a_second_daemon() {
    requires!(preload, linux("the holder of a lock"), program("cc"));
    let scratch = Scratch::new();
    let library = constructor::library(&scratch, constructor::SLOW_END);
    let start = scratch.controlled("note:reported stay");
    let daemon = scratch.up(start.env("LD_PRELOAD", &library));
    eventually("the program runs", || {
        scratch.path("reported").exists().then_some(())
    });
    daemon.process.signal(Signal::SIGTERM);
    eventually("it ends", || scratch.path("ending").exists().then_some(()));
    assert_eq!(scratch.read("report.pid"), "");
    let second = scratch.controlled("hang").run();
    assert_eq!(second.code(), 69, "{second:?}");
    let words = format!("has not exited yet, pid {}", daemon.pid());
    assert!(second.err_text().contains(&words), "{second:?}");
    let status = scratch.verb("status").run();
    assert_eq!(status.code(), 0, "{status:?}");
    scratch.write("go", "");
    daemon.process.wait();
    assert_eq!(scratch.verb("status").run().code(), 3);
    scratch.up(scratch.controlled("hang"));
}
