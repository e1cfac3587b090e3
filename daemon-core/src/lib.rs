//! What happens at run time behind `#[daemon::main]`. Programs use it through the crate `daemon`;
//! it works without the attribute too.

#![deny(unsafe_code)]
#![cfg_attr(
    not(unix),
    allow(dead_code, reason = "the options are for a start that never happens")
)]

mod before_start;
#[cfg(unix)]
mod bound_socket;
#[cfg(unix)]
mod capabilities;
#[cfg(not(unix))]
#[path = "unsupported/capabilities.rs"]
mod capabilities;
#[cfg(feature = "clap")]
pub mod clap;
#[cfg(unix)]
mod client;
mod codec;
mod command_line;
#[cfg(unix)]
mod control;
#[cfg(not(unix))]
#[path = "unsupported/control.rs"]
mod control;
#[cfg(unix)]
mod control_verbs;
mod daemon;
#[cfg(unix)]
mod descriptors;
#[cfg(unix)]
mod detach;
#[cfg(unix)]
mod enter;
mod env_changes;
mod error;
#[cfg(unix)]
mod exec;
#[cfg(unix)]
mod files;
#[cfg(unix)]
mod filled_path;
#[cfg(unix)]
mod foreground_lock;
#[cfg(all(unix, any(test, fuzzing)))]
pub mod fuzz;
#[cfg(unix)]
mod handoff;
#[cfg(unix)]
mod identity;
mod kill_mode;
#[cfg(unix)]
mod launcher;
#[cfg(unix)]
mod listen;
mod listen_address;
#[cfg(unix)]
mod listen_fds;
#[cfg(unix)]
mod listener;
#[cfg(unix)]
mod lock;
#[cfg(unix)]
mod log_file;
#[cfg(unix)]
mod log_reopen;
#[cfg(unix)]
mod log_rotation;
#[cfg(unix)]
mod log_view;
mod log_writer;
#[cfg(unix)]
mod number;
mod option_check;
#[cfg(unix)]
mod passed;
#[cfg(unix)]
mod path_context;
mod path_source;
#[cfg(unix)]
mod path_template;
#[cfg(unix)]
mod pid_file;
#[cfg(unix)]
mod post_exec;
mod program_name;
mod readiness;
mod restart;
#[cfg(unix)]
mod running;
mod settings;
mod signal;
#[cfg(unix)]
mod signals;
mod span;
#[cfg(unix)]
mod standard_streams;
mod stdin;
#[cfg(unix)]
mod supervisor;
#[cfg(not(unix))]
#[path = "unsupported/supervisor.rs"]
mod supervisor;
#[cfg(unix)]
mod sys;
#[cfg(unix)]
mod syslog;
#[cfg(unix)]
mod systemd;
#[cfg(unix)]
mod trust;
#[cfg(unix)]
mod unit_file;
mod unix_address;
#[cfg(not(unix))]
mod unsupported;
mod value_flags;
mod verb;

pub use before_start::Start;
#[cfg(unix)]
pub use client::Started;
pub use control::{Control, Status, Stopped, Supervision};
pub use daemon::Daemon;
pub use error::{Error, ErrorKind};
#[cfg(unix)]
pub use exec::exec;
#[cfg(unix)]
pub use identity::drop_privileges;
pub use kill_mode::KillMode;
pub use listen_address::ListenAddress;
#[cfg(unix)]
pub use listener::{listener, unix_listener};
#[cfg(unix)]
pub use log_reopen::reopen_log;
pub use log_writer::{LogWriter, log_writer};
#[cfg(unix)]
pub use passed::passed;
pub use path_source::PathSource;
pub use readiness::Readiness;
pub use restart::Restart;
#[cfg(unix)]
pub use running::{
    Running, announce, extend_timeout, is_daemon, log_file, pid_file, ready, start_dir, status,
    stopping,
};
pub use signal::{ParseSignalError, Signal};
pub use stdin::Stdin;
#[cfg(not(unix))]
pub use unsupported::{
    Running, Started, announce, drop_privileges, exec, extend_timeout, is_daemon, listener,
    log_file, passed, pid_file, ready, reopen_log, start_dir, status, stopping,
};

/// What the code of `#[daemon::main]` names. It is not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use std::process::Termination;

    // The attribute knows these words as well, and its tests compare them.
    pub use crate::option_check::{FACILITIES, RESERVED_FLAGS};

    /// As [`Daemon::ready`](crate::Daemon::ready). A program that begins with this does not link the default.
    pub fn ready(readiness: crate::Readiness) -> crate::Daemon {
        crate::Daemon::with_ready(readiness)
    }

    pub fn verbs() -> impl Iterator<Item = &'static str> {
        crate::verb::VERBS.into_iter().map(|(word, _)| word)
    }

    pub fn readiness_modes() -> impl Iterator<Item = &'static str> {
        crate::readiness::mode_names()
    }
}
