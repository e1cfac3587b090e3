//! The line that a user on a terminal sees while the launcher waits.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::support::deadline::eventually;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::terminal::Terminal;

const NOTIFY: &str = "pid=report.pid\nready=notify\nready_timeout=60";

fn notify(scratch: &Scratch, steps: &str) -> Start {
    scratch.background().options(NOTIFY).does(steps)
}

/// What a terminal of this kind shows of a start.
fn shown(kind: &str, steps: &str, status: i32) -> String {
    let scratch = Scratch::new();
    let (mut terminal, tty) = Terminal::new();
    let start = notify(&scratch, steps).env("TERM", kind).on_terminal(tty);
    let outcome = start.run();
    assert_eq!(outcome.code(), status, "{outcome:?}");
    terminal.read_to_end()
}

/// The status lines among what was shown, and what is to be read after them.
fn status_lines(shown: &str) -> (Vec<&str>, &str) {
    let mut parts: Vec<&str> = shown.split("\r\x1b[K").collect();
    let rest = parts.pop().unwrap_or_default();
    let lines = parts.into_iter().filter_map(|part| {
        let line = part.strip_prefix("\x1b[?7lreport: ")?;
        line.strip_suffix("\x1b[?7h")
    });
    (lines.collect(), rest)
}

/// The seconds of the lines with this text, which grow.
fn seconds_of(lines: &[&str], text: &str) -> Vec<u64> {
    let seconds = lines.iter().filter_map(|line| {
        let seconds = line.strip_prefix(text)?.strip_prefix(" (")?;
        seconds.strip_suffix(" s)")?.parse().ok()
    });
    let seconds: Vec<u64> = seconds.collect();
    assert!(seconds.is_sorted(), "{lines:?}");
    seconds
}

#[test]
fn status_line_appears_after_a_second() {
    let scratch = Scratch::new();
    let (mut terminal, tty) = Terminal::new();
    let steps = "status:opening wait:opened status:reading wait:read ready stay";
    let start = notify(&scratch, steps).env("TERM", "xterm");
    let launch = start.on_terminal(tty).spawn();
    terminal.read_until("report: opening (");
    scratch.write("opened", "");
    // Again each second, with the same text.
    terminal.read_times(2, "report: reading (");
    scratch.write("read", "");
    let outcome = launch.wait();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let shown = terminal.read_to_end();
    let (lines, rest) = status_lines(&shown);
    assert!(!shown.contains("(0 s)"), "{shown:?}");
    let opening = seconds_of(&lines, "opening");
    let reading = seconds_of(&lines, "reading");
    assert!(opening.last() <= reading.first(), "{shown:?}");
    assert!(reading.windows(2).all(|two| two[0] < two[1]), "{shown:?}");
    assert!(
        rest.starts_with("report: reading; running in the background, pid "),
        "{shown:?}"
    );
    assert_eq!(rest.matches('\n').count(), 1);
}

#[test]
fn status_line_is_cleared_before_an_error() {
    let scratch = Scratch::new();
    let (mut terminal, tty) = Terminal::new();
    let steps = "complain:no-disk wait:shown exit:3";
    let start = notify(&scratch, steps).env("TERM", "xterm");
    let launch = start.on_terminal(tty).spawn();
    let waiting = "waiting until the daemon is ready";
    terminal.read_until(&format!("report: {waiting} ("));
    scratch.write("shown", "");
    let outcome = launch.wait();
    assert_eq!(outcome.code(), 3, "{outcome:?}");
    let shown = terminal.read_to_end();
    let (lines, rest) = status_lines(&shown);
    assert_eq!(seconds_of(&lines, waiting).len(), lines.len(), "{shown:?}");
    assert!(
        rest.starts_with("no-disk\nreport: cannot start"),
        "{shown:?}"
    );
}

#[test]
fn short_wait_shows_no_status_line() {
    eventually("a start takes less than a second", || {
        let scratch = Scratch::new();
        let (mut terminal, tty) = Terminal::new();
        let start = notify(&scratch, "status:opening sleep:300 ready stay");
        let outcome = start.env("TERM", "xterm").on_terminal(tty).run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
        let shown = terminal.read_to_end();
        let is_short = outcome.elapsed < Duration::from_secs(1);
        is_short.then(|| assert!(!shown.contains('\x1b'), "{shown:?}"))
    });
}

