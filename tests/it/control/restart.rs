//! `restart`: the old daemon ends only for a new one.

mod taken_over;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
#[cfg(not(daemon_fork))]
use std::{sync::mpsc, thread};

use nix::sys::signal::Signal;
use nix::unistd::Uid;

use super::stage::{OPTIONS, as_nobody, expect_failure};
use crate::support::daemon::read_report;
use crate::support::deadline::eventually;
#[cfg(not(daemon_fork))]
use crate::support::outcome::{Launch, Outcome};
use crate::support::process::Process;
use crate::support::requires;
use crate::support::scratch::Scratch;
#[cfg(not(daemon_fork))]
use crate::support::trace::{self, Action, Role};
use crate::support::users::UNPRIVILEGED;

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
    scratch.expect_processes(1);
}

#[test]
fn restart_goes_on_when_its_terminal_is_gone() {
    let scratch = Scratch::new();
    scratch.up_and_reported("report stay create:ending wait:go");
    fs::remove_file(scratch.path("report.json")).expect("the report");
    let restart = scratch.verb("restart").arg("word").spawn();
    eventually("the daemon is ending", || {
        scratch.path("ending").exists().then_some(())
    });
    restart.signal(Signal::SIGHUP);
    scratch.write("go", "");
    scratch.daemon_of(restart.wait(), "report.pid").report();
    scratch.expect_processes(1);
}

/// Fault 325: a worker of the old daemon does not go on beside those of the new one.
#[cfg_attr(daemon_fork, ignore = "the arguments of a process are not known there")]
#[test]
fn restart_from_within_the_group_leaves_nothing_of_the_old_daemon() {
    requires!(linux("the members of a process group"));
    let scratch = Scratch::new();
    let steps = "wait:go leave-child run:restart-in-child:once hang";
    let daemon = scratch.up(scratch.controlled(&format!("leave-child {steps}")));
    let old = scratch.expect_processes(2).into_iter();
    let old = old.filter_map(Process::open).collect::<Vec<_>>();
    assert_eq!(old.len(), 2);
    scratch.write("go", "");
    for process in old {
        process.wait_for_end();
    }
    // The new one has two workers too.
    let new = scratch.expect_processes(3);
    assert!(!new.contains(&daemon.pid()), "{new:?}");
}

