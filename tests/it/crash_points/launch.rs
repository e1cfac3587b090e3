//! A process of a launch that is killed, at every system call: a daemon or a failure that is told at
//! once, and the next start works.

use crate::support::requires;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::daemon::read_report;
use crate::support::lock;
use crate::support::outcome::Outcome;
use crate::support::rounds::{is_long, rounds};
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::trace::{self, Action, Role};
use nix::sys::resource::Resource;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The variable that names the fd of the daemon's end of the socket pair.
const MARKER: &str = "__DAEMON_HANDOFF";

fn kill_at_stops(
    role: Role,
    numbers: impl Iterator<Item = usize> + Send,
    expect: impl Fn(&Scratch, Outcome) + Sync,
) -> usize {
    let roles = [Role::Intermediate, Role::Daemon];
    super::kill_at_stops(&roles, role, |start| start, numbers, expect)
}

/// A start that does not wait for the daemon to settle.
fn quick(scratch: &Scratch) -> Start {
    let start = scratch
        .background()
        .options("pid=report.pid\nlog=report.log\nready=exec");
    start.does("report stay")
}

#[test]
fn intermediate_process_killed_at_each_call() {
    let daemons = AtomicUsize::new(0);
    let harmed = kill_at_stops(Role::Intermediate, 1.., |scratch, launch| {
        if launch.code() == 0 {
            let daemon = scratch.daemon_of(launch, "report.pid");
            assert_eq!(daemon.report().variable(MARKER), None);
            daemons.fetch_add(1, Ordering::Relaxed);
        } else {
            scratch.expect_refusal(&launch, 71, &["intermediate process"]);
            scratch.up(quick(scratch));
        }
    });
    let daemons = daemons.into_inner();
    // Before and after `setsid`, the clone and the exit; after the clone there is a daemon.
    assert!(harmed >= 5, "{harmed}");
    assert!((1..harmed).contains(&daemons), "{daemons} of {harmed}");
}

#[test]
fn killed_intermediate_process_corrupts_no_memory() {
    requires!(linux("CLONE_VM"));
    // The launcher runs again while the daemon's side, held here, still runs on its memory.
    let scratch = Scratch::new();
    let argument = "x".repeat(10_000);
    let mut intermediate = None;
    let mut stops = 0;
    let launch = trace::run(quick(&scratch).arg(&argument), |stop| match stop.role {
        Role::Daemon => {
            stops += 1;
            if stops > 1 {
                return Action::Go;
            }
            let pid = Pid::from_raw(intermediate.expect("it came first"));
            kill(pid, Signal::SIGKILL).expect("kill the intermediate process");
            Action::Hold
        }
        Role::Intermediate => {
            intermediate = Some(stop.pid);
            Action::Go
        }
        _ => Action::Go,
    });
    // Even a launcher that waits for the exec alone has waited for it.
    assert!(
        stops > 10,
        "{stops} stops of the daemon before the launcher ended"
    );
    let daemon = scratch.daemon_of(launch, "report.pid");
    let report = daemon.report();
    assert_eq!(report.arguments[1..], [argument.into_bytes()]);
    assert_eq!(report.variable(MARKER), None);
}

#[test]
fn daemon_killed_at_each_call_before_ready() {
    let failures = AtomicUsize::new(0);
    // All until the exec, and some of the many that the program makes then.
    let (early, late) = if is_long() { (1, 1) } else { (2, 18) };
    let numbers = (1..40).step_by(early).chain((40..).step_by(late));
    kill_at_stops(Role::Daemon, numbers, |scratch, launch| {
        match launch.code() {
            // It was killed when the launcher had just seen it settled.
            0 => scratch.expect_nothing_left(),
            71 => scratch.expect_refusal(&launch, 71, &[]),
            _ => {
                failures.fetch_add(1, Ordering::Relaxed);
                scratch.expect_failed_start(&launch, 137);
                let said = launch.err_text();
                assert!(said.contains("killed by signal 9"), "{launch:?}");
            }
        }
        scratch.up(quick(scratch));
    });
    let failures = failures.into_inner();
    assert!(failures > 10, "{failures}");
}

#[test]
fn launcher_killed_at_each_call() {
    let daemons = AtomicUsize::new(0);
    let step = if is_long() { 1 } else { 2 };
    let harmed = kill_at_stops(Role::Launcher, (1..).step_by(step), |scratch, launch| {
        assert_eq!(launch.code(), 137);
        // A daemon that is still on its way holds the lock already.
        let again = quick(scratch).run();
        if again.code() == 0 {
            scratch.daemon_of(again, "report.pid");
            return;
        }
        assert_eq!(again.code(), 69, "{again:?}");
        daemons.fetch_add(1, Ordering::Relaxed);
        let report = read_report(&scratch.path("report.json"));
        assert_eq!(lock::holders(&scratch.path("report.pid")), [report.pid]);
    });
    let daemons = daemons.into_inner();
    assert!((1..harmed).contains(&daemons), "{daemons} of {harmed}");
}

#[test]
fn daemon_killed_before_its_exec_is_not_up() {
    requires!(linux("the end of a process before its exec"));
    // The system kills it for a call that it makes, and on one processor the launcher is quick to
    // see that nothing but its pid is left.
    for _ in 0..rounds(60, 600) {
        let scratch = Scratch::new();
        let start = quick(&scratch).kill_at(libc::SYS_close_range);
        let start = start.limit(Resource::RLIMIT_CORE, 0);
        let launch = start.on_one_processor().run();
        assert_eq!(launch.code(), 128 + libc::SIGSYS, "{launch:?}");
        let said = launch.err_text();
        assert!(said.contains("before it was ready"), "{said}");
    }
}
