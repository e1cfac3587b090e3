//! A process that is killed at each of its system calls while it makes, locks or empties a PID file.

use std::fs;

use super::in_threads;
use crate::control::stage::as_nobody;
use crate::support::deadline::eventually;
use crate::support::outcome::Outcome;
use crate::support::rounds::is_long;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::trace::{self, Action, Role};
use crate::support::users::UNPRIVILEGED;
use crate::support::{lock, process, requires};

/// Kills this process at one of its system calls after the other, from the first at which the PID
/// file is open or made, until it comes to its end; each time `expect` judges what came of it.
fn kill_at_stops(
    pid_file: &str,
    start: impl Fn(&Scratch) -> Start + Sync,
    expect: impl Fn(&Scratch, Outcome) + Sync,
) {
    let step = if is_long() { 1 } else { 13 };
    in_threads(4, (1..).step_by(step), |number| {
        let scratch = Scratch::new();
        let start = start(&scratch);
        let path = scratch.path(pid_file);
        let new = scratch.path(format!("{pid_file}.new"));
        let (mut stops, mut killed) = (0, false);
        let outcome = trace::run(start, |stop| {
            if stop.role != Role::Launcher {
                return Action::Go;
            }
            let has_open = |path| process::has_open(stop.pid, path);
            if stops > 0 || has_open(&path) || has_open(&new) {
                stops += 1;
            }
            if stops == number {
                killed = true;
                return Action::Kill;
            }
            Action::Go
        });
        assert!(stops > 0, "the PID file was never open: {outcome:?}");
        if killed {
            assert_eq!(outcome.code(), 137, "{outcome:?}");
            expect(&scratch, outcome);
        }
        killed
    });
}

/// The program in the foreground makes the file, writes its pid and empties the file at its end.
#[test]
fn foreground_killed_at_each_call_leaves_no_lock() {
    let start = |scratch: &Scratch| {
        let options = "pid=report.pid\npid_in_foreground=1";
        scratch.report().options(options).does("return:0")
    };
    kill_at_stops("report.pid", start, |scratch, _| {
        let path = scratch.path("report.pid");
        eventually("the lock is free", || (!lock::is_held(&path)).then_some(()));
        let status = scratch.verb("status").run();
        // 1 while its pid is in the file.
        let has_pid = scratch.read("report.pid").len() > 1;
        assert_eq!(status.code(), if has_pid { 1 } else { 3 }, "{status:?}");
        scratch.up(scratch.controlled("hang"));
    });
}

/// The directory cannot be written to, so the file is locked as it is.
#[test]
fn launcher_killed_at_each_call_in_place() {
    requires!(users);
    let start = |scratch: &Scratch| {
        scratch.directory_of(0, "place");
        let path = scratch.write("place/report.pid", "");
        let owner = Some(UNPRIVILEGED);
        std::os::unix::fs::chown(path, owner, owner).expect("chown");
        let options = "pid=place/report.pid\nready=exec";
        as_nobody(scratch.background().options(options).does("hang"))
    };
    kill_at_stops("place/report.pid", start, |scratch, _| {
        let options = "pid=place/report.pid\nready=exec";
        let again = as_nobody(scratch.background().options(options).does("hang")).run();
        // A daemon that is still on its way holds the lock already.
        assert!([0, 69].contains(&again.code()), "{again:?}");
        let path = scratch.path("place/report.pid");
        let pid: i32 = eventually("the daemon has written its pid", || {
            let content = fs::read_to_string(&path).ok()?;
            content.strip_suffix('\n')?.parse().ok()
        });
        assert_eq!(lock::holders(&path), [pid]);
    });
}
