//! The control verbs, and a second start, in every state of a supervised daemon.

mod other_users;
mod without_supervisor;

use nix::sys::signal::Signal;

use super::stage::{LONG_DELAY, OPTIONS, Supervised};
use crate::support::deadline::eventually;
use crate::support::lock;
use crate::support::process;
use crate::support::requires;
use crate::support::rounds::rounds;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::users::UNPRIVILEGED;

/// With the signal of `reopen`, which every run here catches.
const REOPEN: &str = "log_reopen=1";

/// Carries out a verb; `-d` is a start, and `ensure` the call of a client.
#[track_caller]
fn expect(scratch: &Scratch, verb: &str, status: i32, words: &str) {
    expect_with(scratch, LONG_DELAY, verb, status, words);
}

fn command(scratch: &Scratch, options: &str, verb: &str) -> Start {
    match verb {
        "-d" => scratch.supervised(options, "hang"),
        "ensure" => {
            let client = scratch.report().env("TEST_START", "ensure");
            client.options(format!("{options}\nargs=-b")).does("hang")
        }
        "reopen" => scratch.supervised_verb(&format!("{options}\n{REOPEN}"), verb),
        _ => scratch.supervised_verb(options, verb),
    }
}

#[track_caller]
fn expect_with(scratch: &Scratch, options: &str, verb: &str, status: i32, words: &str) {
    let outcome = command(scratch, options, verb).run();
    assert_eq!(outcome.code(), status, "{verb}: {outcome:?}");
    let said = outcome.out_text() + &outcome.err_text();
    assert!(said.contains(words), "{verb}: {outcome:?}");
}

fn up(scratch: &Scratch) -> Supervised {
    // The report of an earlier daemon.
    std::fs::remove_file(scratch.path("report.json")).ok();
    let up = scratch.up_supervised(scratch.supervised(LONG_DELAY, "catch:1 report hang"));
    crate::support::daemon::read_report(&scratch.path("report.json"));
    up
}

#[test]
fn verbs_while_the_run_is_up() {
    let scratch = Scratch::new();
    let up = up(&scratch);
    let pid = format!("pid {}", up.run.pid());
    expect(&scratch, "status", 0, &pid);
    expect(&scratch, "-d", 69, "already running");
    expect(&scratch, "start", 0, &pid);
    expect(&scratch, "ensure", 0, &format!("{} true", up.run.pid()));
    expect(&scratch, "reload", 0, "");
    expect(&scratch, "reopen", 0, "");
    expect(&scratch, "restart", 0, "stopped");
    assert!(!up.supervisor.is_alive());
    expect(&scratch, "stop", 0, "stopped");
    scratch.expect_stopped();
}

#[test]
fn run_that_closed_its_lock_is_found_by_its_supervisor() {
    requires!(linux("the parent of a process, close_range(2)"));
    let scratch = Scratch::new();
    let steps = "catch:1 wait:go close-all hang";
    let up = scratch.up_supervised(scratch.supervised(LONG_DELAY, steps));
    scratch.write("go", "");
    let pid = up.run.pid();
    eventually("the run has no lock", || {
        (!lock::holders(&scratch.path("report.pid")).contains(&pid)).then_some(())
    });
    expect(&scratch, "status", 0, &format!("running, pid {pid}"));
    expect(&scratch, "-d", 69, "already running");
    expect(&scratch, "start", 0, &format!("pid {pid}"));
    expect(&scratch, "reload", 0, "");
    scratch.crash_before_delay(&up);
    expect(&scratch, "status", 2, "restart due in 9 min");
    expect(&scratch, "stop", 0, "stopped");
    scratch.expect_stopped();
}

