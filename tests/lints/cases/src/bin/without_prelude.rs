//! A program without the prelude.

#![deny(
    warnings,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    unused_results,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
#![forbid(unsafe_code)]
#![no_implicit_prelude]

#[::daemon::main(pid = "/run/a.pid", log = "a.log", ready_timeout = 5, keep_fds = [3])]
fn main() {}
