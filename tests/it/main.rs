//! The process tests: programs of `tests/programs` and `examples`, started and looked at.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a broken expectation is how a test fails"
)]

mod attribute;
mod background;
mod before_start;
#[cfg(feature = "clap")]
mod clap;
mod clients;
mod command_line;
mod configure;
mod control;
mod crash_points;
mod descriptors;
mod documentation;
mod emulators;
mod environment;
mod examples;
mod exec;
mod failure;
mod fall_back;
mod first_process;
mod foreground;
mod full_disk;
mod handoff;
mod harness;
mod hostile_files;
mod image;
mod interoperation;
mod limits;
mod linked_code;
mod listen;
mod log_file;
mod log_flag;
mod log_recipes;
mod log_rotation;
mod log_view;
mod path_flags;
mod paths;
mod pid_file;
mod pid_path;
mod privileges;
mod process_group;
mod races;
mod ready_listening;
mod ready_notify;
mod ready_settled;
mod refusals;
mod restart;
mod service_managers;
mod signals;
mod start;
mod status_line;
mod support;
mod syslog;
mod systemd;
mod terminal;
mod try_start;
mod waiting;