#[test]
fn run_of_another_supervisor_is_not_taken_for_the_daemon() {
    requires!(linux("the descriptors of another process"));
    let (scratch, other) = (Scratch::new(), Scratch::new());
    let mine = scratch.up_supervised(scratch.supervised(LONG_DELAY, "hang"));
    let others = other.up_supervised(other.supervised(LONG_DELAY, "hang"));
    scratch.write("report.pid", format!("{}\n", others.run.pid()));
    for verb in ["status", "stop"] {
        let words = format!("the file names process {}", others.run.pid());
        expect(&scratch, verb, 4, &words);
    }
    assert!(others.run.is_alive() && mine.run.is_alive());
}

#[test]
fn verbs_while_a_restart_is_due() {
    let scratch = Scratch::new();
    scratch.crash_before_delay(&up(&scratch));
    expect(&scratch, "status", 2, "restart due in 9 min");
    expect(&scratch, "-d", 69, "restart due in 9 min");
    expect(&scratch, "reload", 7, "restart due");
    expect(&scratch, "reopen", 7, "restart due");
    expect_impatient(&scratch, LONG_DELAY);
    expect(&scratch, "restart", 0, "stopped");
    scratch.expect_processes(2);
    expect(&scratch, "stop", 0, "stopped");
    scratch.expect_stopped();
}

/// `start` and `ensure` wait for the next run, and not longer than `ready_timeout`.
#[track_caller]
fn expect_impatient(scratch: &Scratch, options: &str) {
    let options = format!("{options}\nready_timeout=1");
    let waits = ["start", "ensure"].map(|verb| command(scratch, &options, verb).spawn());
    for wait in waits {
        let outcome = wait.wait();
        assert_eq!(outcome.code(), 75, "{outcome:?}");
        assert!(outcome.err_text().contains("still starting"), "{outcome:?}");
    }
}

/// The delay is over, and the next run does not come up.
#[test]
fn verbs_while_the_next_run_is_not_ready() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("exec", "notify");
    let steps = "note:runs run:second-hangs:runs catch:1 ready hang";
    for verb in ["stop", "restart"] {
        std::fs::remove_file(scratch.path("runs")).ok();
        let up = scratch.up_supervised(scratch.supervised(&options, steps));
        up.run.signal(Signal::SIGKILL);
        eventually("the second run is there", || {
            (scratch.read("runs").lines().count() == 2).then_some(())
        });
        expect_with(&scratch, &options, "status", 2, "being restarted");
        expect_with(&scratch, &options, "-d", 69, "being restarted");
        expect_with(&scratch, &options, "reload", 7, "being restarted");
        expect_with(&scratch, &options, "reopen", 7, "being restarted");
        if verb == "stop" {
            expect_impatient(&scratch, &options);
        }
        expect(&scratch, verb, 0, "stopped");
        assert!(!up.supervisor.is_alive());
    }
    scratch.expect_processes(2);
    let named = scratch.named();
    expect(&scratch, "status", 0, &format!("pid {named}"));
    expect(&scratch, "stop", 0, "stopped");
    scratch.expect_stopped();
}

#[test]
fn verbs_wait_for_the_first_verdict() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("exec", "notify");
    let steps = "note:runs wait:go ready hang";
    let launch = scratch.supervised(&options, steps).spawn();
    let run: i32 = eventually("the run has begun", || {
        scratch.read("runs").trim_end().parse().ok()
    });
    expect_with(&scratch, &options, "-d", 69, "already being started");
    expect_with(&scratch, &options, "reopen", 4, "it is starting");
    let waits = ["start", "ensure"].map(|verb| command(&scratch, &options, verb).spawn());
    eventually("both look at the PID file", || {
        let path = scratch.path("report.pid");
        let both = waits.iter();
        let mut both = both.map(|wait| process::has_open(wait.pid(), &path));
        both.all(|has_open| has_open).then_some(())
    });
    scratch.write("go", "");
    assert_eq!(launch.wait().code(), 0);
    let words = [format!("running, pid {run}"), format!("{run} true")];
    for (wait, words) in waits.into_iter().zip(words) {
        let outcome = wait.wait();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
        assert!(outcome.out_text().contains(&words), "{outcome:?}");
    }
    assert_eq!(scratch.read("runs").lines().count(), 1);
}

