//! `daemon::drop_privileges`: the program becomes the user itself, when it wants to.

use std::fs;

use nix::sys::signal::Signal;

use super::stage::{expect_ids, expect_variables, owner, scratch, start, up};
use crate::support::daemon::read_report;
use crate::support::lock::PID_MODE;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::users::{CREW, HELLO, HELLO_GROUP};
use crate::support::{constructor, lock, program, requires};

/// `report` in the foreground, as root among the users.
fn foreground(scratch: &Scratch, steps: &str) -> Start {
    scratch
        .among_users(&program::path("report"), &[])
        .does(steps)
}

#[test]
fn program_can_call_drop_privileges() {
    requires!(users);
    for (name, gid, groups) in [
        ("hello", HELLO_GROUP, [HELLO_GROUP, CREW]),
        ("hello:adm", 4, [4, CREW]),
    ] {
        let scratch = scratch();
        // The second time it is this user already.
        let steps = format!("drop:{name} regain drop:{name} report");
        let outcome = foreground(&scratch, &steps).run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
        let report = read_report(&scratch.path("out/report.json"));
        expect_ids(&report, HELLO, gid, &groups);
        expect_variables(&report, Some("/home/hello"), Some("hello"));
    }
}

#[test]
fn failed_drop_says_why() {
    requires!(users);
    let scratch = scratch();
    for (steps, words) in [
        (
            "drop:no-such-user",
            "UnknownUser cannot become the user no-such-user",
        ),
        (
            "drop:hello:no-such",
            "UnknownUser cannot become a member of",
        ),
        (
            "drop:hello drop:nobody",
            "Permission cannot become the user nobody",
        ),
        (
            "drop:hello drop:root",
            "Permission cannot become the user root",
        ),
    ] {
        let outcome = foreground(&scratch, steps).run();
        assert_eq!(outcome.code(), 99, "{outcome:?}");
        assert!(outcome.err_text().starts_with(words), "{outcome:?}");
    }
}

/// Fault 223
#[test]
fn drop_with_kept_capabilities_is_an_error() {
    requires!(users);
    let scratch = scratch();
    let outcome = foreground(&scratch, "keep-caps drop:hello").run();
    assert_eq!(outcome.code(), 99, "{outcome:?}");
    let words = "Permission cannot drop root privileges: they could be regained";
    assert!(outcome.err_text().starts_with(words), "{outcome:?}");
}

#[test]
fn saved_root_id_is_not_a_drop() {
    requires!(users);
    let scratch = scratch();
    for (before, steps) in [
        (&["setpriv", "--euid", "4711"][..], "drop:hello"),
        // In the saved id, as a set-uid program has it.
        (&[], "hide-root:4711 drop:hello"),
    ] {
        let start = scratch.among_users(&program::path("report"), before);
        let outcome = start.does(steps).run();
        assert_eq!(outcome.code(), 99, "{outcome:?}");
        assert!(
            outcome
                .err_text()
                .starts_with("Permission cannot become the user hello"),
            "{outcome:?}"
        );
    }
}

#[test]
fn drop_changes_every_thread() {
    requires!(preload, users, program("cc"));
    let scratch = scratch();
    let library = constructor::with_threads(&scratch);
    let start = foreground(&scratch, "drop:hello report stay").env("HOME", "/somewhere");
    let prepare = format!("export LD_PRELOAD={}", library.display());
    let running = start.env("PREPARE", prepare).spawn();
    let report = read_report(&scratch.path("out/report.json"));
    assert!(report.threads > 1);
    for thread in fs::read_dir(format!("/proc/{}/task", report.pid)).expect("threads") {
        let path = thread.expect("a thread").path().join("status");
        let status = fs::read_to_string(path).expect("its status");
        assert!(
            status.contains("\nUid:\t4711\t4711\t4711\t4711\n"),
            "{status}"
        );
        assert!(status.contains("\nGid:\t4712\t4712\t4712\t4712\n"));
    }
    assert_eq!(report.variable("HOME"), Some(&b"/somewhere"[..]));
    running.signal(Signal::SIGKILL);
    running.wait();
}

#[test]
fn late_drop_leaves_the_pid_file_to_root() {
    requires!(users);
    let scratch = scratch();
    let start = start(&scratch, &[]).does("drop:hello report stay");
    let (daemon, report) = up(&scratch, start);
    expect_ids(&report, HELLO, HELLO_GROUP, &[HELLO_GROUP, CREW]);
    let pid_file = daemon.pid_file.clone();
    assert!(daemon.stop().is_some_and(|status| status.success()));
    assert_eq!(owner(&pid_file), (0, 0, PID_MODE));
    assert!(!lock::is_held(&pid_file));
    // The descriptor is enough to empty it, and root removes it.
    for (verb, status) in [("status", 3), ("stop", 0), ("status", 3)] {
        let options = format!("pid={}\ncontrol_flag=-s", pid_file.display());
        let outcome = scratch.report().options(options).args(["-s", verb]).run();
        assert_eq!(outcome.code(), status, "{outcome:?}");
    }
    assert!(!pid_file.exists());
}
