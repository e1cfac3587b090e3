//! A truthful `-d, --background` for command-line programs.
//!
//! There are three ways in:
//!
//! - The attribute [`#[daemon::main]`](macro@main), for most programs. Its page is the reference of
//!   all options.
//! - The builder [`Daemon`], for a program that reads its command line itself and calls
//!   [`Daemon::start`].
//! - [`Control`], for a program that asks, stops or signals a daemon by its PID file.
//!
//! ```
//! #[daemon::main(pid = "{pid_dir}/{name}.pid", log = "{log_dir}/{name}.log")]
//! fn main() {
//!     // your program, unchanged
//! }
//! ```
//!
//! Without the switch the program runs in the foreground, as before. With `-d` it starts a detached
//! copy of itself, the *daemon*, and exits with 0 when the daemon is up. Otherwise it exits with the
//! daemon's own status and, if there is a log, prints what the daemon wrote.
//!
//! The chapters of the [`guide`] answer one question each, for example how to
//! [add `-d` to a program](guide::adding) and [when a daemon is up](guide::readiness).

#![forbid(unsafe_code)]

#[cfg(feature = "clap")]
pub mod clap;
#[cfg(any(doc, doctest))]
pub mod guide;

/// The examples of the README are tested with those of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[doc(hidden)]
pub use daemon_core::__private;
#[cfg(unix)]
pub use daemon_core::unix_listener;
pub use daemon_core::{
    Control, Daemon, Error, ErrorKind, KillMode, ListenAddress, LogWriter, ParseSignalError,
    PathSource, Readiness, Restart, Running, Signal, Start, Started, Status, Stdin, Stopped,
    Supervision, announce, drop_privileges, exec, extend_timeout, is_daemon, listener, log_file,
    log_writer, passed, pid_file, ready, reopen_log, start_dir, status, stopping,
};
pub use daemon_macros::main;
