//! Processes that are killed where the clones do not do what they are asked for, and the launcher
//! falls back to two forks.

use crate::fall_back::{self, System};
use crate::support::daemon::read_report;
use crate::support::lock;
use crate::support::outcome::Outcome;
use crate::support::requires;
use crate::support::rounds::is_long;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::trace::Role;

/// Kills this process of a launch at its stops.
fn kill_at_stops(system: System, role: Role, expect: impl Fn(&Scratch, Outcome, Start) + Sync) {
    let roles: &[Role] = match system {
        System::IgnoresCloneParent => &[
            Role::Intermediate,
            Role::Daemon,
            Role::SecondIntermediate,
            Role::SecondDaemon,
        ],
        _ => &[
            Role::Intermediate,
            Role::SecondIntermediate,
            Role::SecondDaemon,
        ],
    };
    let library = Scratch::new();
    let library = fall_back::library(&library, system);
    let prepare = |start: Start| start.env("LD_PRELOAD", &library);
    // All until the exec, and some of the many that the program makes then.
    let (early, late) = if is_long() { (1, 1) } else { (2, 18) };
    let numbers = (1..40).step_by(early).chain((40..).step_by(late));
    super::kill_at_stops(roles, role, prepare, numbers, |scratch, launch| {
        let again = scratch.background();
        let again = again.options("pid=report.pid\nlog=report.log\nready=exec");
        expect(scratch, launch, prepare(again.does("report stay")));
    });
}

fn expect_daemon_or_failure(scratch: &Scratch, launch: Outcome, again: Start) {
    match launch.code() {
        0 => scratch.daemon_of(launch, "report.pid").stop(),
        code => {
            assert!([71, 137].contains(&code), "{launch:?}");
            scratch.expect_failed_start(&launch, code);
            scratch.up(again).stop()
        }
    };
}

#[test]
fn fall_back_intermediate_killed_at_each_call() {
    requires!(preload, linux("CLONE_PARENT"));
    for role in [Role::Intermediate, Role::SecondIntermediate] {
        kill_at_stops(System::IgnoresCloneParent, role, expect_daemon_or_failure);
    }
    let role = Role::SecondIntermediate;
    kill_at_stops(System::CopiesMemory, role, expect_daemon_or_failure);
}

#[test]
fn killed_daemon_of_a_fall_back_is_a_failure() {
    requires!(preload, linux("CLONE_PARENT"));
    let system = System::IgnoresCloneParent;
    kill_at_stops(system, Role::Daemon, expect_daemon_or_failure);
    kill_at_stops(system, Role::SecondDaemon, |scratch, launch, again| {
        if launch.code() == 0 {
            // It was killed when the launcher had just seen it settled.
            return scratch.expect_nothing_left();
        }
        expect_daemon_or_failure(scratch, launch, again);
    });
}

#[test]
fn fall_back_launcher_killed_at_each_call() {
    requires!(preload, linux("CLONE_PARENT"));
    let role = Role::Launcher;
    kill_at_stops(
        System::IgnoresCloneParent,
        role,
        |scratch, launch, again| {
            assert_eq!(launch.code(), 137);
            let again = again.run();
            if again.code() == 0 {
                scratch.daemon_of(again, "report.pid");
                return;
            }
            assert_eq!(again.code(), 69, "{again:?}");
            let report = read_report(&scratch.path("report.json"));
            assert_eq!(lock::holders(&scratch.path("report.pid")), [report.pid]);
        },
    );
}
