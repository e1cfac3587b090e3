//! The first start of a supervised daemon: its verdict is the launcher's.

use nix::sys::signal::Signal;

use super::stage::OPTIONS;
use crate::support::daemon::expect_one_line;
use crate::support::deadline::eventually;
use crate::support::lock;
use crate::support::process;
use crate::support::requires;
use crate::support::rounds::is_soak;
use crate::support::scratch::Scratch;

#[test]
fn supervisor_is_the_parent_of_the_daemon() {
    let scratch = Scratch::new();
    let up = scratch.up_supervised(scratch.supervised(OPTIONS, "report stay"));
    scratch.expect_processes(2);
    let stat = process::stat(up.supervisor.pid()).expect("a supervisor");
    assert_eq!(stat.tty, 0);
    let session = process::stat(up.run.pid()).expect("a run").sid;
    assert_eq!(stat.sid == session, cfg!(daemon_fork));
    let outcome = scratch.supervised_verb(OPTIONS, "stop").run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    scratch.expect_stopped();
}

#[test]
fn first_start_that_fails_is_not_repeated() {
    let scratch = Scratch::new();
    for policy in ["on-failure", "always"] {
        let options = OPTIONS
            .replace("exec", "notify")
            .replace("on-failure", policy);
        let start = scratch.supervised(&options, "note:runs complain:no-config exit:3");
        let launch = start.run();
        assert_eq!(launch.code(), 3, "{launch:?}");
        let words = launch.err_text();
        assert!(
            words.starts_with("no-config\nreport: cannot start"),
            "{words}"
        );
        scratch.expect_stopped();
    }
    assert_eq!(scratch.read("runs").lines().count(), 2);
}

#[test]
fn error_before_the_first_run_comes_through() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("report.log", "missing/report.log");
    let launch = scratch.supervised(&options, "hang").run();
    scratch.expect_refusal(&launch, 73, &["cannot open the log", "missing"]);
    scratch.expect_stopped();
}

#[test]
fn restart_without_a_pid_file_is_refused() {
    let scratch = Scratch::new();
    let launch = scratch.supervised("restart=always", "hang").run();
    scratch.expect_refusal(&launch, 78, &["`restart` needs a PID file"]);
}

#[test]
fn late_run_is_stopped_and_not_repeated() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("exec", "notify") + "\nready_timeout=1";
    let launch = scratch.supervised(&options, "hang").run();
    assert_eq!(launch.code(), 75, "{launch:?}");
    let end = "not ready within 1 s: it never called daemon::ready(); see ";
    expect_one_line(&launch, &[end, "report.log"]);
    scratch.expect_stopped();
}

#[test]
fn supervised_run_gets_the_time_it_asks_for() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("exec", "notify") + "\nready_timeout=2";
    // Nothing but this sleep ends later than the two seconds.
    let steps = "extend:60000 sleep:2100 ready hang";
    scratch.up_supervised(scratch.supervised(&options, steps));
}

#[test]
fn killed_launcher_leaves_no_daemon() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("exec", "notify");
    let launch = scratch.supervised(&options, "note:runs hang").spawn();
    eventually("the run has begun", || {
        (!scratch.read("runs").is_empty()).then_some(())
    });
    launch.signal(Signal::SIGKILL);
    launch.wait();
    scratch.expect_stopped();
}

#[cfg_attr(daemon_fork, ignore = "a start under way is not known there")]
#[test]
fn stop_before_the_verdict_ends_the_launcher() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("exec", "notify");
    let launch = scratch.supervised(&options, "note:runs hang").spawn();
    eventually("the run has begun", || {
        (!scratch.read("runs").is_empty()).then_some(())
    });
    let status = scratch.supervised_verb(&options, "status").run();
    assert_eq!(status.code(), 0, "{status:?}");
    assert!(status.out_text().contains("starting"), "{status:?}");
    let reload = scratch.supervised_verb(&options, "reload").run();
    assert_eq!(reload.code(), 4, "{reload:?}");
    let restart = scratch.supervised_verb(&options, "restart").run();
    assert_eq!(restart.code(), 75, "{restart:?}");
    let stop = scratch.supervised_verb(&options, "stop").run();
    assert_eq!(stop.code(), 0, "{stop:?}");
    let launch = launch.wait();
    assert_eq!(launch.code(), 143, "{launch:?}");
    expect_one_line(&launch, &["stopped before it was ready"]);
    scratch.expect_stopped();
}

#[test]
fn interrupted_launcher_stops_the_daemon() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("exec", "notify");
    // No sum of times overflows.
    let options = options.replace("stop_timeout=1", "stop_timeout=18446744073709551615");
    let launch = scratch.supervised(&options, "note:runs hang").spawn();
    eventually("the run has begun", || {
        (!scratch.read("runs").is_empty()).then_some(())
    });
    launch.signal(Signal::SIGINT);
    assert_eq!(launch.wait().code(), 130);
    scratch.expect_stopped();
}

#[cfg_attr(daemon_fork, ignore = "no process is known to be stopped there")]
#[test]
fn stopped_supervisor_does_not_hold_the_launcher() {
    if !is_soak() {
        return;
    }
    let scratch = Scratch::new();
    let options = OPTIONS.replace("exec", "notify") + "\nready_timeout=1";
    // It is stopped before its run can be late.
    let steps = "run:stop-parent hang";
    let launch = scratch.supervised(&options, steps).run();
    assert_eq!(launch.code(), 75, "{launch:?}");
    expect_one_line(
        &launch,
        &["not ready within 17 s: its supervisor, pid ", " is stopped"],
    );
    scratch.expect_stopped();
}

#[test]
fn stop_is_not_lost_while_the_supervisor_begins() {
    requires!(strace);
    let scratch = Scratch::new();
    let start = scratch.supervised(OPTIONS, "hang");
    let words = ["strace", "-f", "-o", "trace", "-e", "trace=rt_sigaction"];
    let launch = start.under(&words).spawn();
    eventually("the supervisor has its signals, and a run", || {
        let status = scratch.supervised_verb(OPTIONS, "status").run();
        status.out_text().contains(": running").then_some(())
    });
    let stop = scratch.supervised_verb(OPTIONS, "stop").run();
    assert_eq!(stop.code(), 0, "{stop:?}");
    launch.wait();
    let trace = scratch.read("trace");
    let is_ignored = |signal: &str| trace.contains(&format!("({signal}, {{sa_handler=SIG_IGN"));
    assert!(is_ignored("SIGALRM"), "{trace}");
    assert!(!is_ignored("SIGTERM"), "{trace}");
    scratch.expect_stopped();
}

#[test]
fn supervisor_that_is_killed_first_leaves_no_daemon() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("exec", "notify");
    let launch = scratch.supervised(&options, "note:runs hang").spawn();
    let run = eventually("the run has begun", || {
        scratch.read("runs").trim_end().parse().ok()
    });
    let supervisor = process::stat(run).expect("a run").ppid;
    let supervisor = process::Process::open(supervisor).expect("a supervisor");
    let run = process::Process::open(run).expect("a run");
    supervisor.signal(Signal::SIGKILL);
    // Reaped, as by init: other systems do not tell a zombie from a process.
    run.wait();
    let launch = launch.wait();
    assert_eq!(launch.code(), 137, "{launch:?}");
    expect_one_line(&launch, &["the supervisor was killed"]);
    scratch.expect_stopped();
    assert!(!lock::is_held(&scratch.path("report.pid")));
}
