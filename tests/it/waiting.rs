//! The wait of the launcher: its cost, signals during it, and that no process is left when it
//! goes wrong.

use std::os::unix::process::ExitStatusExt;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::daemon::read_report;
use crate::support::deadline::eventually;
use crate::support::outcome::Launch;
use crate::support::process::{self, Process};
use crate::support::rounds::rounds;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::terminal::Terminal;
use crate::support::{constructor, requires};
use nix::sys::signal::Signal;

const NOTIFY: &str = "pid=report.pid\nready=notify\nready_timeout=60";

fn notify(scratch: &Scratch, steps: &str) -> Start {
    scratch.background().options(NOTIFY).does(steps)
}

/// A launcher that waits for a daemon which has reported.
fn waiting(start: Start, scratch: &Scratch) -> (Launch, Process) {
    let launch = start.spawn();
    let report = read_report(&scratch.path("report.json"));
    let daemon = Process::open(report.pid).expect("a live daemon");
    eventually("the launcher waits", || {
        (process::stat(launch.pid())?.state == 'S').then_some(())
    });
    (launch, daemon)
}

#[test]
fn waiting_launcher_uses_little_cpu() {
    for (options, steps, most) in [
        ("ready=notify", "report hang", 0.02),
        ("ready=settled", "report busy", 0.02),
        ("ready=settled", "report busy-often", 0.02),
        ("ready=listening", "report hang", 0.05),
        ("ready=listening", "bind-tcp ask-udp report hang", 0.05),
    ] {
        let scratch = Scratch::new();
        let options = format!("pid=report.pid\nready_timeout=60\n{options}");
        let start = scratch.background().does(steps).options(&options);
        let (launch, _daemon) = waiting(start, &scratch);
        let cpu = || process::cpu_time(launch.pid()).expect("a live launcher");
        let mut shares = (0..5).map(|_| {
            let (begin, before) = (Instant::now(), cpu());
            thread::sleep(Duration::from_secs(1));
            cpu().saturating_sub(before).as_secs_f64() / begin.elapsed().as_secs_f64()
        });
        // A program that is not optimized needs more, and so does every one on a busy machine.
        let most = if cfg!(debug_assertions) {
            2.0 * most
        } else {
            most
        };
        assert!(
            shares.any(|share| share < most),
            "{options}: more than {most} of a processor"
        );
        launch.signal(Signal::SIGTERM);
        launch.wait();
    }
}

/// What the launcher waits for, and a daemon that never comes to it; where a time stands in for what
/// cannot be seen, it does.
const MODES: &[(&str, &str)] = &[
    ("ready=notify", "report hang"),
    #[cfg(not(daemon_fork))]
    ("ready=listening", "report hang"),
    #[cfg(not(daemon_fork))]
    ("ready=settled", "report busy"),
    // The step after the exec, which this daemon never takes. Nothing holds a static program up.
    #[cfg(not(target_env = "musl"))]
    ("ready=exec\nworkdir=/", ""),
];

/// Holds the daemon up before its `main`.
const HELD: &str = r#"
    #include <stdlib.h>
    #include <unistd.h>
    __attribute__((constructor)) static void hold(void) {
        while (getenv("__DAEMON_HANDOFF")) pause();
    }
"#;

/// A launcher that waits in such a mode for a live daemon.
fn waiting_in(mode: (&str, &str), scratch: &Scratch) -> (Launch, Process) {
    let (options, steps) = mode;
    let options = format!("pid=report.pid\n{options}").replace("exec", "exec\nready_timeout=60");
    let start = scratch.background().options(&options).does(steps);
    if steps.is_empty() {
        let library = constructor::library(scratch, HELD);
        let launch = start.env("LD_PRELOAD", library).spawn();
        let pid = eventually("the daemon has its pid", || {
            scratch.read("report.pid").trim().parse().ok()
        });
        let daemon = Process::open(pid).expect("a live daemon");
        eventually("it is held up", || {
            (process::stat(pid)?.state == 'S' && process::stat(launch.pid())?.state == 'S')
                .then_some(())
        });
        return (launch, daemon);
    }
    waiting(start, scratch)
}

#[test]
fn signal_ends_daemon_and_launcher_in_every_mode() {
    for &mode in MODES {
        for signal in [
            Signal::SIGINT,
            Signal::SIGTERM,
            Signal::SIGHUP,
            Signal::SIGQUIT,
            // An alarm that was set before the program was executed, for example.
            Signal::SIGALRM,
            Signal::SIGUSR1,
        ] {
            let scratch = Scratch::new();
            let (launch, daemon) = waiting_in(mode, &scratch);
            launch.signal(signal);
            let outcome = launch.wait();
            assert_eq!(outcome.status.signal(), Some(signal as i32), "{outcome:?}");
            assert!(!daemon.is_alive(), "the daemon ends first");
            scratch.expect_failed_start(&outcome, 128 + signal as i32);
            assert!(!scratch.path("report.pid").exists());
        }
    }
}

#[test]
fn death_is_noticed_at_once_in_every_mode() {
    for &mode in MODES {
        let lateness = (0..5).map(|_| {
            let scratch = Scratch::new();
            let (launch, daemon) = waiting_in(mode, &scratch);
            let begin = Instant::now();
            daemon.signal(Signal::SIGKILL);
            let outcome = launch.wait();
            let late = begin.elapsed();
            scratch.expect_failed_start(&outcome, 137);
            late
        });
        // On a machine that is busy once it may take longer.
        let quickest = lateness.min().expect("five rounds");
        assert!(
            quickest < Duration::from_millis(500),
            "{mode:?}: {quickest:?}"
        );
    }
}

