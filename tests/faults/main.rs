//! The faults that a start, a daemon and the control verbs survive, each with its number.
//!
//! `README.md` beside this file lists them all, with the tests that make each one happen. Most stand
//! in the files of their concern; those that need more of a stage than a concern stand here.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken expectation is how a test fails"
)]

#[path = "../support/mod.rs"]
mod support;

mod control;
mod crash_points;
mod descriptors;
mod environment;
mod files;
mod image;
mod index;
mod launch_races;
mod limits;
mod managers;
mod privileges;
mod readiness;
mod stage;
mod terminal;
