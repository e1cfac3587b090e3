// Names of the user's own hide nothing that generated code relies on.
#![allow(dead_code, unused_macros)]

mod core {}
mod std {}
struct Daemon;
struct Duration;
struct Option;
struct PathBuf;
struct Result;
struct String;
struct Vec;
macro_rules! vec {
    () => {};
}

#[daemon::main(
    pid = "/run/a.pid",
    log = "a.log",
    ready = "listening",
    ready_timeout = 5,
    keep_fds = [3],
    log_reopen = "SIGUSR1"
)]
fn main() {}
