//! Signals: what the daemon inherits of them, and what they do to a launcher that waits.

use std::os::unix::process::ExitStatusExt;

use crate::support::daemon::read_report;
use crate::support::deadline::eventually;
use crate::support::outcome::Launch;
use crate::support::process::Process;
use crate::support::report::Signals;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::trace::{self, Action, Role};
use crate::support::{lock, process, requires};
use nix::sys::signal::{SigSet, Signal};

/// Bit N-1 is signal N, as in `/proc/PID/status`.
fn bit(signal: Signal) -> u64 {
    1 << (signal as i32 - 1)
}

/// The signals that a daemon ignores. Two are `glibc`'s own: it refuses to set them to their default,
/// and only Linux has a way around it.
fn ignored(signals: &Signals) -> u64 {
    let out_of_reach = if cfg!(daemon_fork) { 0b11 << 31 } else { 0 };
    signals.ignored & !out_of_reach
}

#[test]
fn daemon_ignores_and_blocks_no_signal() {
    let scratch = Scratch::new();
    let start = scratch.report().does("report");
    assert_eq!(start.run().code(), 0);
    let usual = read_report(&scratch.path("report.json")).signals;
    std::fs::remove_file(scratch.path("report.json")).expect("the report");

    let start = scratch.background().ignore(1..=64).block(SigSet::all());
    let signals = scratch.up(start).report().signals;
    assert_eq!(signals.blocked, 0);
    // The runtime of Rust does that, in every program.
    assert_eq!(ignored(&signals), bit(Signal::SIGPIPE));
    assert_eq!(signals.pending, 0);
    assert_eq!(signals.caught, usual.caught);
}

#[test]
fn ignored_sigchld_of_the_caller_changes_nothing() {
    let scratch = Scratch::new();
    let start = || {
        scratch
            .background()
            .ignore([libc::SIGCHLD])
            .block(SigSet::all())
    };
    let launch = start().does("busy:50 exit:3").run();
    scratch.expect_failed_start(&launch, 3);
    let daemon = scratch.up(start());
    assert_eq!(ignored(&daemon.report().signals), bit(Signal::SIGPIPE));
}

#[test]
fn nohup_changes_nothing() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background().under(&["nohup"]));
    assert_eq!(ignored(&daemon.report().signals), bit(Signal::SIGPIPE));
    assert!(!scratch.path("nohup.out").exists());
}

#[test]
fn sigterm_works_after_a_caller_that_blocked_it() {
    let scratch = Scratch::new();
    let start = scratch.background().does("report hang");
    let daemon = scratch.up(start.ignore(1..=64).block(SigSet::all()));
    let end = daemon.stop().expect("its status");
    assert_eq!(end.signal(), Some(Signal::SIGTERM as i32));
}

#[test]
fn foreground_keeps_the_signals() {
    let scratch = Scratch::new();
    let start = scratch.report().does("report");
    let mut blocked = SigSet::empty();
    blocked.add(Signal::SIGUSR1);
    let outcome = start.ignore([libc::SIGHUP]).block(blocked).run();
    assert_eq!(outcome.code(), 0);
    let signals = read_report(&scratch.path("report.json")).signals;
    assert_ne!(signals.ignored & bit(Signal::SIGHUP), 0);
    assert_eq!(signals.blocked, bit(Signal::SIGUSR1));
}

/// A launcher that waits for a daemon which is never quiet.
fn waiting(start: Start, scratch: &Scratch, steps: &str) -> (Launch, Process) {
    let options = "pid=report.pid\nlog=report.log\nready_timeout=120";
    let launch = start.options(options).does(steps).spawn();
    let report = read_report(&scratch.path("report.json"));
    let daemon = Process::open(report.pid).expect("a live daemon");
    // It has returned from its clones and sleeps.
    eventually("the launcher waits", || {
        (process::stat(launch.pid())?.state == 'S').then_some(())
    });
    assert!(launch.is_alive());
    (launch, daemon)
}