#[test]
fn start_tries_itself_after_a_failed_first_run() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("exec", "notify");
    let steps = "note:runs wait:go exit:3";
    let launch = scratch.supervised(&options, steps).spawn();
    eventually("the run has begun", || {
        (!scratch.read("runs").is_empty()).then_some(())
    });
    let start = scratch
        .supervised_verb(&options, "start")
        .does("ready hang");
    let start = start.spawn();
    eventually("it looks at the PID file", || {
        process::has_open(start.pid(), &scratch.path("report.pid")).then_some(())
    });
    scratch.write("go", "");
    assert_eq!(launch.wait().code(), 3);
    scratch.supervised_of(&start.wait());
}

#[test]
fn first_run_that_ends_at_once_is_restarted() {
    let scratch = Scratch::new();
    let options = LONG_DELAY
        .replace("exec", "settled")
        .replace("on-failure", "always");
    let launch = scratch.supervised(&options, "exit:0").run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    expect_with(&scratch, &options, "status", 2, "restart due in 9 min");
    expect_with(&scratch, &options, "reload", 7, "restart due");
    expect_with(&scratch, &options, "stop", 0, "stopped");
    scratch.expect_stopped();
}

#[test]
fn verbs_while_the_supervisor_ends() {
    requires!(linux("the holder of a lock"));
    let scratch = Scratch::new();
    // What is left of the group ends only by SIGKILL, five seconds later.
    let steps = "ignore:15 leave-child catch:1 report hang";
    for verb in ["stop", "restart"] {
        std::fs::remove_file(scratch.path("report.json")).ok();
        let up = scratch.up_supervised(scratch.supervised(LONG_DELAY, steps));
        crate::support::daemon::read_report(&scratch.path("report.json"));
        up.run.signal(Signal::SIGINT);
        eventually("the run has ended", || {
            scratch.read("report.pid").is_empty().then_some(())
        });
        // So that it does not end before it is looked at.
        up.supervisor.signal(Signal::SIGSTOP);
        eventually("the supervisor is stopped", || {
            let stat = process::stat(up.supervisor.pid());
            (stat.is_none_or(|stat| ['T', 'Z'].contains(&stat.state))).then_some(())
        });
        if !up.supervisor.is_alive() {
            continue;
        }
        expect(&scratch, "status", 3, "not running, ending");
        expect(&scratch, "reload", 7, "not running");
        expect(&scratch, "-d", 69, "has not exited yet");
        expect(&scratch, verb, 0, "stopped");
        assert!(!up.supervisor.is_alive());
    }
    scratch.supervised_verb(LONG_DELAY, "stop").run();
    scratch.expect_stopped();
}

#[test]
fn start_waits_for_the_restart() {
    let scratch = Scratch::new();
    let options = LONG_DELAY.replace("600000", "300");
    let up = scratch.up_supervised(scratch.supervised(&options, "hang"));
    scratch.crash_before_delay(&up);
    expect_with(&scratch, &options, "start", 0, "running");
    assert!(up.supervisor.is_alive());
}

#[test]
fn two_stops_at_once_both_succeed() {
    let scratch = Scratch::new();
    scratch.up_supervised(scratch.supervised(OPTIONS, "hang"));
    let stops = [(); 2].map(|()| scratch.supervised_verb(OPTIONS, "stop").spawn());
    for stop in stops {
        let outcome = stop.wait();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
    }
    scratch.expect_stopped();
}

