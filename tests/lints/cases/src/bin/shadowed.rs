//! Names of the program that shadow names in the generated code.

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

mod core {}
mod std {}

struct Box;
struct Daemon;
struct Duration;
struct Option;
struct PathBuf;
struct Result;
struct String;
struct Vec;

#[::daemon::main(
    pid = "/run/a.pid",
    log = "a.log",
    ready = "listening",
    ready_timeout = 5,
    keep_fds = [3],
    log_reopen = "SIGUSR1"
)]
fn main() {
    let _ = (Box, Daemon, Duration, Option, PathBuf, Result, String, Vec);
}
