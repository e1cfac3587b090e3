//! What is wrong with the PID file or the log.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use nix::unistd::Pid;

use super::{Error, ErrorKind, shown};

const LOG_TYPES: &str = "it must be a regular file, a FIFO or /dev/null";

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
        let (kind, what) = (ErrorKind::CannotCreate, open_log(path));
        match cause.raw_os_error() {
            Some(libc::ENXIO) if is_fifo(path) => {
                Self::explained(kind, what, "it is a FIFO that nobody reads from", cause)
            }
            // A socket, or a device without its counterpart.
            Some(libc::ENXIO) => Self::explained(kind, what, LOG_TYPES, cause),
            _ => Self::system(kind, what, cause),
        }
    }

    pub(crate) fn log_link_made_by(path: &Path, maker: u32) -> Self {
        let reason = format!("it is a symbolic link made by user {maker}");
        Self::words(ErrorKind::CannotCreate, open_log(path), reason)
    }

    pub(crate) fn log_link_in_directory_of(path: &Path, owner: u32) -> Self {
        let reason = format!("it is a symbolic link in a directory of user {owner}");
        Self::words(ErrorKind::CannotCreate, open_log(path), reason)
    }

    /// What the daemon says before the reason, if its log cannot be opened again.
    pub(crate) fn log_file_again(path: &Path) -> String {
        format!("cannot reopen the log {}: ", shown(path))
    }

    pub(crate) fn log_file_type(path: &Path) -> Self {
        let what = format!("cannot use the log {}", shown(path));
        Self::words(ErrorKind::Configuration, what, LOG_TYPES)
    }

    pub(crate) fn one_file_for_both(path: &Path) -> Self {
        let what = format!("cannot use the log {}", shown(path));
        Self::words(ErrorKind::Configuration, what, "it is the PID file too")
    }
}

fn open_log(path: &Path) -> String {
    format!("cannot open the log {}", shown(path))
}

fn is_fifo(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| there.file_type().is_fifo())
}
