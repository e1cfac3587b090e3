//! The time that a daemon has until it is ready, and more of it.

use std::time::Duration;

use super::stage::{OPTIONS, never_ready, notify};
use crate::support::scratch::Scratch;

#[test]
fn daemon_is_stopped_at_the_timeout() {
    let scratch = Scratch::new();
    let launch = never_ready(&scratch, "say:loading hang");
    let shown = launch.err_text();
    assert!(shown.starts_with("loading\nreport: "), "{launch:?}");
    let end = "not ready within 1 s: it never called daemon::ready()\n";
    assert!(shown.ends_with(end), "{launch:?}");
    assert!(launch.elapsed >= Duration::from_secs(1));

    let options = "pid=report.pid\nlog=report.log\nready=notify\nready_timeout=1";
    let launch = notify(&scratch, "ignore:15 say:loading hang")
        .options(options)
        .run();
    scratch.expect_failed_start(&launch, 75);
    assert!(launch.elapsed >= Duration::from_secs(6), "and 5 s of grace");
    let log = scratch.path("report.log").display().to_string();
    assert!(launch.err_text().ends_with(&format!("; see {log}\n")));
}

#[test]
fn timeout_flag_takes_the_place_of_the_option() {
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\ntimeout_flag=--timeout");
    let start = notify(&scratch, "hang").options(options);
    let launch = start.args(["--timeout", "1"]).run();
    scratch.expect_failed_start(&launch, 75);
    assert!(
        launch.err_text().contains("not ready within 1 s"),
        "{launch:?}"
    );
}

#[test]
fn extend_timeout_never_shortens_the_wait() {
    let second = |options: &str| OPTIONS.replace("60", options);
    let scratch = Scratch::new();
    let start = notify(&scratch, "sleep:500 extend:60000 sleep:1500 ready stay");
    scratch.up(start.options(second("1")));
    let scratch = Scratch::new();
    let start = notify(
        &scratch,
        "extend:1 notify:EXTEND_TIMEOUT_USEC=0 sleep:500 ready stay",
    );
    scratch.up(start);
    let scratch = Scratch::new();
    // Microseconds, and as many as there are.
    let start = notify(
        &scratch,
        "notify:EXTEND_TIMEOUT_USEC=99999999999999999999 sleep:1500 ready stay",
    );
    scratch.up(start.options(second("1")));
    let scratch = Scratch::new();
    let launch = notify(&scratch, "extend:1500 hang")
        .options(second("1"))
        .run();
    scratch.expect_failed_start(&launch, 75);
    assert!(launch.elapsed >= Duration::from_millis(1500), "{launch:?}");
    assert!(launch.err_text().contains("within 1.5 s"), "{launch:?}");
}

#[test]
fn longest_timeout_can_be_set() {
    let scratch = Scratch::new();
    for seconds in [u64::from(u32::MAX), u64::MAX] {
        let options = OPTIONS.replace("60", &seconds.to_string());
        let daemon = scratch.up(notify(&scratch, "ready stay").options(options));
        daemon.stop();
    }
}
