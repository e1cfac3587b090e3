//! Daemons of other users: which processes can inspect them, and which may signal them.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use nix::sys::signal::Signal;

use super::canary::Canary;
use super::stage::{OPTIONS, as_nobody, expect_answer, expect_failure};
use crate::support::deadline::eventually;
use crate::support::scratch::Scratch;
use crate::support::users::UNPRIVILEGED;
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

/// A supervisor of root, and its child of another user.
fn supervisor_of_a_user() -> (Canary, Option<i32>) {
    let child = format!("setpriv --reuid={UNPRIVILEGED} --clear-groups cat");
    let (canary, child) = Canary::supervisor(Command::new("sh"), &child);
    eventually("the child has its user", || {
        let user = process::status_field(child, "Uid")?;
        user.starts_with(&UNPRIVILEGED.to_string()).then_some(())
    });
    (canary, Some(child))
}

/// The daemon has the lock, and so it can change the pid and the time of its start. Root in a container
/// cannot see which process has the lock.
#[test]
fn forged_pid_and_stamp_reach_no_other_user() {
    requires!(linux("the holder of a lock"), users);
    for (victim, claim) in [
        ("a process", ""),
        ("a supervisor", ""),
        ("a supervisor", "claim-supervisor "),
        ("the run of a supervisor", ""),
        ("the run of a supervisor", "claim-supervisor "),
    ] {
        let (mut canary, run) = match victim {
            "a process" => (Canary::new(), None),
            "a supervisor" => (Canary::supervisor(Command::new("sh"), "cat").0, None),
            _ => supervisor_of_a_user(),
        };
        let victim = run.unwrap_or(canary.0.id().cast_signed());
        let is_signalled = run.is_some() && claim.is_empty();
        let scratch = Scratch::new();
        scratch.directory_of(UNPRIVILEGED, "out");
        scratch.write("victim", format!("{victim}\n"));
        let options = format!("{OPTIONS}\nuser=nobody\nlog_reopen=1");
        let start = scratch.background().options(&*options);
        let steps = format!("catch:1 wait:go forge:victim {claim}create:out/forged hang");
        let daemon = scratch.up(start.does(&steps));
        scratch.write("go", "");
        eventually("it has forged its file", || {
            scratch.path("out/forged").exists().then_some(())
        });
        assert_eq!(scratch.read("report.pid"), format!("{victim}\n"));
        let verb = |verb| scratch.report().options(&*options).args(["-s", verb]);
        let reopen = verb("reopen").under(&IN_CONTAINER).run();
        assert_eq!(reopen.code(), 4, "{reopen:?}");
        let stop = verb("stop").under(&IN_CONTAINER).spawn();
        if is_signalled {
            // It has the user of the daemon, which could have ended it too.
            eventually("the child is stopped", || {
                process::stat(victim)
                    .is_none_or(|it| it.state == 'Z')
                    .then_some(())
            });
            daemon.process.signal(Signal::SIGKILL);
        }
        let stop = stop.wait();
        assert_eq!(stop.code(), if is_signalled { 0 } else { 4 }, "{stop:?}");
        canary.expect_alive();
        if !is_signalled {
            scratch.write("report.pid", format!("{}\n", daemon.pid()));
        }
    }
}

/// A daemon can send its lock to any process that takes descriptors, as a message bus does, and name that
/// process in its file.
#[test]
fn lock_that_was_passed_on_reaches_no_other_process() {
    requires!(linux("the holder of a lock"), users);
    let steps = "catch:1 wait:go forge:victim create:out/forged hang";
    for (option, steps) in [
        ("user=nobody", steps),
        ("", &format!("drop:nobody {steps}")),
    ] {
        let scratch = Scratch::new();
        scratch.directory_of(UNPRIVILEGED, "out");
        let options = format!("{OPTIONS}\nlog_reopen=1\n{option}");
        let daemon = scratch.up(scratch.background().options(&*options).does(steps));
        let mut canary = Canary::with(daemon.process.duplicate_of(&daemon.pid_file));
        scratch.write("victim", format!("{}\n", canary.0.id()));
        scratch.write("go", "");
        eventually("it has forged its file", || {
            scratch.path("out/forged").exists().then_some(())
        });
        for verb in ["reopen", "stop"] {
            let start = scratch.report().options(&*options).args(["-s", verb]);
            let words = format!("process {} holds the lock", canary.0.id());
            expect_failure(&start.run(), 4, &[&words]);
        }
        canary.expect_alive();
        drop(canary);
        scratch.write("report.pid", format!("{}\n", daemon.pid()));
        let stop = scratch.report().options(options).args(["-s", "stop"]).run();
        expect_answer(&stop, 0, &format!("stopped, pid {}", daemon.pid()));
    }
}

/// The parent of a process that may not be the daemon is no supervisor.
#[test]
fn parent_of_an_uncertain_run_is_not_signalled() {
    requires!(linux("the start time of a process"), users);
    let scratch = Scratch::new();
    // No process but root's can look at what may not be read.
    let opaque = |program: &str| {
        let installed = requires::find(program).expect("the program");
        let copy = scratch.copy_program(&installed, &format!("opaque-{program}"));
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o111)).expect("chmod");
        copy
    };
    let mut shell = Command::new(opaque("sh"));
    shell.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
    let (mut canary, child) = Canary::supervisor(shell, &opaque("cat").to_string_lossy());
    let path = scratch.write("report.pid", format!("{child}\n"));
    let _lock = lock::hold(&path);
    File::open(&path)
        .and_then(|file| file.set_modified(UNIX_EPOCH))
        .expect("touch");
    let stop = as_nobody(scratch.verb("stop")).run();
    expect_failure(&stop, 4, &[&format!("the file names process {child}")]);
    canary.expect_alive();
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
    // In one write: an empty file is that of a start.
    let file = File::options().write(true).open(&path).expect("open");
    let pid = format!("{}\n", new.0.id());
    file.write_all_at(pid.as_bytes(), 0).expect("write");
    expect_failure(&status.wait(), 4, &["report.pid"]);
}

/// The launcher only names it.
#[test]
fn pid_that_changes_during_a_start_is_not_named() {
    requires!(root);
    let scratch = Scratch::new();
    let (old, new) = (Canary::new(), Canary::new());
    let path = scratch.write("report.pid", format!("{}\n", old.0.id()));
    for path in [scratch.dir(), &path] {
        chown(path, Some(UNPRIVILEGED), None).expect("chown");
    }
    let _lock = lock::hold(&path);
    let start = as_nobody(scratch.background()).spawn();
    eventually("it looks a second time", || {
        (process::stat(start.pid())?.state == 'S').then_some(())
    });
    let file = File::options().write(true).open(&path).expect("open");
    let pid = format!("{}\n", new.0.id());
    file.write_all_at(pid.as_bytes(), 0).expect("write");
    let outcome = start.wait();
    assert_eq!(outcome.code(), 69, "{outcome:?}");
    let words = format!("pid {}", old.0.id());
    assert!(!outcome.err_text().contains(&words), "{outcome:?}");
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
    let left = "not running, but it left its PID file";
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
