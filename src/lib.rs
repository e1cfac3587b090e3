#![doc = include_str!("links.md")]
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "clap")]
pub mod clap;
#[cfg(doc)]
pub mod guide;

#[doc(hidden)]
pub use daemon_core::__private;
pub use daemon_core::{
    Control, Daemon, Error, ErrorKind, LogWriter, ParseSignalError, PathSource, Readiness, Running,
    Signal, Status, Stopped, drop_privileges, extend_timeout, is_daemon, log_file, log_writer,
    pid_file, ready, reopen_log, start_dir, status, stopping,
};
pub use daemon_macros::main;
