//! Processes of a launch that are killed at any moment.

mod fall_back;
mod groups;
mod launch;
mod pid_file;
mod verbs;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::outcome::Outcome;
use crate::support::rounds::is_long;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::trace::{self, Action, Role};

/// Kills one process of a launch at one stop after the other, as the numbers say, until a launch
/// goes through unharmed; each time `expect` judges what came of it. Gives the number of launches
/// that were harmed. The stops count from when there is a new PID file, since before nothing is ours; in
/// the long form from the very exec. The stop after a call and the one before the next call are one
/// moment to the other processes, so the short form takes every second stop.
fn kill_at_stops(
    roles: &[Role],
    role: Role,
    prepare: impl Fn(Start) -> Start + Sync,
    numbers: impl Iterator<Item = usize> + Send,
    expect: impl Fn(&Scratch, Outcome) + Sync,
) -> usize {
    let harmed = AtomicUsize::new(0);
    in_threads(6, numbers, |number| {
        let scratch = Scratch::new();
        let (mut stops, mut killed) = (0, false);
        // A wait for that timeout is too long for every test.
        let options = "pid=report.pid\nlog=report.log\nready_timeout=600";
        let start = scratch.background().options(options).does("report stay");
        let launch = trace::run_as(roles, prepare(start), |stop| {
            let new = scratch.path("report.pid.new");
            let path = scratch.path("report.pid");
            let is_counted = || is_long() || stops > 0 || new.exists() || path.exists();
            if killed {
                return Action::Leave;
            }
            if stop.role == role && is_counted() {
                stops += 1;
            }
            if stop.role == role && stops == number {
                killed = true;
                return Action::Kill;
            }
            Action::Go
        });
        if killed {
            harmed.fetch_add(1, Ordering::Relaxed);
            expect(&scratch, launch);
        } else {
            scratch.daemon_of(launch, "report.pid");
        }
        killed
    });
    harmed.into_inner()
}

/// Calls `kill` with one number after the other in several threads, since most of what it does is
/// waiting, until it says that nothing was killed.
fn in_threads(
    threads: usize,
    numbers: impl Iterator<Item = usize> + Send,
    kill: impl Fn(usize) -> bool + Sync,
) {
    let numbers = Mutex::new(numbers);
    let next = || numbers.lock().expect("the numbers").next();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| while kill(next().expect("a number")) {});
        }
    });
}
