//! Another user, another group, another root directory: wholly or not at all.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    reason = "a broken expectation is how a test fails"
)]

#[path = "../support/mod.rs"]
mod support;

mod drop_privileges;
mod files;
mod identity;
mod program_file;
mod refusals;
mod root_directory;
mod stage;
