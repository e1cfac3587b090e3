//! What every Rust program of the benchmark does besides daemonizing: it takes its files from the
//! environment, reports when its own code runs, and sleeps until it is killed.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process;

use nix::fcntl::{Flock, FlockArg};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{dup2_stderr, dup2_stdout, pause};

/// The PID file of this run.
#[must_use]
pub fn pid_file() -> PathBuf {
    env::var_os("BENCH_PID").unwrap_or_default().into()
}

/// The log of this run.
#[must_use]
pub fn log_file() -> PathBuf {
    env::var_os("BENCH_LOG").unwrap_or_default().into()
}

/// Opens the log as every contestant does: to append, and created if it is missing.
///
/// # Errors
///
/// When it cannot be opened.
pub fn open_log() -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(log_file())
}

/// Announces that user code runs, then sleeps until a signal ends the process.
///
/// # Errors
///
/// When the announcement cannot be written.
pub fn run() -> io::Result<()> {
    announce()?;
    loop {
        pause();
    }
}

/// Reports the pid of the process that runs user code, and the time on the monotonic clock.
fn announce() -> io::Result<()> {
    let Some(path) = env::var_os("BENCH_UP") else {
        return Ok(());
    };
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    let line = format!("up {} {} {}\n", process::id(), now.tv_sec(), now.tv_nsec());
    OpenOptions::new()
        .write(true)
        .open(path)?
        .write_all(line.as_bytes())
}

/// Locks and writes the PID file, for libraries that do not.
///
/// # Errors
///
/// When it cannot be opened, locked or written.
pub fn hold_pid_file() -> io::Result<Flock<File>> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(pid_file())?;
    let mut file =
        Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| errno)?;
    file.set_len(0)?;
    writeln!(file, "{}", process::id())?;
    Ok(file)
}

/// Redirects both output streams to the log, for libraries that do not.
///
/// # Errors
///
/// When it cannot be opened.
pub fn redirect_to_log() -> io::Result<()> {
    let log = open_log()?;
    dup2_stdout(&log)?;
    dup2_stderr(&log)?;
    Ok(())
}
