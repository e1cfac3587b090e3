//! What happens at run time behind `#[daemon::main]`. Programs use it through the crate `daemon`;
//! it works without the attribute too.

#![deny(unsafe_code)]

mod after_exec;
#[cfg(feature = "clap")]
pub mod clap;
mod command_line;
mod control;
mod daemon;
mod descriptors;
mod detach;
mod enter;
mod error;
mod handoff;
mod launcher;
mod lock;
mod log_file;
mod log_reopen;
mod log_writer;
mod path_template;
mod pid_file;
mod proc_stat;
mod readiness;
mod running;
mod signal;
mod signals;
mod standard_streams;
mod sys;

pub use control::{Control, Status, Stopped};
pub use daemon::{Daemon, PathSource, Readiness};
pub use error::{Error, ErrorKind};
pub use log_reopen::reopen_log;
pub use log_writer::{LogWriter, log_writer};
pub use running::{
    Running, extend_timeout, is_daemon, log_file, pid_file, ready, start_dir, status, stopping,
};
pub use signal::Signal;

#[doc(no_inline)]
pub use std::process::Termination;