/// Each run ends while a verb looks at it.
#[test]
fn verbs_on_runs_that_end_at_once() {
    requires!(linux("the holder of a lock"));
    let options = OPTIONS.replace("on-failure", "always");
    for _ in 0..rounds(2, 100) {
        let scratch = Scratch::new();
        let up = scratch.up_supervised(scratch.supervised(&options, "first:mark hang"));
        eventually("the first run is there", || {
            scratch.path("mark").exists().then_some(())
        });
        up.run.signal(Signal::SIGKILL);
        for (verb, codes) in [("status", [0, 2]), ("reload", [4, 7]), ("start", [0, 0])] {
            let outcome = scratch.supervised_verb(&options, verb).run();
            assert!(codes.contains(&outcome.code()), "{verb}: {outcome:?}");
            let said = outcome.err_text();
            assert!(!said.contains("cannot identify"), "{verb}: {outcome:?}");
        }
        let stop = scratch.supervised_verb(&options, "stop").run();
        assert_eq!(stop.code(), 0, "{stop:?}");
        assert!(!up.supervisor.is_alive());
        scratch.expect_stopped();
    }
}

#[test]
fn run_with_the_name_of_a_supervisor_is_a_run() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("on-failure", "always");
    let start = scratch.supervised(&options, "report hang");
    let up = scratch.supervised_of(&start.arg0("report [supervisor]").run());
    crate::support::daemon::read_report(&scratch.path("report.json"));
    let pid = format!("stopped, pid {}", up.run.pid());
    expect_with(&scratch, &options, "stop", 0, &pid);
    assert!(!up.supervisor.is_alive());
    // The supervisor got the signal, not the run.
    let log = scratch.read("report.log");
    assert!(!log.contains("restart in"), "{log}");
    scratch.expect_stopped();
}

/// Root cannot inspect the run of another user; the launcher and the supervisor hold the lock too.
#[test]
fn stop_of_an_opaque_first_run_that_is_not_ready() {
    requires!(linux("the holder of a lock"), users, program("setpriv"));
    let scratch = Scratch::new();
    scratch.directory_of(UNPRIVILEGED, "out");
    let options = OPTIONS.replace("exec", "notify") + "\nuser=nobody";
    let words = [
        "setpriv",
        "--bounding-set=-sys_ptrace",
        "--inh-caps=-sys_ptrace",
    ];
    let start = scratch.supervised(&options, "report hang").under(&words);
    let launch = start.env("TEST_REPORT", scratch.path("out/report.json"));
    let launch = launch.spawn();
    eventually("the run is on its way", || {
        scratch.path("out/report.json").exists().then_some(())
    });
    let stop = scratch
        .supervised_verb(&options, "stop")
        .under(&words)
        .run();
    assert_eq!(stop.code(), 0, "{stop:?}");
    assert_eq!(launch.wait().code(), 143);
    scratch.expect_stopped();
}

/// The child is in the process group of the run, of which the supervisor leaves nothing.
#[test]
fn child_of_the_run_restarts_the_daemon() {
    let scratch = Scratch::new();
    let steps = "wait:up run:restart-in-child:once hang";
    let first = scratch.up_supervised(scratch.supervised(OPTIONS, steps));
    let old = [first.supervisor.pid(), first.run.pid()];
    scratch.write("up", "");
    first.supervisor.wait_for_end();
    let new = scratch.next_named(&old);
    expect_with(&scratch, OPTIONS, "status", 0, &format!("pid {new}"));
    scratch.expect_supervised_order();
}

/// The group of a run that has crashed gets SIGTERM, which the child survives.
#[test]
fn child_of_a_crashed_run_restarts_the_daemon() {
    let scratch = Scratch::new();
    let child = "catch:15%20create:catches%20wait:crashed%20run:restart-in-child:once%20hang";
    let steps = format!("first:started leave-child:{child} hang");
    let first = scratch.up_supervised(scratch.supervised(LONG_DELAY, &steps));
    eventually("the child catches SIGTERM", || {
        scratch.path("catches").exists().then_some(())
    });
    scratch.crash_before_delay(&first);
    scratch.write("crashed", "");
    first.supervisor.wait_for_end();
    scratch.next_named(&[first.supervisor.pid(), first.run.pid()]);
    scratch.expect_supervised_order();
}
