//! The errors of the control of a daemon.

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::time::Duration;

use nix::unistd::Pid;

use crate::error::{Error, ErrorKind, NO_PID_FILE, shown};
use crate::pid_file;
use crate::signal::{self, Signal};
use crate::span::RestartDue;
use crate::systemd::Unit;
use crate::trust::Untrusted;

impl Error {
    pub(crate) fn no_pid_file() -> Self {
        let what = "cannot find the daemon";
        Self::new(ErrorKind::Configuration, what, NO_PID_FILE)
    }

    pub(crate) fn no_reopen_signal() -> Self {
        let reason = "no `log_reopen` signal is configured";
        Self::new(ErrorKind::Configuration, "cannot reopen the log", reason)
    }

    pub(crate) fn no_log_size() -> Self {
        let reason = "no `log_rotate` size is configured";
        Self::new(ErrorKind::Configuration, "cannot rotate the log", reason)
    }

    pub(crate) fn pid_file_unread(path: &Path, cause: io::Error) -> Self {
        let what = format!("cannot inspect the PID file {}", shown(path));
        pid_file::unopened(ErrorKind::OutOfReach, what, path, cause)
    }

    pub(crate) fn pid_file_distrusted(path: &Path, untrusted: &Untrusted) -> Self {
        Self::unproved(
            path,
            format!("{untrusted}, so the process it names is not signalled"),
        )
    }

    pub(crate) fn pid_file_irregular(path: &Path) -> Self {
        Self::unproved(path, "not a regular file")
    }

    /// The lock is held, but not provably by the process that the file names.
    pub(crate) fn holder_unproved(path: &Path, named: Option<Pid>, holder: Option<Pid>) -> Self {
        let holder = match holder {
            Some(holder) => format!("locked by process {holder}"),
            None => {
                "locked by a process that is not visible here, possibly in another PID namespace"
                    .to_owned()
            }
        };
        let reason = match named {
            Some(pid) => format!("{holder}, but the file names process {pid}"),
            None => format!("{holder}, but the file does not begin with a pid and a newline"),
        };
        Self::unproved(path, reason)
    }

    /// Another user could have made the lock name this process.
    pub(crate) fn holder_of_other_user(path: &Path, pid: Pid) -> Self {
        let reason = format!(
            "process {pid}, which it names, belongs to another user than the daemon, and is not seen \
             to hold the lock; use CAP_SYS_PTRACE to see it"
        );
        Self::unproved(path, reason)
    }

    /// A daemon of another user could have given its lock to this process.
    pub(crate) fn lock_passed_on(path: &Path, pid: Pid) -> Self {
        let reason = format!(
            "process {pid} holds the lock, but it may have that from the daemon; use kill {pid} if it \
             is the daemon"
        );
        Self::unproved(path, reason)
    }

    /// The daemon has ended, and the launcher has not reported it yet.
    pub(crate) fn launcher_stopped(path: &Path, launcher: Pid) -> Self {
        Self::unproved(path, pid_file::launcher_stopped(launcher))
    }

    /// The daemon has ended, but its lock is still held.
    pub(crate) fn lock_outlives(path: &Path, pid: Pid, holder: Option<Pid>) -> Self {
        let holder = holder.map_or("another process".to_owned(), |pid| format!("process {pid}"));
        Self::unproved(
            path,
            format!("pid {pid} has ended, but {holder} holds its lock"),
        )
    }

    /// A start is in progress, and the daemon does not exist yet.
    pub(crate) fn no_pid_yet(path: &Path) -> Self {
        Self::unproved(path, "it is being started, and has no pid yet")
    }

    /// A start of another process takes too long.
    pub(crate) fn still_starting(path: &Path) -> Self {
        let what = format!(
            "cannot wait for the start with the PID file {}",
            shown(path)
        );
        let reason = "another process is still starting the daemon";
        Self::new(ErrorKind::Busy, what, reason)
    }

    fn unproved(path: &Path, reason: impl Into<Cow<'static, str>>) -> Self {
        let what = format!(
            "cannot identify the daemon from the PID file {}",
            shown(path)
        );
        Self::new(ErrorKind::OutOfReach, what, reason)
    }

    /// The daemon has a supervisor, and is not ready for the first time yet.
    pub(crate) fn being_started(step: &str, pid_file: &Path) -> Self {
        let what = format!("cannot {step} the daemon");
        let reason = format!("it is starting (PID file {})", shown(pid_file));
        Self::new(ErrorKind::OutOfReach, what, reason)
    }

    /// Between two runs, or before the next one is ready.
    pub(crate) fn restart_due(step: &str, pid_file: &Path, due: Option<Duration>) -> Self {
        let what = format!("cannot {step} the daemon");
        let (due, pid_file) = (RestartDue(due), shown(pid_file));
        let reason = format!("not running, {due} (PID file {pid_file})");
        Self::new(ErrorKind::NotRunning, what, reason)
    }

    pub(crate) fn not_running(step: &str, pid_file: &Path) -> Self {
        let what = format!("cannot {step} the daemon");
        let reason = format!("not running (PID file {})", shown(pid_file));
        Self::new(ErrorKind::NotRunning, what, reason)
    }

    pub(crate) fn not_signalled(step: &str, pid: Pid, cause: impl Into<io::Error>) -> Self {
        let what = format!("cannot {step} the daemon, pid {pid}");
        Self::system(ErrorKind::OutOfReach, what, cause)
    }

    /// `is_caught` is not known everywhere.
    pub(crate) fn not_caught(pid: Pid, signal: Signal, is_caught: Option<bool>) -> Self {
        let what = format!(
            "cannot send signal {} to the daemon, pid {pid}",
            signal::describe(signal.as_raw())
        );
        let reason = match is_caught {
            None => {
                "the signal would kill it if it has no handler, which this system cannot report"
            }
            Some(_) => "it has no visible handler for the signal, which may kill it",
        };
        Self::new(ErrorKind::OutOfReach, what, reason)
    }

    pub(crate) fn would_not_end(pid: Pid) -> Self {
        let what = format!("cannot stop the daemon, pid {pid}");
        let reason = "still running after SIGKILL; it may be blocked in I/O";
        Self::new(ErrorKind::NotStopped, what, reason)
    }

    pub(crate) fn not_restarted(pid: Pid, reason: impl Into<Cow<'static, str>>) -> Self {
        let what = format!("cannot restart the daemon, pid {pid}");
        Self::new(ErrorKind::Usage, what, reason)
    }

    pub(crate) fn run_by_systemd(unit: &Unit) -> Self {
        let (name, command) = (unit.name(), unit.restart_command());
        let reason = format!("run by systemd ({name}); use {command}");
        Self::new(ErrorKind::Usage, "cannot restart the daemon", reason)
    }

    /// The second half of a restart failed.
    pub(crate) fn after_stop(self) -> Self {
        self.preceded_by("stopped the old daemon, but ")
    }
}
