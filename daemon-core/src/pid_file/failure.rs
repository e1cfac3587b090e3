//! Why a PID file cannot be used, in the words that its user reads.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::error::{Error, ErrorKind, shown};
use crate::files::missing_directory;
use crate::lock::{self, RunState};
use crate::span::RestartDue;
use crate::trust::Untrusted;

fn object(step: &str, path: &Path) -> String {
    format!("cannot {step} the PID file {}", shown(path))
}

pub(super) fn failed(step: &str, path: &Path, cause: io::Error) -> Error {
    let kind = ErrorKind::CannotCreate;
    let what = object(step, path);
    match missing_directory(path, &cause) {
        Some(reason) => Error::new(kind, what, reason),
        None => unopened(kind, what, path, cause),
    }
}

/// The error for a PID file that could not be opened. No link is followed, and each system has another
/// errno for that.
pub(crate) fn unopened(kind: ErrorKind, what: String, path: &Path, cause: io::Error) -> Error {
    if path.is_symlink() {
        Error::explained(kind, what, "it is a symbolic link", cause)
    } else if cause.raw_os_error() == Some(libc::ENXIO) {
        // A socket, or a device without its counterpart.
        Error::explained(kind, what, "not a regular file", cause)
    } else {
        Error::system(kind, what, cause)
    }
}

pub(super) fn refused(step: &str, path: &Path, reason: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::CannotCreate, object(step, path), reason)
}

pub(super) fn irregular(path: &Path) -> Error {
    refused("use", path, "not a regular file")
}

pub(super) fn untrusted(path: &Path, reason: &Untrusted) -> Error {
    match reason.cause() {
        Some(cause) => failed("create", path, cause),
        None => reason.error("PID file", path),
    }
}

pub(super) fn not_locked(path: &Path, errno: Errno) -> Error {
    match errno {
        Errno::ENOLCK | Errno::ENOSYS | Errno::EOPNOTSUPP => {
            refused("lock", path, "locks are not supported on this file system")
        }
        errno => failed("lock", path, errno.into()),
    }
}

pub(super) fn read_locked(path: &Path) -> Error {
    let reason = "another process that is not a daemon of this program holds a read lock";
    refused("lock", path, reason)
}

pub(super) fn unsteady(path: &Path) -> Error {
    refused("lock", path, "another process keeps replacing it")
}

pub(super) fn already_running(
    path: &Path,
    file: &File,
    state: RunState,
    pid: Option<Pid>,
) -> Error {
    let reason = match (state, pid) {
        (RunState::Restarting(due), _) => RestartDue(due).to_string(),
        (RunState::Starting, Some(pid)) => format!("already being started, pid {pid}"),
        (RunState::Starting, None) => match lock::stopped_starter(file) {
            Some(launcher) => launcher_stopped(launcher),
            None => "already being started".to_owned(),
        },
        (_, Some(pid)) => format!("already running, pid {pid}"),
        (_, None) if lock::is_ending(file) => match lock::visible_ending(file) {
            Some(pid) => format!("the previous daemon has not exited yet, pid {pid}"),
            None => "the previous daemon has not exited yet".to_owned(),
        },
        (_, None) => "already running, pid unknown".to_owned(),
    };
    Error::new(ErrorKind::AlreadyRunning, object("lock", path), reason)
}

/// A launcher keeps the lock until it has killed the rest of a daemon that failed.
pub(crate) fn launcher_stopped(launcher: Pid) -> String {
    format!("its launcher, pid {launcher}, is stopped; use kill -CONT {launcher}")
}

pub(super) fn mutex_busy(path: &Path, new_path: &Path, new: Option<File>) -> Error {
    let holder = new.and_then(|new| lock::visible_starter(&new));
    let holder = holder.map_or(String::new(), |pid| format!(", pid {pid},"));
    let new_path = shown(new_path);
    let reason = format!("another start or stop{holder} holds {new_path}");
    Error::new(ErrorKind::Busy, object("lock", path), reason)
}