#[test]
fn killed_launcher_leaves_a_locked_daemon() {
    let scratch = Scratch::new();
    let (launch, daemon) = waiting(
        scratch.background(),
        &scratch,
        "report busy:500 note:done stay",
    );
    launch.signal(Signal::SIGKILL);
    assert_eq!(launch.wait().code(), 137);
    eventually("the daemon has gone on", || {
        scratch.path("done").exists().then_some(())
    });
    let pid_file = scratch.path("report.pid");
    assert_eq!(lock::holders(&pid_file), [daemon.pid()]);
    assert_eq!(scratch.read("report.pid"), format!("{}\n", daemon.pid()));
    assert_eq!(scratch.background().run().code(), 69);
}

#[test]
fn sigterm_leaves_an_unlocked_file() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background().does("report hang"));
    let pid_file = daemon.pid_file.clone();
    daemon.stop();
    assert!(pid_file.exists(), "no handler ran that could remove it");
    assert!(!lock::is_held(&pid_file));
    scratch.up(scratch.background());
}

#[test]
fn signal_before_the_wait_is_not_lost() {
    let scratch = Scratch::new();
    let mut launcher = None;
    let options = "pid=report.pid\nlog=report.log\nready_timeout=120";
    let start = scratch.background().options(options).does("report busy");
    let launch = trace::run(start, |stop| {
        match stop.role {
            Role::Launcher => launcher = Process::open(stop.pid),
            // The launcher is still in its clone, and blocks every signal.
            Role::Daemon if stop.number == 1 => {
                let launcher = launcher.as_ref().expect("it came first");
                launcher.signal(Signal::SIGTERM);
            }
            _ => {}
        }
        Action::Go
    });
    scratch.expect_failed_start(&launch, 143);
}

#[test]
fn signal_to_the_intermediate_process_is_ignored() {
    // It has the launcher's handlers and memory, and must not run the one on the other.
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let scratch = Scratch::new();
        let launch = trace::run(scratch.background(), |stop| {
            if stop.role == Role::Intermediate && stop.number == 1 {
                let intermediate = Process::open(stop.pid).expect("it has just begun");
                intermediate.signal(signal);
            }
            Action::Go
        });
        scratch.daemon_of(launch, "report.pid");
    }
}

#[test]
fn signal_after_success_ends_no_process() {
    for number in 1.. {
        let scratch = Scratch::new();
        let (mut is_locked, mut stops) = (false, 0);
        let options = "pid=report.pid\nready=exec";
        let start = scratch.background().options(options).does("stay");
        let launch = trace::run(start, |stop| {
            if stop.role == Role::Launcher {
                let was_locked = is_locked;
                is_locked = process::has_open(stop.pid, &scratch.path("report.pid"));
                // From here on the daemon alone has the file, and the launcher only ends.
                if stops > 0 || (was_locked && !is_locked) {
                    stops += 1;
                }
                if stops == number {
                    let launcher = Process::open(stop.pid).expect("the launcher");
                    launcher.signal(Signal::SIGTERM);
                }
            }
            Action::Go
        });
        scratch.daemon_of(launch, "report.pid");
        if stops < number {
            assert!(number > 5, "{number}");
            return;
        }
    }
}

#[test]
fn launcher_handler_runs_on_the_alternate_stack() {
    requires!(strace);
    let scratch = Scratch::new();
    let start = scratch.background().options("pid=report.pid\nready=exec");
    let start = start.does("return:0").traced(&["-e", "trace=rt_sigaction"]);
    start.run();
    let trace = scratch.read("trace");
    let handlers = trace
        .lines()
        .filter(|line| line.contains("(SIGINT, {sa_handler=0x"))
        .inspect(|line| assert!(line.contains("SA_ONSTACK"), "{line}"));
    assert!(handlers.count() > 0, "{trace}");
}
