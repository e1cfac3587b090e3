//! A kill of the supervisor or of the run at any moment.

use nix::sys::signal::Signal;

use super::stage::OPTIONS;
use crate::support::deadline::eventually;
use crate::support::lock;
use crate::support::process::Process;
use crate::support::scratch::Scratch;

/// At most one daemon is left, its lock is true, and a stop ends it.
fn expect_order(scratch: &Scratch) {
    let path = scratch.path("report.pid");
    eventually("the processes hold the lock", || {
        let mut holders = lock::holders(&path);
        let mut processes = scratch.processes();
        holders.sort_unstable();
        processes.sort_unstable();
        (holders == processes && holders.len() <= 2).then_some(())
    });
    let stop = scratch.supervised_verb(OPTIONS, "stop").run();
    assert_eq!(stop.code(), 0, "{stop:?}");
    scratch.expect_stopped();
}

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
        expect_order(&scratch);
    }
}
