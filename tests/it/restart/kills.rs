//! A kill of the supervisor or of the run at any moment.

use nix::sys::signal::Signal;

use super::stage::OPTIONS;
use crate::support::deadline::eventually;
use crate::support::lock;
use crate::support::process::{self, Process};
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::trace::{self, Action, Role};
use crate::support::users::UNPRIVILEGED;

#[test]
fn kills_at_any_moment_leave_one_daemon_at_most() {
    let rounds = if std::env::var_os("TEST_LONG").is_some() {
        400
    } else {
        12
    };
    let scratch = Scratch::new();
    for round in 0..rounds {
        let up = scratch.up_supervised(scratch.supervised(OPTIONS, "hang"));
        let mut random = round * 7919 % 97;
        up.run.signal(Signal::SIGKILL);
        // A moment that moves through the restart.
        while random > 0 {
            std::hint::spin_loop();
            random -= 1;
            std::thread::yield_now();
        }
        match round % 3 {
            0 => up.supervisor.signal(Signal::SIGKILL),
            1 => up.supervisor.signal(Signal::SIGTERM),
            _ => {
                let named = scratch.read("report.pid").trim_end().parse();
                let others = scratch.processes();
                let named = named.ok().filter(|pid| others.contains(pid));
                named
                    .and_then(Process::open)
                    .inspect(|run| run.signal(Signal::SIGKILL));
            }
        }
        scratch.expect_supervised_order();
    }
}

/// The run has the lock already, and its pid is not in the file yet.
#[cfg_attr(daemon_fork, ignore = "the clones are not made there")]
#[test]
fn run_without_a_pid_ends_with_its_supervisor() {
    requires!(linux("CLONE_VM"));
    let scratch = Scratch::new();
    let roles = [
        Role::Intermediate,
        Role::Daemon,
        Role::SecondIntermediate,
        Role::SecondDaemon,
    ];
    let (mut supervisor, mut stops, mut is_held) = (None, 0, false);
    let start = scratch.supervised(OPTIONS, "hang");
    let launch = trace::run_as(&roles, start, |stop| match stop.role {
        _ if is_held => Action::Leave,
        Role::Daemon => {
            supervisor.get_or_insert_with(|| Process::open(stop.pid).expect("a supervisor"));
            Action::Go
        }
        Role::SecondDaemon => {
            stops += 1;
            // After it has asked for its parent, while it resets its signals.
            if stops < 20 {
                return Action::Go;
            }
            is_held = true;
            // It does not come any further by itself.
            let run = Process::open(stop.pid).expect("a run");
            run.signal(Signal::SIGSTOP);
            supervisor
                .take()
                .expect("it came first")
                .signal(Signal::SIGKILL);
            Action::Leave
        }
        _ => Action::Go,
    });
    assert_eq!(launch.code(), 137, "{launch:?}");
    scratch.expect_stopped();
}

/// Root cannot inspect the run of another user, and in the second case cannot signal it either.
#[test]
fn start_of_a_killed_supervisor_leaves_one_daemon() {
    requires!(linux("the holder of a lock"), users, program("setpriv"));
    for (rights, is_left) in [("-sys_ptrace", false), ("-sys_ptrace,-kill", true)] {
        let scratch = Scratch::new();
        scratch.directory_of(UNPRIVILEGED, "out");
        let options = OPTIONS.replace("exec", "notify") + "\nuser=nobody";
        let bounding = format!("--bounding-set={rights}");
        let inheritable = format!("--inh-caps={rights}");
        let words = ["setpriv", &bounding, &inheritable];
        let start = scratch.supervised(&options, "report hang").under(&words);
        let launch = start.env("TEST_REPORT", scratch.path("out/report.json"));
        let launch = launch.spawn();
        eventually("the run is on its way", || {
            scratch.path("out/report.json").exists().then_some(())
        });
        let run = Process::open(scratch.named()).expect("a run");
        let supervisor = process::stat(run.pid()).expect("a run").ppid;
        let supervisor = Process::open(supervisor).expect("a supervisor");
        supervisor.signal(Signal::SIGKILL);
        let launch = launch.wait();
        assert_eq!(launch.code(), 137, "{launch:?}");
        assert_eq!(run.is_alive(), is_left, "{rights}");
        assert_eq!(lock::is_held(&scratch.path("report.pid")), is_left);
        if is_left {
            let second = scratch.supervised(OPTIONS, "hang").run();
            assert_eq!(second.code(), 69, "{second:?}");
            run.signal(Signal::SIGKILL);
        }
    }
}
