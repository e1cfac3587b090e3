//! `ready = "notify"`: the daemon says so, by the protocol of `sd_notify(3)`.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    reason = "a broken expectation is how a test fails"
)]

#[path = "../support/mod.rs"]
mod support;

mod address;
mod death;
mod protocol;
mod ready;
mod service_manager;
mod stage;
mod timeout;
