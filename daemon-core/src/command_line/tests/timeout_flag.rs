//! The flag that chooses how long the launcher waits.

use std::time::Duration;

use super::{ask, plain, usage, words};
use crate::command_line::{Chosen, Invocation};
use crate::daemon::Daemon;

fn settings() -> Daemon {
    plain().timeout_flag("--timeout")
}

#[test]
fn timeout_is_read_in_seconds() {
    for (line, timeout) in [
        ("prog -d --timeout 60 x", Duration::from_secs(60)),
        ("prog --timeout=60 x -d", Duration::from_secs(60)),
        ("prog -d --timeout 0 x", Duration::MAX),
    ] {
        let expected = Invocation::Background {
            argv: words("prog x"),
            chosen: Chosen {
                ready_timeout: Some(timeout),
                ..Chosen::default()
            },
        };
        assert_eq!(ask(&settings(), &words(line)), Ok(expected), "{line}");
    }
}

#[test]
fn malformed_timeout_is_refused() {
    for (line, found) in [
        ("prog -d --timeout", ""),
        ("prog -d --timeout -5", ""),
        ("prog -d --timeout=-5", ", found -5"),
        ("prog -d --timeout 1.5", ", found 1.5"),
        ("prog -d --timeout 10s", ", found 10s"),
    ] {
        let message = "cannot use the flag --timeout: expected a number of seconds";
        let expected = Err(usage(&format!("{message}{found}")));
        assert_eq!(ask(&settings(), &words(line)), expected, "{line}");
    }
}
