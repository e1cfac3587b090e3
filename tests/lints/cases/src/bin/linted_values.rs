//! Every kind of value, as lints check it.

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

use daemon::{Daemon, PathSource, Readiness, Signal, Start};
use std::path::PathBuf;
use std::time::Duration;

#[daemon::main(
    background_flag = ["-b", "--background"],
    subcommand = "mount",
    pid = pid_file(),
    log = { PathBuf::from("a.log") },
    pid_flag = "--pid-file",
    instance_flag = "--name",
    pid_in_foreground = true,
    pid_mode = 0o600,
    workdir = "{home}",
    umask = 0o022,
    user = "nobody",
    chroot = "/var/{instance}",
    env_remove = ["GIT_DIR", "MAKEFLAGS"],
    keep_fds = [1000000],
    listen = ["http=0.0.0.0:80", "control=unix:{pid_dir}/{name}.sock"],
    ready = "notify",
    ready_timeout = 86400,
    control_flag = "-s",
    stop_signal = "SIGINT",
    restart = "on-failure",
    restart_delay = "1s..1min",
    restart_limit = 10,
    log_reopen = "SIGHUP",
    log_rotate = "10M",
    log_keep = 9,
    syslog = "local0",
    before_start = check,
    configure = adjust,
)]
fn main() {}

fn pid_file() -> PathBuf {
    PathBuf::from("a.pid")
}

fn check(start: &mut Start) -> Result<(), std::num::ParseIntError> {
    start.env("ANSWER", "42".parse::<u8>()?.to_string());
    Ok(())
}

/// Imports what the generated code names by its full path.
fn adjust(daemon: Daemon) -> Daemon {
    daemon
        .ready(Readiness::notify())
        .ready_timeout(Duration::from_secs(5))
        .log_reopen(Signal::SIGUSR1)
        .log(PathSource::from_fn(|| "b.log"))
}
