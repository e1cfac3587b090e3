//! Starts of a daemon that calls `ready()`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::support::daemon::read_report;
use crate::support::outcome::{Launch, Outcome};
use crate::support::report::Report;
use crate::support::scratch::Scratch;
use crate::support::start::Start;

pub(crate) const OPTIONS: &str = "pid=report.pid\nready=notify\nready_timeout=60";

pub(crate) fn notify(scratch: &Scratch, steps: &str) -> Start {
    scratch.background().options(OPTIONS).does(steps)
}

/// A start of a daemon that is never ready, with a short timeout.
pub(crate) fn never_ready(scratch: &Scratch, steps: &str) -> Outcome {
    let options = OPTIONS.replace("60", "1");
    let launch = notify(scratch, steps).options(options).run();
    scratch.expect_failed_start(&launch, 75);
    launch
}

/// A launcher that waits for a daemon which has reported.
pub(crate) fn waiting(scratch: &Scratch, steps: &str) -> (Launch, Report) {
    let launch = notify(scratch, steps).spawn();
    let report = read_report(&scratch.path("report.json"));
    assert!(launch.is_alive());
    (launch, report)
}

/// The address for the messages of a daemon that has reported.
pub(crate) fn address(report: &Report) -> PathBuf {
    let path = report.variable("NOTIFY_SOCKET").expect("NOTIFY_SOCKET");
    PathBuf::from(OsStr::from_bytes(path))
}