#[test]
fn signal_during_the_stop_timeout_changes_nothing() {
    let scratch = Scratch::new();
    let start = notify(&scratch, "ignore:15 report hang").options(NOTIFY.replace("60", "1"));
    let (launch, daemon) = waiting(start, &scratch);
    // The timeout is over then, and the five seconds are not.
    thread::sleep(Duration::from_millis(1500));
    assert!(launch.is_alive() && daemon.is_alive());
    launch.signal(Signal::SIGTERM);
    launch.signal(Signal::SIGINT);
    let outcome = launch.wait();
    scratch.expect_failed_start(&outcome, 75);
    assert!(outcome.elapsed >= Duration::from_secs(6), "{outcome:?}");
    assert!(!daemon.is_alive());
}

#[test]
fn closed_hand_off_is_given_up_soon() {
    requires!(linux("CLONE_FILES"), preload);
    let scratch = Scratch::new();
    let source = r#"
        #include <stdlib.h>
        #include <unistd.h>
        __attribute__((constructor)) static void close_all(void) {
            if (getenv("__DAEMON_HANDOFF")) for (int i = 3; i < 1024; i++) close(i);
        }
    "#;
    let library = constructor::library(&scratch, source);
    let start = scratch.background().env("LD_PRELOAD", library);
    let options = "pid=report.pid\nlog=report.log\nready=exec\nworkdir=/\nready_timeout=60";
    let launch = start.options(options).does("report hang").run();
    scratch.expect_refusal(&launch, 71, &["before it reported success; see "]);
    assert!(launch.elapsed < Duration::from_secs(30), "{launch:?}");
}

#[test]
fn second_signal_does_not_save_the_daemon() {
    let scratch = Scratch::new();
    let (launch, daemon) = waiting(notify(&scratch, "ignore:15 report hang"), &scratch);
    let begin = Instant::now();
    while launch.is_alive() {
        launch.signal(Signal::SIGINT);
        thread::sleep(Duration::from_millis(100));
        assert!(begin.elapsed() < Duration::from_secs(60));
    }
    assert!(!daemon.is_alive());
    assert!(
        begin.elapsed() >= Duration::from_secs(5),
        "the daemon had its time"
    );
    let outcome = launch.wait();
    assert_eq!(outcome.status.signal(), Some(Signal::SIGINT as i32));
}

#[test]
fn signal_at_any_moment_leaves_nothing() {
    let rounds = rounds(20, 60) as u64;
    for round in 0..rounds {
        let scratch = Scratch::new();
        let launch = notify(&scratch, "hang").spawn();
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_micros(6000 * round / rounds) {
            thread::yield_now();
        }
        launch.signal(Signal::SIGINT);
        let outcome = launch.wait();
        assert_eq!(outcome.status.signal(), Some(Signal::SIGINT as i32));
        scratch.expect_nothing_left();
        assert!(!scratch.path("report.pid").exists());
    }
}

#[test]
fn ignored_signal_stays_ignored() {
    let scratch = Scratch::new();
    let start = notify(&scratch, "report wait:now ready stay").ignore([libc::SIGHUP, libc::SIGINT]);
    let (launch, _daemon) = waiting(start, &scratch);
    for _ in 0..10 {
        launch.signal(Signal::SIGHUP);
        launch.signal(Signal::SIGINT);
    }
    scratch.write("now", "");
    scratch.daemon_of(launch.wait(), "report.pid");
}

#[test]
fn deadline_holds_under_many_signals() {
    let scratch = Scratch::new();
    let start = notify(&scratch, "report hang").options(NOTIFY.replace("60", "2"));
    let (launch, _daemon) = waiting(start, &scratch);
    let mut disturbed = 0;
    while launch.is_alive() {
        launch.signal(Signal::SIGWINCH);
        launch.signal(Signal::SIGSTOP);
        launch.signal(Signal::SIGCONT);
        disturbed += 1;
        thread::sleep(Duration::from_millis(5));
    }
    assert!(disturbed > 100, "{disturbed}");
    let outcome = launch.wait();
    scratch.expect_failed_start(&outcome, 75);
    assert!(outcome.elapsed >= Duration::from_secs(2), "{outcome:?}");
    assert!(outcome.elapsed < Duration::from_secs(10), "{outcome:?}");
}

#[test]
fn launcher_that_cannot_wait_stops_the_daemon() {
    requires!(strace);
    // The runtime of Rust polls once at its start. A failing wait is another fault: it means
    // that another thread has seen the daemon's end.
    let fault = "poll:error=ENOMEM:when=2+";
    for steps in ["hang", "ignore:15 hang"] {
        let scratch = Scratch::new();
        // Not `-f`: the launcher alone is traced.
        let inject = format!("inject={fault}");
        let strace = ["strace", "-qq", "-o", "trace", "-e", &inject];
        let launch = notify(&scratch, steps).under(&strace).run();
        scratch.expect_failed_start(&launch, 71);
        assert!(scratch.read("trace").contains("(INJECTED)"), "{fault}");
        let shown = launch.err_text();
        assert!(shown.contains("cannot wait for the daemon: "), "{shown}");
    }
}

#[test]
fn stopped_terminal_does_not_stop_the_clock() {
    let scratch = Scratch::new();
    let (mut terminal, tty) = Terminal::new();
    let start = notify(&scratch, "report hang").options(NOTIFY.replace("60", "2"));
    let start = start.env("TERM", "xterm").on_terminal(tty);
    let (launch, daemon) = waiting(start, &scratch);
    // Control-S, and later Control-Q.
    terminal.write(b"\x13");
    eventually("the daemon is stopped", || {
        (!daemon.is_alive()).then_some(())
    });
    terminal.write(b"\x11");
    assert_eq!(launch.wait().code(), 75);
    assert!(terminal.read_to_end().contains("not ready within 2 s"));
}
