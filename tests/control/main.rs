//! The control verbs, on daemons of every kind of temper and on PID files of every kind of content.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken expectation is how a test fails"
)]

#[path = "../support/mod.rs"]
mod support;

mod canary;
mod holder;
mod namespaces;
mod pid_file;
mod races;
mod reload;
mod restart;
mod stage;
mod status;
mod stop;
mod users;
mod verbs;
