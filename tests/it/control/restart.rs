//! `restart`: the old daemon ends only for a new one.

use std::fs;

use super::stage::{OPTIONS, expect_failure};
use crate::support::scratch::Scratch;

#[test]
fn restart_uses_the_new_command_line() {
    let scratch = Scratch::new();
    for word in ["first", "second"] {
        let outcome = scratch.verb("restart").arg(word).run();
        let daemon = scratch.daemon_of(outcome, "report.pid");
        let report = daemon.report();
        assert_eq!(report.arguments[1..], [word.as_bytes().to_vec()]);
        fs::remove_file(scratch.path("report.json")).expect("the report");
    }
    assert_eq!(scratch.processes().len(), 1);
}

#[test]
fn failed_restart_says_the_old_daemon_is_stopped() {
    let scratch = Scratch::new();
    scratch.up_and_reported("report stay");
    let options = OPTIONS.replace("exec", "settled");
    let outcome = scratch
        .verb("restart")
        .options(options)
        .does("return:3")
        .run();
    assert_eq!(outcome.code(), 3, "{outcome:?}");
    assert!(
        outcome
            .err_text()
            .contains("stopped the old daemon, but cannot start")
    );
    scratch.expect_nothing_left();
}

#[test]
fn refused_restart_does_not_stop_the_daemon() {
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("report stay");
    let restart = scratch
        .verb("restart")
        .options(format!("{OPTIONS}\nworkdir="));
    expect_failure(&restart.run(), 78, &["empty"]);
    assert!(daemon.process.is_alive());
}
