//! What can be asked of every system: the examples, started as a user starts them. The tests beside
//! this file look closer, and are for Linux. (There, this one runs with the launch by fork alone.)

#![cfg(any(not(target_os = "linux"), daemon_fork))]
#![allow(
    clippy::expect_used,
    reason = "a broken expectation is how a test fails"
)]

use std::env;
use std::path::PathBuf;
use std::process::{Command, Output};

fn start(example: &str, arguments: &[&str]) -> Output {
    let test = env::current_exe().expect("the path of the test");
    let profile = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    let program = format!("{example}{}", env::consts::EXE_SUFFIX);
    let mut command = Command::new(profile.join("examples").join(program));
    command.args(arguments).current_dir(directory());
    command.output().expect("start an example")
}

/// Where the examples make their files.
fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

fn expect(outcome: &Output, status: i32, words: &str) {
    let said = String::from_utf8_lossy(&outcome.stderr);
    assert_eq!(outcome.status.code(), Some(status), "{said}");
    assert!(said.contains(words), "{said}");
}

#[test]
fn foreground_is_untouched() {
    expect(&start("exit_code", &[]), 2, "usage: exit_code SECONDS\n");
    let waited = start("exit_code", &["0"]);
    expect(&waited, 0, "");
    assert_eq!(waited.stdout.trim_ascii_end(), b"waited for 0 s");
}

#[cfg(not(unix))]
#[test]
fn switch_is_answered_with_one_line() {
    for switch in ["-d", "--background"] {
        let outcome = start("exit_code", &[switch, "0"]);
        expect(
            &outcome,
            64,
            "exit_code: cannot start in the background: not supported",
        );
        assert_eq!(
            outcome.stderr.iter().filter(|byte| **byte == b'\n').count(),
            1
        );
        assert_eq!(outcome.stdout, b"");
    }
}

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::process::Command;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::{directory, expect, start};

    /// A daemon that came up, by the pid in its PID file.
    struct Hello(String);

    impl Hello {
        fn new() -> Self {
            let pid = fs::read_to_string(directory().join("hello.pid")).expect("the PID file");
            Self(pid.trim_end().to_owned())
        }
    }

    impl Drop for Hello {
        fn drop(&mut self) {
            let kill = Command::new("kill").arg(&self.0).status();
            assert!(kill.expect("kill(1)").success());
        }
    }

    #[test]
    fn daemon_runs_once_and_frees_the_lock_when_it_ends() {
        expect(&start("hello", &["-d"]), 0, "");
        let first = Hello::new();
        let refused = format!("already running, pid {}", first.0);
        expect(&start("hello", &["-d"]), 69, &refused);
        drop(first);
        let begin = Instant::now();
        while start("hello", &["-d"]).status.code() != Some(0) {
            assert!(
                begin.elapsed() < Duration::from_secs(30),
                "the lock is free"
            );
            thread::sleep(Duration::from_millis(10));
        }
        drop(Hello::new());
    }

    #[test]
    fn failure_of_the_daemon_is_the_launchers() {
        let outcome = start("exit_code", &["-d", "soon"]);
        expect(&outcome, 2, "usage: exit_code SECONDS\n");
    }
}
