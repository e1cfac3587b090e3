//! What is wrong with the PID file.

use std::io;
use std::path::Path;

use nix::unistd::Pid;

use super::{Error, ErrorKind, shown};

impl Error {
    pub(crate) fn pid_file(step: &str, path: &Path, cause: io::Error) -> Self {
        let what = format!("cannot {step} the PID file {}", shown(path));
        Self::unopened_pid_file(ErrorKind::CannotCreate, what, path, cause)
    }

    fn pid_file_words(step: &str, path: &Path, kind: ErrorKind, reason: &str) -> Self {
        Self::words(
            kind,
            format!("cannot {step} the PID file {}", shown(path)),
            reason,
        )
    }

    /// A PID file that could not be opened. No link is followed, and each system has another errno
    /// for that.
    pub(super) fn unopened_pid_file(
        kind: ErrorKind,
        what: String,
        path: &Path,
        cause: io::Error,
    ) -> Self {
        if path.is_symlink() {
            Self::explained(kind, what, "it is a symbolic link", cause)
        } else if cause.raw_os_error() == Some(libc::ENXIO) {
            // A socket, or a device without its counterpart.
            Self::explained(kind, what, "not a regular file", cause)
        } else {
            Self::system(kind, what, cause)
        }
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
        let reason = "another process that is not a daemon of this program holds a read lock";
        Self::pid_file_words("lock", path, ErrorKind::CannotCreate, reason)
    }

    pub(crate) fn pid_file_locks(path: &Path) -> Self {
        let reason = "locks are not supported on this file system";
        Self::pid_file_words("lock", path, ErrorKind::CannotCreate, reason)
    }

    pub(crate) fn pid_file_unsteady(path: &Path) -> Self {
        let reason = "another process keeps replacing it";
        Self::pid_file_words("lock", path, ErrorKind::CannotCreate, reason)
    }
}
