//! What is wrong with the PID file or the log.

use std::io;
use std::path::Path;

use nix::unistd::Pid;

use super::{Error, ErrorKind, shown};

impl Error {
    pub(crate) fn pid_file(step: &str, path: &Path, cause: io::Error) -> Self {
        let what = format!("cannot {step} the PID file {}", shown(path));
        Self::system(ErrorKind::CannotCreate, what, cause)
    }

    fn pid_file_words(step: &str, path: &Path, kind: ErrorKind, reason: &str) -> Self {
        Self::words(
            kind,
            format!("cannot {step} the PID file {}", shown(path)),
            reason,
        )
    }

    pub(crate) fn pid_file_type(path: &Path) -> Self {
        Self::pid_file_words("use", path, ErrorKind::CannotCreate, "not a regular file")
    }

    pub(crate) fn already_running(path: &Path, pid: Option<Pid>) -> Self {
        let pid = pid.map_or("unknown".to_owned(), |pid| pid.to_string());
        let reason = format!("already running, pid {pid}");
        Self::pid_file_words("lock", path, ErrorKind::AlreadyRunning, &reason)
    }

    pub(crate) fn pid_file_read_locked(path: &Path) -> Self {
        let reason = "locked for reading by another process, which is no daemon of this program";
        Self::pid_file_words("lock", path, ErrorKind::CannotCreate, reason)
    }

    pub(crate) fn pid_file_locks(path: &Path) -> Self {
        let reason = "locks are not supported on this file system";
        Self::pid_file_words("lock", path, ErrorKind::CannotCreate, reason)
    }

    pub(crate) fn pid_file_unsteady(path: &Path) -> Self {
        let reason = "it is replaced again and again by another process";
        Self::pid_file_words("lock", path, ErrorKind::CannotCreate, reason)
    }

    pub(crate) fn log_file(path: &Path, cause: io::Error) -> Self {
        let what = format!("cannot open the log {}", shown(path));
        Self::system(ErrorKind::CannotCreate, what, cause)
    }

    /// What the daemon says before the reason, if its log cannot be opened again.
    pub(crate) fn log_file_again(path: &Path) -> String {
        format!("cannot reopen the log {}: ", shown(path))
    }

    pub(crate) fn log_file_type(path: &Path) -> Self {
        let what = format!("cannot use the log {}", shown(path));
        let reason = "it must be a regular file, a FIFO or /dev/null";
        Self::words(ErrorKind::Configuration, what, reason)
    }

    pub(crate) fn one_file_for_both(path: &Path) -> Self {
        let what = format!("cannot use the log {}", shown(path));
        Self::words(ErrorKind::Configuration, what, "it is the PID file too")
    }
}
