//! The verb `start`: beside a daemon, beside another start, and after one that failed.

use std::fs;
use std::os::unix::fs::{lchown, symlink};

use nix::sys::signal::Signal;

use super::stage::expect_answer;
use crate::support::constructor::{self, SLOW_END};
use crate::support::deadline::eventually;
use crate::support::outcome::Launch;
use crate::support::process;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::users::UNPRIVILEGED;

const OPTIONS: &str = "pid=report.pid\nlog=report.log\nready=notify\ncontrol_flag=-s";

fn start(scratch: &Scratch, steps: &str) -> Start {
    let start = scratch.report().options(OPTIONS).does(steps);
    start.args(["-s", "start"])
}

/// A start that is under way, and waits for the file `go`. Its daemon is there.
fn under_way(scratch: &Scratch, then: &str) -> Launch {
    let steps = format!("note:begun wait:go {then}");
    let launch = scratch.background().options(OPTIONS).does(&steps).spawn();
    eventually("the daemon begins", || {
        scratch.path("begun").exists().then_some(())
    });
    launch
}

/// A verb that waits, and has looked at the PID file several times.
fn waiting(scratch: &Scratch, start: Start) -> Launch {
    let start = start.spawn();
    let pid_file = scratch.path("report.pid");
    let mut first = None;
    eventually("it has paused several times", || {
        assert!(start.is_alive(), "it does not wait");
        let pauses = process::status_field(start.pid(), "voluntary_ctxt_switches")?;
        let pauses: u32 = pauses.trim().parse().expect("a number");
        let is_open = process::has_open(start.pid(), &pid_file);
        let first = *first.get_or_insert(pauses);
        (is_open && pauses >= first + 5).then_some(())
    });
    start
}

fn catches_sigint(pid: i32) -> bool {
    let caught = process::status_field(pid, "SigCgt").expect("a live process");
    let caught = u64::from_str_radix(caught.trim(), 16).expect("a set of signals");
    caught & 1 << (libc::SIGINT - 1) != 0
}

/// Fault 236, where the start succeeds.
#[test]
fn start_waits_for_a_start_under_way() {
    requires!(linux("locks on ranges of bytes"));
    let scratch = Scratch::new();
    let launch = under_way(&scratch, "ready stay");
    let start = waiting(&scratch, start(&scratch, "note:another"));
    scratch.write("go", "");
    let daemon = scratch.daemon_of(launch.wait(), "report.pid");
    let start = start.wait();
    assert_eq!((start.code(), start.err_text()), (0, String::new()));
    let pid = format!("report: running, pid {}, since ", daemon.pid());
    assert!(start.out_text().starts_with(&pid), "{start:?}");
    assert!(!scratch.path("another").exists());
}

/// Fault 236, where the start fails.
#[test]
fn start_tries_itself_after_a_failed_start() {
    requires!(linux("locks on ranges of bytes"));
    let scratch = Scratch::new();
    let launch = under_way(&scratch, "exit:3");
    let start = waiting(&scratch, start(&scratch, "ready stay"));
    scratch.write("go", "");
    assert_eq!(launch.wait().code(), 3);
    scratch.daemon_of(start.wait(), "report.pid");
}

#[test]
fn start_reports_why_a_later_start_failed() {
    requires!(linux("locks on ranges of bytes"));
    let scratch = Scratch::new();
    // It has looked for a daemon and found none when it comes to the working directory.
    let options = format!("{OPTIONS}\nworkdir_after_go_on=.");
    let start = start(&scratch, "note:another").options(options).spawn();
    eventually("it prepares a start", || {
        scratch.path("prepares").exists().then_some(())
    });
    let launch = under_way(&scratch, "complain:no-luck exit:3");
    scratch.write("go-on", "");
    let pid_file = scratch.path("report.pid");
    // In a start, which looks at the file too, it catches signals.
    eventually("it waits for the other start", || {
        let is_open = process::has_open(start.pid(), &pid_file);
        (is_open && !catches_sigint(start.pid())).then_some(())
    });
    scratch.write("go", "");
    let said = launch.wait().err_text();
    let start = start.wait();
    assert_eq!(start.code(), 3, "{start:?}");
    assert_eq!(start.err_text(), said);
    assert!(said.starts_with("no-luck\nreport: cannot start"), "{said}");
    assert!(!scratch.path("another").exists());
}

/// The user of the daemon can put any file at the path of its log.
#[test]
fn start_shows_no_file_that_the_daemon_leads_it_to() {
    requires!(linux("locks on ranges of bytes"), users);
    let scratch = Scratch::new();
    scratch.directory_of(UNPRIVILEGED, "logs");
    let secret = scratch.write("secret", "secret\n");
    let options = OPTIONS.replace("report.log", "logs/report.log");
    let options = format!("{options}\nuser=nobody");
    let prepared = format!("{options}\nworkdir_after_go_on=.");
    let start = start(&scratch, "hang").options(prepared).spawn();
    eventually("it prepares a start", || {
        scratch.path("prepares").exists().then_some(())
    });
    let other = scratch.background().options(options);
    let launch = other.does("note:logs/begun wait:go exit:3").spawn();
    eventually("the daemon begins", || {
        scratch.path("logs/begun").exists().then_some(())
    });
    scratch.write("go-on", "");
    let pid_file = scratch.path("report.pid");
    eventually("it waits for the other start", || {
        let is_open = process::has_open(start.pid(), &pid_file);
        (is_open && !catches_sigint(start.pid())).then_some(())
    });
    let log = scratch.path("logs/report.log");
    fs::remove_file(&log).expect("the log");
    symlink(&secret, &log).expect("a link");
    lchown(&log, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).expect("chown");
    scratch.write("go", "");
    assert_eq!(launch.wait().code(), 3);
    let start = start.wait();
    assert_eq!(start.code(), 3, "{start:?}");
    assert!(!start.err_text().contains("secret\n"), "{start:?}");
}

#[test]
fn start_waits_for_a_daemon_that_is_exiting() {
    requires!(preload, linux("the holder of a lock"), program("cc"));
    let scratch = Scratch::new();
    let library = constructor::library(&scratch, SLOW_END);
    let first = scratch
        .background()
        .options(OPTIONS)
        .does("ready note:reported stay");
    let first = scratch.up(first.env("LD_PRELOAD", &library));
    eventually("the program runs", || {
        scratch.path("reported").exists().then_some(())
    });
    first.process.signal(Signal::SIGTERM);
    eventually("it ends", || scratch.path("ending").exists().then_some(()));
    let start = waiting(&scratch, start(&scratch, "ready stay"));
    scratch.write("go", "");
    first.process.wait();
    scratch.daemon_of(start.wait(), "report.pid");
}

#[test]
fn start_beside_a_daemon_changes_nothing() {
    let scratch = Scratch::new();
    let daemon = scratch.up(start(&scratch, "ready stay"));
    let again = start(&scratch, "note:another").run();
    assert!(
        again.out_text().contains(&format!("pid {}", daemon.pid())),
        "{again:?}"
    );
    assert!(!scratch.path("another").exists());
    expect_answer(
        &scratch.verb("stop").run(),
        0,
        &format!("stopped, pid {}", daemon.pid()),
    );
}
