//! `reload`: a signal for daemons with a handler only.

use crate::support::requires;
use std::fs;

use super::stage::{expect_answer, expect_failure};
use crate::support::scratch::Scratch;

#[test]
fn reload_does_not_kill_a_daemon_without_a_handler() {
    requires!(linux("the signal handlers of another process"));
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("report stay");
    expect_failure(&scratch.verb("reload").run(), 4, &["no visible handler"]);
    assert!(daemon.process.is_alive());
    expect_answer(
        &scratch.verb("stop").run(),
        0,
        &format!("stopped, pid {}", daemon.pid()),
    );
    fs::remove_file(scratch.path("report.json")).expect("the report");

    // As a program does that takes it by sigwait(3): without a handler beside it, and with one.
    let daemon = scratch.up_and_reported("block:1 report stay");
    expect_failure(&scratch.verb("reload").run(), 4, &["no visible handler"]);
    assert!(daemon.process.is_alive());
    assert_eq!(scratch.verb("stop").run().code(), 0);
    fs::remove_file(scratch.path("report.json")).expect("the report");

    let daemon = scratch.up_and_reported("catch:1 block:1 report stay");
    let outcome = scratch.verb("reload").run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert!(daemon.process.is_alive());
}

#[test]
fn reload_is_refused_where_sighup_reopens_the_log() {
    requires!(linux("the signal handlers of another process"));
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\ncontrol_flag=-s\nlog_reopen=1";
    let daemon = scratch.up(scratch.background().options(options).does("stay"));
    let reload = scratch.report().options(options).arg("-sreload").run();
    let words = ["SIGHUP reopens the log of this program; use -s reopen"];
    expect_failure(&reload, 4, &words);
    let reopen = scratch.report().options(options).arg("-s=reopen").run();
    assert_eq!(reopen.code(), 0, "{reopen:?}");
    assert!(daemon.process.is_alive());
}
