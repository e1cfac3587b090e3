//! A process of a supervised daemon that is killed at each of its system calls.

use nix::sys::signal::Signal;

use crate::restart::stage::{OPTIONS, Supervised, pidfds_mean_groups};
use crate::support::outcome::Outcome;
use crate::support::process::Process;
use crate::support::requires;
use crate::support::rounds::{count_in_threads, is_long, is_soak};
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::trace::{self, Action, Role};

/// The supervisor is the daemon of the launcher.
const LAUNCHER: Role = Role::Launcher;
const SUPERVISOR: Role = Role::Daemon;
const RUN: Role = Role::SecondDaemon;
const START: [Role; 4] = [
    Role::Intermediate,
    SUPERVISOR,
    Role::SecondIntermediate,
    RUN,
];

/// Every call, or in the short form every so many.
fn numbered(number: usize, step: usize) -> usize {
    let step = if is_long() { 1 } else { step };
    1 + (number - 1) * step
}

/// The kill at one stop of one process.
struct Kill {
    role: Role,
    number: usize,
    stops: usize,
    asked: usize,
    is_done: bool,
}

impl Kill {
    fn new(role: Role, number: usize) -> Self {
        Self {
            role,
            number,
            stops: 0,
            asked: 0,
            is_done: false,
        }
    }

    fn decide(&mut self, stop: trace::Stop) -> Action {
        if self.is_done {
            return Action::Leave;
        }
        if stop.role != self.role {
            return Action::Go;
        }
        let asks = stop.asks_for_group();
        self.asked += usize::from(asks);
        self.stops += usize::from(!asks || self.asked <= 20);
        self.is_done = self.stops == self.number;
        if self.is_done {
            Action::Kill
        } else {
            Action::Go
        }
    }
}

/// Kills a process of a command at each of its stops, until the command goes through unharmed.
fn kill_at_stops(
    role: Role,
    step: usize,
    start: impl Fn(&Scratch) -> Start + Sync,
    expect: impl Fn(&Scratch, Outcome) + Sync,
) -> usize {
    count_in_threads(|number| {
        let scratch = Scratch::new();
        let mut kill = Kill::new(role, numbered(number, step));
        let launch = trace::run_as(&START, start(&scratch), |stop| kill.decide(stop));
        if kill.is_done {
            expect(&scratch, launch);
        } else {
            assert_eq!(launch.code(), 0, "{launch:?}");
        }
        kill.is_done
    })
}

fn start(scratch: &Scratch) -> Start {
    scratch.supervised(OPTIONS, "hang")
}

#[test]
fn start_survives_a_kill_at_each_call() {
    requires!(linux("CLONE_VM"));
    if !is_soak() {
        return;
    }
    for (role, step) in [(LAUNCHER, 17), (SUPERVISOR, 17), (RUN, 41)] {
        let harmed = kill_at_stops(role, step, start, |scratch, launch| {
            // It was killed too late, it was killed itself, or it reports the end of another process.
            assert!([0, 71, 137].contains(&launch.code()), "{launch:?}");
            scratch.expect_supervised_order();
        });
        assert!(harmed > 5, "{role:?}: {harmed}");
    }
}

/// Kills a supervisor, or what it starts, at each of its stops after an event.
fn kill_after(
    event: impl Fn(&Supervised) + Sync,
    role: Role,
    step: usize,
    is_over: impl Fn(&Scratch, &Supervised) -> bool + Sync,
) -> usize {
    // Without a pidfd that means it, the group of a run is looked for in the whole of /proc, which takes
    // thousands of calls.
    let mode = if pidfds_mean_groups() {
        "mixed"
    } else {
        "process"
    };
    let options = format!("{OPTIONS}\nkill_mode={mode}");
    let roles = [Role::Intermediate, Role::Daemon];
    count_in_threads(|number| {
        let scratch = Scratch::new();
        let up = scratch.up_supervised(scratch.supervised(&options, "hang"));
        let mut kill = Kill::new(role, numbered(number, step));
        let decide = |stop| kill.decide(stop);
        let (event, is_over) = (|| event(&up), || is_over(&scratch, &up));
        trace::attach(up.supervisor.pid(), &roles, event, decide, is_over);
        scratch.expect_supervised_order();
        kill.is_done
    })
}

#[test]
fn restart_survives_a_kill_at_each_call() {
    requires!(linux("CLONE_VM"));
    if !is_soak() {
        return;
    }
    // Another run is there.
    let is_over = |scratch: &Scratch, up: &Supervised| {
        let named = scratch.read("report.pid");
        let named = named.strip_suffix('\n').and_then(|pid| pid.parse().ok());
        named.is_some_and(|pid: i32| {
            let is_new = ![up.run.pid(), up.supervisor.pid()].contains(&pid);
            is_new && Process::open(pid).is_some()
        })
    };
    for (role, step) in [
        (Role::Launcher, 11),
        (Role::Intermediate, 3),
        (Role::Daemon, 41),
    ] {
        let harmed = kill_after(|up| up.run.signal(Signal::SIGKILL), role, step, is_over);
        assert!(harmed > 0, "{role:?}");
    }
}

#[test]
fn stop_survives_a_kill_at_each_call() {
    requires!(linux("CLONE_VM"));
    if !is_soak() {
        return;
    }
    let stop = |up: &Supervised| up.supervisor.signal(Signal::SIGTERM);
    let is_over = |_: &Scratch, up: &Supervised| !up.supervisor.is_alive();
    let harmed = kill_after(stop, Role::Launcher, 3, is_over);
    assert!(harmed > 5, "{harmed}");
}

#[test]
fn verbs_survive_a_kill_at_each_call() {
    requires!(linux("CLONE_VM"));
    if !is_soak() {
        return;
    }
    for verb in ["stop", "restart", "status"] {
        let verb_of = |scratch: &Scratch| {
            scratch.up_supervised(start(scratch));
            scratch.supervised_verb(OPTIONS, verb)
        };
        let harmed = kill_at_stops(LAUNCHER, 61, verb_of, |scratch, outcome| {
            assert_eq!(outcome.code(), 137, "{outcome:?}");
            scratch.expect_supervised_order();
        });
        assert!(harmed > 5, "{verb}: {harmed}");
    }
}
