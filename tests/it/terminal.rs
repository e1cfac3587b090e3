//! A terminal: what the user sees, and that the daemon keeps nothing of it.

use nix::sys::signal::{SigSet, Signal, raise};
use nix::unistd::setsid;

use crate::support::daemon::read_report;
use crate::support::deadline::eventually;
use crate::support::process::Process;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::terminal::Terminal;
use crate::support::{process, program, requires};

/// A shell on the terminal that runs the commands; `$0` is the program `report`.
fn shell(scratch: &Scratch, commands: &str) -> Start {
    let shell = requires::find("sh").expect("a shell");
    scratch
        .start_path(&shell)
        .args(["-c", commands])
        .arg(program::path("report"))
        .env("TEST_REPORT", scratch.path("report.json"))
        .options("pid=report.pid\nlog=report.log")
        .does("say:hello report stay")
}

#[test]
fn start_on_a_terminal_shows_pid_and_log() {
    let scratch = Scratch::new();
    let (mut terminal, tty) = Terminal::new();
    let outcome = scratch.background().on_terminal(tty).run();
    let shown = terminal.read_to_end();
    let daemon = scratch.daemon_of(outcome, "report.pid");
    let (pid, log) = (daemon.pid(), scratch.path("report.log"));
    assert_eq!(
        shown,
        format!(
            "report: running in the background, pid {pid}, log {}\n",
            log.display()
        )
    );
}

#[test]
fn daemon_survives_a_closed_terminal() {
    let scratch = Scratch::new();
    let (mut terminal, tty) = Terminal::new();
    let login = shell(&scratch, "\"$0\" -d; echo status $?; read line").on_terminal(tty);
    let login = login.spawn();
    terminal.read_until("status 0\n");
    let report = read_report(&scratch.path("report.json"));
    let daemon = Process::open(report.pid).expect("a live daemon");
    let caller = process::stat(login.pid()).expect("the login shell");
    assert_ne!(caller.tty, 0, "the shell has a terminal");
    assert_eq!(report.tty, 0, "the daemon has none");
    assert_ne!(report.sid, caller.sid);

    drop(terminal);
    let login = login.wait();
    assert_ne!(login.code(), 0, "the hang-up ended the shell");
    assert!(daemon.is_alive());
    assert_eq!(scratch.read("report.log"), "hello\n");
}

#[test]
fn closed_terminal_ends_a_waiting_start() {
    let scratch = Scratch::new();
    let (terminal, tty) = Terminal::new();
    let start = scratch.background().on_terminal(tty).does("report busy");
    let launch = start.options("pid=report.pid\nready_timeout=120").spawn();
    let report = read_report(&scratch.path("report.json"));
    assert!(report.is_daemon);
    drop(terminal);
    let outcome = launch.wait();
    scratch.expect_failed_start(&outcome, 129);
}

#[test]
fn daemon_gets_no_controlling_terminal() {
    let scratch = Scratch::new();
    let (terminal, tty) = Terminal::new();
    let open = format!("open:{} report", terminal.path.display());

    let daemon = scratch.up(scratch.background().does(&format!("{open} stay")));
    let report = daemon.report();
    let opened = terminal.path.as_os_str().as_encoded_bytes();
    assert!(report.descriptors.iter().any(|open| open.target == opened));
    assert_eq!(report.tty, 0);

    // The leader of a session without a terminal does get it: that is the danger.
    let leader = scratch.path("leader.json");
    let start = scratch.report().does(&open).env("TEST_REPORT", &leader);
    let outcome = start.before_exec(|| Ok(setsid().map(drop)?)).run();
    assert_eq!(outcome.code(), 0);
    assert_ne!(read_report(&leader).tty, 0);
    drop(tty);
}

#[test]
fn launcher_in_background_with_tostop_ends() {
    let scratch = Scratch::new();
    let (mut terminal, tty) = Terminal::new();
    let commands = "set -m; stty tostop; \"$0\" -d & wait $!; echo status $?";
    let login = shell(&scratch, commands).on_terminal(tty).spawn();
    terminal.read_until("status 0\n");
    assert_eq!(login.wait().code(), 0);
    assert!(read_report(&scratch.path("report.json")).is_daemon);
}

#[test]
fn failed_start_explains_on_the_terminal() {
    let scratch = Scratch::new();
    let (mut terminal, tty) = Terminal::new();
    let start = scratch.background().does("complain:no-such-disk exit:3");
    let outcome = start.on_terminal(tty).run();
    scratch.expect_failed_start(&outcome, 3);
    assert!(terminal.read_to_end().contains("no-such-disk\n"));
}

#[test]
fn foreground_keeps_its_terminal() {
    let scratch = Scratch::new();
    let (mut terminal, tty) = Terminal::new();
    let launch = scratch
        .report()
        .does("say:hello report hang")
        .on_terminal(tty)
        .spawn();
    let report = read_report(&scratch.path("report.json"));
    assert_ne!(report.tty, 0);
    assert_eq!((report.pid, report.sid), (launch.pid(), launch.pid()));
    terminal.read_until("hello\n");
    // Control-C, as the terminal sends it.
    terminal.write(b"\x03");
    assert_eq!(launch.wait().code(), 130);
    eventually("nothing is left", || {
        scratch.processes().is_empty().then_some(())
    });
}

#[test]
fn daemon_outlives_the_terminal_of_script() {
    requires!(program("script"));
    let scratch = Scratch::new();
    let script = requires::find("script").expect("script");
    let command = format!("{} -d", program::path("report").display());
    let start = scratch.report().via(&script).env("SHELL", "/bin/sh");
    let outcome = start.args(["-qec", &command, "typescript"]).run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert!(outcome.out_text().contains("running in the background"));
    let report = read_report(&scratch.path("report.json"));
    assert_eq!(report.tty, 0);
    let daemon = Process::open(report.pid).expect("a live daemon");
    assert!(daemon.is_alive(), "the hang-up did not reach it");
    scratch.expect_order();
}

#[test]
fn pending_signal_before_the_start_is_harmless() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGUSR1] {
        let scratch = Scratch::new();
        let mut blocked = SigSet::empty();
        blocked.add(signal);
        let start = scratch.background().block(blocked);
        let launch = start.before_exec(move || Ok(raise(signal)?)).run();
        if launch.code() == 0 {
            let report = scratch.daemon_of(launch, "report.pid").report();
            assert_eq!((report.signals.blocked, report.signals.pending), (0, 0));
        } else {
            scratch.expect_failed_start(&launch, 128 + signal as i32);
        }
        scratch.expect_order();
    }
}
