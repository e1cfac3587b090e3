//! Daemons of other users: which processes can inspect them, and which may signal them.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, UNIX_EPOCH};

use super::canary::Canary;
use super::stage::{OPTIONS, as_nobody, expect_answer, expect_failure};
use crate::support::deadline::eventually;
use crate::support::scratch::Scratch;
use crate::support::{lock, process, requires};

#[test]
fn stop_ends_a_start_of_an_undumpable_daemon() {
    requires!(linux("the holder of a lock"), root);
    let scratch = Scratch::new();
    fs::set_permissions(scratch.dir(), fs::Permissions::from_mode(0o777)).expect("chmod");
    let options = OPTIONS.replace("exec", "notify");
    let start = scratch.background().options(options);
    let launch = as_nobody(start.does("undumpable report hang")).spawn();
    eventually("it is on its way", || {
        scratch.path("report.json").exists().then_some(())
    });
    let outcome = as_nobody(scratch.verb("stop")).run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    scratch.expect_refusal(&launch.wait(), 143, &["killed by signal 15"]);
}

/// The command with the capabilities of root in a container.
const IN_CONTAINER: [&str; 3] = [
    "setpriv",
    "--bounding-set=-all,+chown,+dac_override,+fowner,+fsetid,+setgid,+setuid,+setpcap,+kill",
    "--inh-caps=-all",
];

#[test]
fn container_root_controls_daemons_of_other_users() {
    requires!(linux("the signal handlers of another process"), users);
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nuser=nobody\nlog_reopen=1");
    let start = scratch.background().options(&*options);
    let daemon = scratch.up(start.does("catch:1 hang").under(&IN_CONTAINER));
    for verb in ["status", "reopen", "stop"] {
        let start = scratch.report().options(&*options);
        let outcome = start.args(["-s", verb]).under(&IN_CONTAINER).run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
    }
    assert!(!daemon.process.is_alive());
}

#[test]
fn daemon_of_another_user_is_seen_but_not_stopped() {
    requires!(linux("the signal handlers of another process"), root);
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("catch:1 report stay");
    let status = as_nobody(scratch.verb("status")).run();
    assert_eq!(status.code(), 0, "{status:?}");
    assert!(
        status
            .out_text()
            .contains(&format!("running, pid {}", daemon.pid()))
    );
    for verb in ["stop", "reload"] {
        let outcome = as_nobody(scratch.verb(verb)).run();
        expect_failure(&outcome, 4, &["Operation not permitted"]);
    }
    assert!(daemon.process.is_alive());
}

#[test]
fn pid_that_changes_during_status_is_not_believed() {
    requires!(root);
    let scratch = Scratch::new();
    // An ordinary user cannot list the descriptors of root's processes.
    let (old, new) = (Canary::new(), Canary::new());
    let path = scratch.write("report.pid", format!("{}\n", old.0.id()));
    let _lock = lock::hold(&path);
    let status = as_nobody(scratch.verb("status")).spawn();
    eventually("it looks a second time", || {
        (process::stat(status.pid())?.state == 'S').then_some(())
    });
    scratch.write("report.pid", format!("{}\n", new.0.id()));
    expect_failure(&status.wait(), 4, &["report.pid"]);
}

#[test]
fn lock_released_during_status_is_free() {
    requires!(root);
    let scratch = Scratch::new();
    // Only root can list the descriptors of a process that is about to end.
    let holder = Canary::new();
    let path = scratch.write("report.pid", format!("{}\n", holder.0.id()));
    let lock = lock::hold(&path);
    let status = as_nobody(scratch.verb("status")).spawn();
    eventually("it looks a second time", || {
        (process::stat(status.pid())?.state == 'S').then_some(())
    });
    drop(lock);
    let left = "not running, but its PID file is left";
    expect_answer(&status.wait(), 1, left);
}

#[test]
fn opaque_process_needs_a_matching_start_time() {
    requires!(linux("the start time of a process"), root);
    let scratch = Scratch::new();
    let canary = Canary::new();
    let path = scratch.write("report.pid", format!("{}\n", canary.0.id()));
    let lock = lock::hold(&path);
    let stop = || as_nobody(scratch.verb("stop")).run();
    expect_failure(&stop(), 4, &["Operation not permitted"]);
    let later = std::time::SystemTime::now() + Duration::from_secs(60);
    File::open(&path)
        .and_then(|file| file.set_modified(later))
        .expect("touch");
    expect_failure(&stop(), 4, &["the file names process"]);
    drop(lock);
}

#[test]
fn clock_change_does_not_hide_the_daemon() {
    requires!(linux("the start time of a process"), root);
    let scratch = Scratch::new();
    fs::set_permissions(scratch.dir(), fs::Permissions::from_mode(0o777)).expect("chmod");
    let daemon = scratch.up(as_nobody(scratch.controlled("undumpable report hang")));
    daemon.report();
    // The clock was set after the start.
    File::open(&daemon.pid_file)
        .and_then(|file| file.set_modified(UNIX_EPOCH))
        .expect("touch");
    let answer = format!("stopped, pid {}", daemon.pid());
    expect_answer(&as_nobody(scratch.verb("stop")).run(), 0, &answer);
}

#[test]
fn visible_holder_wins_over_an_opaque_pid() {
    requires!(linux("the holder of a lock"), root);
    let scratch = Scratch::new();
    let (daemon, other) = (as_nobody(scratch.controlled("hang")), Canary::new());
    fs::set_permissions(scratch.dir(), fs::Permissions::from_mode(0o777)).expect("chmod");
    let daemon = scratch.up(daemon);
    scratch.write("report.pid", format!("{}\n", other.0.id()));
    let status = as_nobody(scratch.verb("status")).run();
    expect_failure(
        &status,
        4,
        &["locked by process", &daemon.pid().to_string()],
    );
    scratch.write("report.pid", format!("{}\n", daemon.pid()));
}
