//! A terminal of another program's making, and signals from before the start.

use nix::sys::signal::{SigSet, Signal, raise};

use crate::support::daemon::read_report;
use crate::support::process::Process;
use crate::support::scratch::Scratch;
use crate::support::{program, requires};

#[test]
fn a_daemon_outlives_the_terminal_of_script() {
    if !requires::program("script") {
        return;
    }
    let scratch = Scratch::new();
    let script = requires::find("script").expect("script");
    let command = format!("{} -d", program::path("report").display());
    let start = scratch.report().via(&script).env("SHELL", "/bin/sh");
    let outcome = start.args(["-qec", &command, "typescript"]).run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert!(outcome.out_text().contains("running in the background"));
    let report = read_report(&scratch.path("report.json"));
    assert_eq!(report.tty, 0);
    let daemon = Process::open(report.pid).expect("a live daemon");
    assert!(daemon.is_alive(), "the hang-up did not reach it");
    scratch.expect_order();
}

#[test]
fn a_signal_that_waits_since_before_the_start_is_no_surprise() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGUSR1] {
        let scratch = Scratch::new();
        let mut blocked = SigSet::empty();
        blocked.add(signal);
        let start = scratch.background().block(blocked);
        let launch = start.before_exec(move || Ok(raise(signal)?)).run();
        if launch.code() == 0 {
            let report = scratch.daemon_of(launch, "report.pid").report();
            assert_eq!((report.signals.blocked, report.signals.pending), (0, 0));
        } else {
            scratch.expect_failed_start(&launch, 128 + signal as i32);
        }
        scratch.expect_order();
    }
}
