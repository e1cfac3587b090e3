//! Ends before and after the daemon is ready.

use std::time::Duration;

use crate::support::cgroup::Cgroup;
use crate::support::deadline::eventually;
use crate::support::requires;
use crate::support::scratch::Scratch;

#[test]
fn a_daemon_that_is_killed_for_its_memory_is_a_failure_at_once() {
    if !requires::root() {
        return;
    }
    for ready in ["settled", "notify"] {
        let scratch = Scratch::new();
        let limits = ["memory.max", "memory.limit_in_bytes"];
        let Some(group) = Cgroup::with("memory", &limits) else {
            return;
        };
        group.set(&limits, "64M");
        let options = format!("pid=report.pid\nready={ready}\nready_timeout=60");
        let start = scratch.background().options(options).in_cgroup(&group);
        let launch = start.does("resident:200 report hang").run();
        scratch.expect_failed_start(&launch, 137);
        assert!(
            launch.err_text().contains("killed by signal 9"),
            "{launch:?}"
        );
        assert!(launch.elapsed < Duration::from_secs(20), "{launch:?}");
        scratch.expect_order();
    }
}

#[test]
fn a_daemon_that_closed_its_lock_counts_as_gone() {
    let scratch = Scratch::new();
    let start = scratch.controlled("close-all create:closed hang");
    let launch = start.run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    eventually("it has closed everything", || {
        scratch.path("closed").exists().then_some(())
    });
    let status = scratch.verb("status").run();
    assert_eq!(status.code(), 1, "{status:?}");
    let [daemon] = scratch.processes()[..] else {
        panic!("one process");
    };
    // Nobody knows it any more, so nobody signals it.
    assert_eq!(scratch.verb("stop").run().code(), 0);
    assert_eq!(scratch.processes(), [daemon]);
}