#[test]
fn failed_restart_says_the_old_daemon_is_stopped() {
    requires!(linux("the arguments of a process"));
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

/// Its user may not open what a start opens.
#[test]
fn restart_that_could_not_start_does_not_stop_the_daemon() {
    let scratch = Scratch::new();
    if Uid::effective().is_root() {
        chown(scratch.dir(), Some(UNPRIVILEGED), None).expect("chown");
    }
    let daemon = scratch.up(as_nobody(scratch.controlled("hang")));
    let mode = |name: &str, mode| {
        let path = scratch.path(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    };
    let expect_refused = |words: &[&str]| {
        expect_failure(
            &as_nobody(scratch.verb("restart").arg("a")).run(),
            73,
            words,
        );
        assert!(daemon.process.is_alive());
    };
    mode("report.log", 0o400);
    expect_refused(&["cannot open the log", "Permission denied"]);
    mode("report.log", 0o600);
    mode("report.pid", 0o444);
    mode("", 0o555);
    expect_refused(&["cannot open the PID file", "Permission denied"]);
    mode("", 0o700);
    fs::create_dir(scratch.path("report.pid.new")).expect("mkdir");
    expect_refused(&["report.pid.new", "Is a directory"]);
    fs::remove_dir(scratch.path("report.pid.new")).expect("rmdir");
    let restart = as_nobody(scratch.verb("restart").arg("a")).does("hang");
    scratch.daemon_of(restart.run(), "report.pid");
    assert!(!daemon.process.is_alive());
}

/// What it holds open has no fd that is meant for a descriptor of the caller.
#[test]
fn restart_hands_over_no_file_of_its_own() {
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nkeep_fds=3,4,5");
    let daemon = scratch.up_and_reported("report stay");
    fs::remove_file(scratch.path("report.json")).expect("the report");
    let restart = scratch.verb("restart").options(options).arg("a");
    let restart = restart.close(&[3, 4, 5]).does("report stay");
    let report = scratch.daemon_of(restart.run(), "report.pid").report();
    assert!(!daemon.process.is_alive());
    for fd in [3, 4, 5] {
        assert!(
            report.descriptor(fd).is_none(),
            "{:?}",
            report.descriptor(fd)
        );
    }
}

/// A directory of the options is not there any more.
#[test]
fn restart_into_no_directory_does_not_stop_the_daemon() {
    for (option, status, words) in [
        ("workdir=away", 71, "cannot change to the working directory"),
        (
            "chroot=away\nworkdir=/",
            71,
            "cannot change the root directory to",
        ),
        ("listen=http=unix:away/http.sock", 73, "away does not exist"),
    ] {
        if option.starts_with("chroot") && !Uid::effective().is_root() {
            continue;
        }
        let scratch = Scratch::new();
        fs::create_dir(scratch.path("away")).expect("mkdir");
        let options = format!(
            "pid={}\nready=exec\ncontrol_flag=-s\n{option}",
            scratch.path("report.pid").display()
        );
        let start = scratch.background().options(&*options).does("hang");
        let daemon = scratch.daemon_of(start.run(), "report.pid");
        let restart = || {
            let restart = scratch.report().options(&*options).does("hang");
            restart.args(["-s", "restart", "a"]).run()
        };
        fs::remove_dir_all(scratch.path("away")).expect("rmdir");
        expect_failure(&restart(), status, &[words]);
        assert!(daemon.process.is_alive());
        fs::create_dir(scratch.path("away")).expect("mkdir");
        scratch.daemon_of(restart(), "report.pid");
        assert!(!daemon.process.is_alive());
    }
}

#[cfg_attr(daemon_fork, ignore = "the arguments of a process are not known there")]
#[test]
fn restart_binds_no_socket_in_the_directory_of_the_caller() {
    let scratch = Scratch::new();
    let elsewhere = scratch.path("elsewhere");
    fs::create_dir(&elsewhere).expect("mkdir");
    let options = |pid_file: &str, workdir: &str| {
        format!("pid={pid_file}\nready=exec\ncontrol_flag=-s\nlisten=a=unix:a.sock{workdir}")
    };
    let absolute = scratch.path("report.pid").display().to_string();
    let restart = |options: String| {
        let start = scratch.report().options(options).does("report stay");
        start.args(["-s", "restart"])
    };
    let start = scratch.background().does("report stay");
    scratch.up(start.options(options(&absolute, "")));
    let second = restart(options(&absolute, "")).cwd(&elsewhere);
    scratch.daemon_of(second.run(), "report.pid");
    // A relative PID file is found where the daemon was started.
    let third = restart(options("report.pid", "\nworkdir=/"));
    let third = scratch.daemon_of(third.run(), "report.pid");
    let refused = restart(options(&absolute, "\nworkdir=/")).cwd(&elsewhere);
    expect_failure(&refused.run(), 64, &["a socket of `listen` is relative"]);
    assert!(third.process.is_alive());
    assert!(!elsewhere.join("a.sock").exists());
}

#[cfg_attr(daemon_fork, ignore = "the output of a process is not known there")]
#[test]
fn restart_writes_to_the_log_and_not_to_its_rotation() {
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nlog_flag=--log");
    let start = scratch.controlled("hang").options(&*options);
    scratch.up(start);
    fs::rename(scratch.path("report.log"), scratch.path("report.log.1")).expect("rename");
    let restart = scratch.report().options(&*options).does("report hang");
    let daemon = scratch.daemon_of(restart.args(["-s", "restart"]).run(), "report.pid");
    let log = scratch.path("report.log").to_str().map(str::to_owned);
    assert_eq!(daemon.report().log_file, log.map(String::into_bytes));
}

/// Restarts a daemon that stays before its exec until `go_on` says so, and gives the outcomes of the
/// restart and of the start.
#[cfg(not(daemon_fork))]
fn restart_before_exec(scratch: &Scratch, go_on: impl Fn(&Launch)) -> (Outcome, Outcome) {
    let ((held, is_held), (go, goes)) = (mpsc::channel(), mpsc::channel());
    let start = scratch.controlled("hang").args(["-p", "9000"]);
    thread::scope(|scope| {
        let launch = scope.spawn(move || {
            let mut has_waited = false;
            trace::run(start, move |stop| {
                let is_exec = stop.role == Role::Daemon && stop.call() == Some(libc::SYS_execve);
                if is_exec && !has_waited {
                    has_waited = true;
                    held.send(()).expect("a test");
                    // It is over where the test has failed.
                    goes.recv().ok();
                }
                Action::Go
            })
        });
        is_held.recv().expect("an exec");
        let restart = scratch.report().options(OPTIONS).does("report hang");
        let restart = restart.args(["-s", "restart"]).spawn();
        go_on(&restart);
        go.send(()).expect("a tracer");
        (restart.wait(), launch.join().expect("a launch"))
    })
}

#[cfg(not(daemon_fork))]
#[test]
fn restart_waits_for_the_exec_of_the_daemon() {
    let is_restarted = (0..10).any(|_| {
        let scratch = Scratch::new();
        let (restart, _) = restart_before_exec(&scratch, |restart| {
            let call = format!("/proc/{}/syscall", restart.pid());
            let sleep = format!("{} ", libc::SYS_clock_nanosleep);
            eventually("the verb waits", || {
                let is_over = !restart.is_alive();
                let call = fs::read_to_string(&call).unwrap_or_default();
                (is_over || call.starts_with(&sleep)).then_some(())
            });
        });
        // On a busy machine the exec may take longer than the verb waits.
        if restart.code() != 0 {
            expect_failure(&restart, 64, &["its arguments cannot be read"]);
            return false;
        }
        let report = scratch.daemon_of(restart, "report.pid").report();
        assert_eq!(report.arguments[1..], [b"-p", &b"9000"[..]]);
        true
    });
    assert!(is_restarted);
}

#[cfg(not(daemon_fork))]
#[test]
fn restart_takes_no_arguments_of_the_launcher() {
    let scratch = Scratch::new();
    let (restart, launch) = restart_before_exec(&scratch, |restart| {
        eventually("the verb has ended", || (!restart.is_alive()).then_some(()));
    });
    expect_failure(&restart, 64, &["its arguments cannot be read; repeat them"]);
    scratch.daemon_of(launch, "report.pid");
}

#[cfg_attr(daemon_fork, ignore = "the session of a process is not known there")]
#[test]
fn restart_is_refused_in_foreground() {
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\npid_in_foreground=1");
    let running = scratch
        .report()
        .options(&*options)
        .does("report stay")
        .spawn();
    read_report(&scratch.path("report.json"));
    let restart = scratch.report().options(&*options).arg("-srestart").run();
    expect_failure(&restart, 64, &["it runs in the foreground"]);
    assert!(running.is_alive());
}

#[test]
fn program_with_its_own_parser_restarts_safely() {
    let scratch = Scratch::new();
    let program = |options: &str| {
        let start = scratch.report().arg("-b").env("TEST_START", "restart");
        start.options(format!("pid=report.pid\nlog=report.log\n{options}"))
    };
    let first = scratch.up(program(""));
    let refused = program("user=no-such-user").run();
    assert_eq!(refused.code(), 67, "{refused:?}");
    assert!(first.process.is_alive(), "checked before it is stopped");
    let log = scratch.control().log_file().expect("its log");
    assert!(log.is_none_or(|log| log == scratch.path("report.log")));
    let second = scratch.up(program(""));
    assert_ne!(second.pid(), first.pid());
    assert!(!first.process.is_alive());
}
