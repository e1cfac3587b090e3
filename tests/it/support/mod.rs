//! The support of the process tests.
//!
//! A test makes a [`scratch::Scratch`], starts a program of `tests/programs` or `examples` in it
//! with a [`start::Start`], and asserts on the [`outcome::Outcome`] and on the
//! [`daemon::Daemon`] that came up. Every wait is a poll with a deadline
//! or a pidfd.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a broken expectation is how a test fails"
)]
#![allow(
    clippy::print_stderr,
    reason = "a skipped test must say so where the tests are run"
)]

pub(crate) mod bystanders;
pub(crate) mod cgroup;
pub(crate) mod constructor;
pub(crate) mod daemon;
pub(crate) mod deadline;
pub(crate) mod failures;
pub(crate) mod fingerprint;
pub(crate) mod lock;
pub(crate) mod outcome;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod report;
pub(crate) mod requires;
pub(crate) mod rounds;
pub(crate) mod scratch;
pub(crate) mod seccomp;
pub(crate) mod session;
pub(crate) mod start;
pub(crate) mod terminal;
mod test_threads;
pub(crate) mod tools;
pub(crate) mod trace;
pub(crate) mod users;

pub(crate) use requires::requires;
