//! `status`: pid, start time and log.

use crate::support::requires;
use std::process::Command;
use std::time::UNIX_EPOCH;

use super::stage::OPTIONS;
use crate::support::scratch::Scratch;

#[test]
fn status_shows_pid_start_time_and_log() {
    requires!(linux("the start time of a process"));
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("report stay");
    let outcome = scratch.verb("status").run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let answer = outcome.out_text();
    let log = scratch.path("report.log").display().to_string();
    let begin = format!("report: running, pid {}, since ", daemon.pid());
    let end = format!(", log {log}\n");
    let since = answer
        .strip_prefix(&begin)
        .and_then(|rest| rest.strip_suffix(&end));
    let since = since.unwrap_or_else(|| panic!("{outcome:?}"));
    let told = Command::new("date")
        .args(["-d", since, "+%s"])
        .output()
        .expect("date");
    let told: u64 = String::from_utf8_lossy(&told.stdout)
        .trim()
        .parse()
        .expect("a time");
    let now = UNIX_EPOCH.elapsed().expect("a time").as_secs();
    assert!(now.abs_diff(told) < 60, "{since} is not now");
}

#[test]
fn status_shows_the_log_of_the_daemon() {
    requires!(linux("the output of another process"));
    let scratch = Scratch::new();
    let other = OPTIONS.replace("report.log", "other.log");
    let _daemon = scratch.up(scratch.background().options(other).does("hang"));
    let outcome = scratch.verb("status").run();
    let log = scratch.path("other.log").display().to_string();
    assert!(
        outcome.out_text().ends_with(&format!(", log {log}\n")),
        "{outcome:?}"
    );
}
