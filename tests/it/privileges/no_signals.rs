//! Root without `CAP_KILL`, as in many containers: it may not signal a daemon of another user.

use super::stage::{scratch, start};
use crate::support::outcome::Outcome;
use crate::support::process::Process;
use crate::support::scratch::Scratch;
use crate::support::{lock, program, requires};

const OPTIONS: &str = "pid=report.pid\nlog=report.log\nuser=hello\ncontrol_flag=-s\nstop_timeout=1";

const WITHOUT_CAP_KILL: [&str; 3] = ["setpriv", "--bounding-set=-kill", "--inh-caps=-kill"];

fn verb(scratch: &Scratch, verb: &str, before: &[&str], options: &str) -> Outcome {
    let start = scratch.among_users(&program::path("report"), before);
    start.options(options).args(["-s", verb]).run()
}

/// Its start has failed, and it runs on with its lock.
fn expect_lock_of_a_failed_start(restart: &str) {
    let scratch = scratch();
    let options = format!("{OPTIONS}\nready=notify\nready_timeout=1\n{restart}");
    let launch = start(&scratch, &WITHOUT_CAP_KILL);
    let launch = launch.options(&options).does("hang").run();
    assert_eq!(launch.code(), 75, "{launch:?}");
    let words = "report: the daemon could not be stopped and may run on; cannot start";
    assert!(launch.err_text().starts_with(words), "{launch:?}");
    let holders = lock::holders(&scratch.path("report.pid"));
    assert!(!holders.is_empty(), "it has its lock");
    let next = start(&scratch, &WITHOUT_CAP_KILL).options(&options).run();
    assert_eq!(next.code(), 69, "{next:?}");
    let stop = verb(&scratch, "stop", &[], &options);
    assert_eq!(stop.code(), 0, "{stop:?}");
    scratch.expect_nothing_left();
}

/// Fault 315: a start fails, and the daemon may not be signalled.
#[test]
fn daemon_that_cannot_be_stopped_keeps_its_lock() {
    requires!(users, program("setpriv"));
    expect_lock_of_a_failed_start("");
}

/// Fault 315: the same with a supervisor.
#[test]
fn supervised_daemon_that_cannot_be_stopped_keeps_its_lock() {
    requires!(users, program("setpriv"), linux("the holder of a lock"));
    expect_lock_of_a_failed_start("restart=on-failure");
}

/// Fault 315: a stop that cannot succeed leaves the daemon its supervisor.
#[test]
fn failed_stop_leaves_the_supervisor() {
    requires!(users, program("setpriv"));
    let scratch = scratch();
    let options = format!("{OPTIONS}\nready=exec\nrestart=on-failure");
    let launch = start(&scratch, &WITHOUT_CAP_KILL);
    let launch = launch.options(&options).does("hang").run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    let run = scratch.read("report.pid");
    let supervisor = lock::holders(&scratch.path("report.pid"))
        .into_iter()
        .find(|pid| format!("{pid}\n") != run)
        .and_then(Process::open)
        .expect("a supervisor");
    let stop = verb(&scratch, "stop", &WITHOUT_CAP_KILL, &options);
    assert_eq!(stop.code(), 4, "{stop:?}");
    assert!(
        stop.err_text().contains("Operation not permitted"),
        "{stop:?}"
    );
    assert!(supervisor.is_alive(), "the supervisor keeps the lock");
    let stop = verb(&scratch, "stop", &[], &options);
    assert_eq!(stop.code(), 0, "{stop:?}");
    scratch.expect_nothing_left();
}
