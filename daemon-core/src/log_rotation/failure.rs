//! Why a log is not rotated, in one line.

use std::ffi::OsStr;
use std::io;

use nix::unistd::Pid;

use super::config::RotationConfig;
use crate::error::{Error, ErrorKind, shown};
use crate::files::missing_directory;
use crate::signal;

impl RotationConfig {
    fn what(&self) -> String {
        format!("cannot rotate the log {}", shown(&self.log))
    }

    pub(super) fn failed(&self, cause: io::Error) -> Error {
        match missing_directory(&self.log, &cause) {
            Some(reason) => Error::new(ErrorKind::CannotCreate, self.what(), reason),
            None => Error::system(ErrorKind::CannotCreate, self.what(), cause),
        }
    }

    pub(super) fn replaced(&self) -> Error {
        let reason = "another process has replaced a file or a directory on its way";
        Error::new(ErrorKind::CannotCreate, self.what(), reason)
    }

    /// Another rotation was faster, and the log has its name.
    pub(super) fn overtaken(&self) -> Error {
        let reason = "another process has just renamed or replaced it";
        Error::new(ErrorKind::Busy, self.what(), reason)
    }

    pub(super) fn blocked(&self, name: &OsStr) -> Error {
        let name = shown(name.as_ref());
        let reason = format!("{name} is a directory; move it away");
        Error::new(ErrorKind::CannotCreate, self.what(), reason)
    }

    pub(super) fn busy(&self) -> Error {
        let reason = format!(
            "another start, stop or rotation holds {}.new",
            shown(&self.pid_file)
        );
        Error::new(ErrorKind::Busy, self.what(), reason)
    }

    pub(super) fn starting(&self) -> Error {
        let reason = "the daemon is being started";
        Error::new(ErrorKind::OutOfReach, self.what(), reason)
    }

    pub(super) fn restarting(&self) -> Error {
        let reason = "a restart of the daemon is due; the supervisor rotates the log before that";
        Error::new(ErrorKind::OutOfReach, self.what(), reason)
    }

    pub(super) fn not_caught(&self, pid: Pid) -> Error {
        let signal = signal::describe(self.signal.as_raw());
        let reason = format!("the daemon, pid {pid}, has no visible handler for {signal}");
        Error::new(ErrorKind::OutOfReach, self.what(), reason)
    }

    pub(super) fn not_followed(&self, pid: Pid) -> Error {
        let seconds = self.reopen_timeout.as_secs();
        let reason = format!(
            "the daemon, pid {pid}, opened no new log within {seconds} s; it keeps the old one"
        );
        Error::new(ErrorKind::NotReady, self.what(), reason)
    }

    /// What is said of a log that was removed or moved.
    pub(super) fn reopened(&self, pid: Pid) -> String {
        let log = shown(&self.log);
        format!("the log {log} was missing; the daemon, pid {pid}, has opened a new one")
    }
}
