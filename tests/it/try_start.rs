//! `Daemon::try_start()`: the program reports the failure, and its state is restored.

use crate::fall_back::{self, System};
use crate::support::daemon::read_report;
use crate::support::deadline::eventually;
use crate::support::outcome::Outcome;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::{constructor, lock};
use nix::sys::signal::Signal;

/// `report -b`, a program that reads its own switch and calls `try_start`.
fn try_start(scratch: &Scratch) -> Start {
    scratch.report().arg("-b").env("TEST_START", "try_start")
}

/// Calls `try_start`, which must fail, and returns what the program prints about the error. All
/// changed state of the program must be restored.
fn fail(scratch: &Scratch, program: Start, run: impl Fn(Start) -> Outcome) -> String {
    // A state that a program may have: SIGUSR1 is blocked, SIGCHLD and
    // SIGHUP are ignored, SIGINT and SIGTERM have handlers.
    let settings = "block:10 ignore:17 ignore:1 catch:2 catch:15";
    let program = program
        .env(
            "TEST_BEFORE",
            format!("{settings} first:once report:before"),
        )
        .env("TEST_FAILED", "childless report:after return:5");
    let outcome = run(program);
    assert_eq!(outcome.code(), 5, "{outcome:?}");
    assert_eq!(outcome.err_text(), "", "nothing is said but by the program");
    let before = read_report(&scratch.path("before.json"));
    let after = read_report(&scratch.path("after.json"));
    assert_eq!(before.pid, outcome.pid);
    assert_eq!(after.signals, before.signals, "signals");
    assert_eq!(after.descriptors, before.descriptors, "descriptors");
    assert_eq!(after.environment, before.environment);
    assert!(!after.is_daemon);
    outcome.out_text()
}

#[test]
fn try_start_restores_all_after_a_failure() {
    let scratch = Scratch::new();
    let program = try_start(&scratch).does("complain:no-luck exit:3");
    let said = fail(&scratch, program, Start::run);
    assert!(said.starts_with("Failed, 3: "), "{said}");
    scratch.expect_nothing_left();
    assert!(!lock::is_held(&scratch.path("report.pid")));
}

#[test]
fn try_start_restores_all_beside_a_daemon() {
    let scratch = Scratch::new();
    let first = scratch.up(scratch.background());
    let said = fail(&scratch, try_start(&scratch), Start::run);
    let pid = first.pid();
    let end = format!("already running, pid {pid}\n");
    assert!(said.starts_with("AlreadyRunning, 69: ") && said.ends_with(&end));
    assert_eq!(lock::holders(&first.pid_file), [pid]);
}

#[test]
fn try_start_restores_all_after_a_timeout() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\nready=notify\nready_timeout=1";
    let program = try_start(&scratch).options(options);
    let said = fail(&scratch, program, Start::run);
    assert!(said.starts_with("NotReady, 75: "), "{said}");
    scratch.expect_nothing_left();
}

#[test]
fn try_start_restores_all_after_an_interrupt() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\nready=notify";
    let program = try_start(&scratch).options(options);
    let said = fail(&scratch, program, |program| {
        let launch = program.spawn();
        read_report(&scratch.path("report.json"));
        // The launcher may not be waiting yet; then its own handler does nothing.
        eventually("the launcher has given up", || {
            launch.signal(Signal::SIGINT);
            scratch.path("after.json").exists().then_some(())
        });
        launch.wait()
    });
    assert!(said.starts_with("Interrupted, 130: "), "{said}");
    scratch.expect_nothing_left();
}

#[test]
fn error_of_try_start_holds_the_output() {
    let scratch = Scratch::new();
    let program = try_start(&scratch).does("complain:no-luck exit:3");
    let outcome = program.env("TEST_FAILED", "return:5").run();
    assert_eq!((outcome.code(), outcome.err_text()), (5, String::new()));
    assert!(outcome.out_text().ends_with("\nno-luck\n"), "{outcome:?}");
}

#[test]
fn sigchld_handler_hears_of_a_child_after_try_start() {
    requires!(preload);
    let child = r#"
        #include <fcntl.h>
        #include <signal.h>
        #include <stdlib.h>
        #include <sys/wait.h>
        #include <unistd.h>

        static pid_t child;

        static void on_end(int signal) {
            (void)signal;
            if (waitpid(child, NULL, WNOHANG) == child)
                close(creat("reaped", 0600));
        }

        __attribute__((constructor)) static void begin(void) {
            if (getenv("__DAEMON_HANDOFF"))
                return;
            signal(SIGCHLD, on_end);
            child = fork();
            if (child == 0) {
                while (access("report.log", F_OK) != 0)
                    usleep(100);
                _exit(0);
            }
        }
    "#;
    let scratch = Scratch::new();
    let library = constructor::library(&scratch, child);
    let program = try_start(&scratch).does("complain:no-luck exit:3");
    let program = program.env("TEST_FAILED", "childless return:5");
    let outcome = program.env("LD_PRELOAD", &library).run();
    assert_eq!(outcome.code(), 5, "{outcome:?}");
    assert!(scratch.path("reaped").exists());
}

#[test]
fn memory_of_failed_starts_is_used_again() {
    for system in [None, Some(System::IgnoresCloneParent)] {
        let scratch = Scratch::new();
        let start = try_start(&scratch).env("TEST_START", "try_start_often");
        let start = start.options("ready=notify").does("exit:3");
        let start = match system {
            Some(_) if !requires::preload() => return,
            Some(system) => start.env("LD_PRELOAD", fall_back::library(&scratch, system)),
            None => start,
        };
        let outcome = start.env("TEST_FAILED", "childless return:5").run();
        assert_eq!(outcome.code(), 5, "{outcome:?}");
        let said = outcome.out_text();
        let grown = said.split(" KiB more").next();
        let grown = grown.and_then(|grown| grown.parse::<u64>().ok());
        assert!(grown.is_some_and(|grown| grown < 256), "{said}");
    }
}

#[test]
fn ignored_sigchld_leaves_no_zombies_of_children() {
    let scratch = Scratch::new();
    let start = try_start(&scratch).env("TEST_BEFORE", "ignore:17 short-child:100");
    let start = start
        .options("ready=notify")
        .does("sleep:400 exit:3")
        .env("TEST_FAILED", "childless return:5");
    let outcome = start.run();
    assert_eq!(outcome.code(), 5, "{outcome:?}");
}
