//! Logs that are rotated under a daemon that writes.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken expectation is how a test fails"
)]

#[path = "../support/mod.rs"]
mod support;

mod logrotate;
mod refusals;
mod reopening;
mod signal;
mod stage;