#[test]
fn status_text_is_escaped() {
    let scratch = Scratch::new();
    let (mut terminal, tty) = Terminal::new();
    let steps = "notify:STATUS=%1b]0;title%07%0d%ffend%0aX=1 wait:read big-status wait:shown ready \
                 stay";
    let start = notify(&scratch, steps).env("TERM", "xterm");
    let launch = start.on_terminal(tty).spawn();
    terminal.read_until("end (");
    scratch.write("read", "");
    terminal.read_until("xxx... (");
    scratch.write("shown", "");
    let outcome = launch.wait();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let shown = terminal.read_to_end();
    let (lines, _) = status_lines(&shown);
    let escaped = "\\u{1b}]0;title\\u{7}\\r\u{fffd}end";
    assert!(!seconds_of(&lines, escaped).is_empty(), "{shown:?}");
    let longest = lines.iter().map(|line| line.chars().count()).max();
    assert!(longest > Some(100) && longest < Some(220), "{shown:?}");
}

#[test]
fn chatty_daemon_does_not_flood_the_terminal() {
    let begin = Instant::now();
    let shown = shown("xterm", "chatter:2000 ready stay", 0);
    let (lines, _) = status_lines(&shown);
    // Ten lines in a second at most.
    let most = begin.elapsed().as_millis() / 100;
    assert!((2..most).contains(&(lines.len() as u128)), "{shown:?}");
}

#[test]
fn dumb_terminal_shows_no_status_line() {
    let steps = "status:opening sleep:1300 ready stay";
    let shown = shown("dumb", steps, 0);
    assert!(
        shown.starts_with("report: opening; running in the background"),
        "{shown:?}"
    );
    assert!(!shown.contains('\x1b'), "{shown:?}");
    let scratch = Scratch::new();
    let launch = notify(&scratch, steps).env("TERM", "xterm").run();
    assert_eq!((launch.code(), &*launch.err_text()), (0, ""));
}

#[test]
fn settled_shows_a_status_line() {
    requires!(linux("the threads of another process"));
    let scratch = Scratch::new();
    let (mut terminal, tty) = Terminal::new();
    let start = scratch.background().does("busy-until:shown hang");
    let launch = start.env("TERM", "xterm").on_terminal(tty).spawn();
    terminal.read_until("report: waiting until the daemon is ready (");
    scratch.write("shown", "");
    assert_eq!(launch.wait().code(), 0);
}

#[test]
fn background_launcher_shows_no_status_line() {
    let scratch = Scratch::new();
    let (mut terminal, tty) = Terminal::new();
    // A shell with job control puts the launcher into a process group that does not own the terminal.
    let commands = "set -m; $0 -d & wait $!";
    let start = notify(&scratch, "status:opening sleep:1500 ready hang");
    let start = start.under(&["sh", "-c", commands]).env("TERM", "xterm");
    let outcome = start.on_terminal(tty).run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let shown = terminal.read_to_end();
    assert!(!shown.contains('\x1b'), "{shown:?}");
    assert!(shown.contains("running in the background"), "{shown:?}");
}

#[test]
fn status_text_is_shown_in_every_mode() {
    requires!(linux("the threads and sockets of another process"));
    for (mode, steps) in [
        ("settled", "status:loading busy-until:shown hang"),
        (
            "listening",
            "status:loading busy-until:shown listen-tcp hang",
        ),
    ] {
        let scratch = Scratch::new();
        let (mut terminal, tty) = Terminal::new();
        let options = format!("pid=report.pid\nready={mode}\nready_timeout=60");
        let start = scratch.background().options(&options).does(steps);
        let launch = start.env("TERM", "xterm").on_terminal(tty).spawn();
        terminal.read_until("report: loading (");
        scratch.write("shown", "");
        assert_eq!(launch.wait().code(), 0, "{mode}");
        let shown = terminal.read_to_end();
        let (_, rest) = status_lines(&shown);
        assert!(rest.contains("report: loading; "), "{mode}: {shown:?}");
    }
}

#[test]
fn stop_shows_that_it_waits() {
    let scratch = Scratch::new();
    // It ignores SIGTERM.
    let daemon = scratch.up(scratch.background().does("ignore:15 hang"));
    let (mut terminal, tty) = Terminal::new();
    let stop = scratch.report().options("pid=report.pid\ncontrol_flag=-s");
    let stop = stop.args(["-s", "stop"]).env("TERM", "xterm");
    let stop = stop.on_terminal(tty).spawn();
    terminal.read_until("report: waiting until the daemon has ended (");
    daemon.process.signal(Signal::SIGKILL);
    assert_eq!(stop.wait().code(), 0);
    let shown = terminal.read_to_end();
    let (_, rest) = status_lines(&shown);
    assert_eq!(rest, format!("report: stopped, pid {}\n", daemon.pid()));
}
