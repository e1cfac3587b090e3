//! The attribute on every kind of `main`: each return type, and a runtime above or below.

use crate::support::scratch::Scratch;

/// Each of these programs prints its pid. With `--fail` each fails in a different way: with a
/// status, or by a panic.
const PROGRAMS: [(&str, Option<i32>, &str); 6] = [
    ("returns_unit", None, "no luck"),
    ("returns_never", Some(5), "no luck"),
    ("returns_result", Some(1), "Error: \"no luck\""),
    ("returns_termination", Some(6), "no luck"),
    ("tokio_below", Some(1), "Error: \"no luck\""),
    ("tokio_above", Some(1), "Error: \"no luck\""),
];

#[test]
fn program_runs_in_the_foreground() {
    for (program, status, words) in PROGRAMS {
        let scratch = Scratch::new();
        let outcome = scratch.start(program).arg("--end").run();
        let line = format!("process {}\n", outcome.pid);
        assert_eq!(
            (outcome.code(), outcome.out_text()),
            (0, line),
            "{program}: {outcome:?}"
        );

        let outcome = scratch.start(program).arg("--fail").run();
        let status = status.unwrap_or_else(|| scratch.panic_status());
        assert_eq!(outcome.code(), status, "{program}: {outcome:?}");
        assert!(outcome.err_text().contains(words), "{program}: {outcome:?}");
    }
}

#[test]
fn program_runs_once_in_the_daemon() {
    for (program, ..) in PROGRAMS {
        let scratch = Scratch::new();
        let launch = scratch.start(program).arg("-d").run();
        let daemon = scratch.daemon_of(launch, format!("{program}.pid"));
        let log = scratch.read(&format!("{program}.log"));
        assert_eq!(log, format!("process {}\n", daemon.pid()), "{program}");
    }
}

#[test]
fn failure_of_the_program_fails_the_start() {
    for (program, status, words) in PROGRAMS {
        let scratch = Scratch::new();
        let launch = scratch.start(program).args(["--fail", "-d"]).run();
        let status = status.unwrap_or_else(|| scratch.panic_status());
        scratch.expect_failed_start(&launch, status);
        assert!(launch.err_text().contains(words), "{program}: {launch:?}");
    }
}
