//! The program that most tests start: it says what it sees of itself, and behaves as it is told.
//!
//! `TEST_OPTIONS` holds its options, one `name=value` on a line, and `TEST_DOES` the steps it
//! takes after `enter`, as words. Both are read from the environment, which the daemon inherits as
//! it is, so that the command line stays free for the tests.

#![allow(dead_code, reason = "the report has methods for its readers")]
#![allow(
    clippy::exit,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "all the ways of a program are under test, the careless ones too"
)]

mod measure;
mod options;
mod readiness;
#[path = "../../support/report.rs"]
mod report;
mod steps;

use std::process::ExitCode;

fn main() -> ExitCode {
    let _daemon = options::daemon().enter();
    steps::take()
}
