//! The log of a daemon that a supervisor starts again.

use super::stage::{gaps, numbers};
use crate::support::deadline::eventually;
use crate::support::requires;
use crate::support::rounds::is_long;
use crate::support::scratch::Scratch;

const OPTIONS: &str = "pid=report.pid\nlog=report.log\nready=exec\ncontrol_flag=-s\n\
                       restart=on-failure\nlog_rotate=4";

impl Scratch {
    /// A supervised daemon that takes these steps, with an old log that is large.
    fn with_large_log(&self, steps: &str) {
        self.write("report.log", "old\n");
        let outcome = self.background().options(OPTIONS).does(steps).run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
    }

    fn stop(&self) {
        let stop = self.report().options(OPTIONS).args(["-s", "stop"]).run();
        assert_eq!(stop.code(), 0, "{stop:?}");
    }
}

#[test]
fn supervisor_rotates_the_log() {
    requires!(linux("the signal handlers of another process"));
    let scratch = Scratch::new();
    scratch.with_large_log("count");
    eventually("the log is rotated", || {
        scratch.path("report.log.1").exists().then_some(())
    });
    scratch.expect_growth("report.log");
    scratch.stop();
    let logs = scratch.logs().concat();
    let logs = logs.strip_prefix("old\n").expect("the old log");
    // The end of the daemon may be told there.
    let lines = logs.split_inclusive('\n');
    let lines: String = lines.filter(|line| !line.starts_with("report: ")).collect();
    let written = numbers(&lines);
    assert!(gaps(&written).is_empty(), "{:?}", gaps(&written));
    assert!(!scratch.path("report.pid.new").exists());
}

#[test]
fn supervisor_says_that_a_run_does_not_follow() {
    // The run has ten seconds.
    requires!(machine(is_long(), "TEST_LONG"));
    let scratch = Scratch::new();
    scratch.with_large_log("catch:10 hang");
    eventually("it says so", || {
        let log = scratch.read("report.log");
        log.contains("opened no new log within 10 s").then_some(())
    });
    let log = scratch.read("report.log");
    assert!(log.starts_with("old\nreport: cannot rotate"), "{log}");
    assert!(!scratch.path("report.log.1").exists());
    scratch.stop();
}
