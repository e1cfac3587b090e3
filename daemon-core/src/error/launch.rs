//! What goes wrong in the launch.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;

use super::{Error, ErrorKind, shown, system_message};
use crate::handoff::{Record, StartStep};
use crate::identity;
use crate::log_file::LogPlace;
use crate::signal;
use crate::sys::child::{ExecStep, Failure};
use crate::sys::image::Image;

impl Error {
    /// A step of the launch that the system refused.
    pub(crate) fn step(step: &str, cause: impl Into<io::Error>) -> Self {
        Self::system(ErrorKind::System, format!("cannot {step}"), cause)
    }

    pub(crate) fn null_device(cause: io::Error) -> Self {
        Self::step("open /dev/null", cause)
    }

    /// There is no daemon.
    pub(crate) fn detach(failure: &Failure) -> Self {
        match *failure {
            Failure::Launcher(step, cause) => Self::step(step, cause),
            Failure::Child(step, cause) => Self::detached_step(step, cause),
            Failure::PidMismatch => Self::pid_mismatch(),
            Failure::Intermediate(outcome) => Self::intermediate_ended(outcome),
        }
    }

    fn detached_step(step: ExecStep, cause: Errno) -> Self {
        let step = match step {
            ExecStep::NewSession => "start a session in the intermediate process",
            ExecStep::SecondFork => "create the daemon",
            ExecStep::DefaultSignals => "reset the signals of the daemon",
            ExecStep::CloseOnExec(_) => "close the descriptors of the daemon",
            ExecStep::KeepOpen(_) => "keep a descriptor open for the daemon",
            ExecStep::Place { .. } => "redirect the standard streams of the daemon",
            ExecStep::StampPid(_) => "set the environment of the daemon",
            ExecStep::WritePid { .. } => {
                let what = "cannot write the pid of the daemon into the PID file";
                return Self::system(ErrorKind::CannotCreate, what, cause);
            }
            ExecStep::EmptyMask => "unblock the signals of the daemon",
            ExecStep::Execute => {
                return Self::step(
                    &format!("execute the daemon through {}", Image::NAME),
                    cause,
                );
            }
        };
        Self::step(step, cause)
    }

    fn pid_mismatch() -> Self {
        let reason = "children run in another PID namespace, or vfork is emulated (valgrind)";
        Self::words(ErrorKind::System, "cannot create the daemon", reason)
    }

    fn intermediate_ended(outcome: Result<ExitStatus, Errno>) -> Self {
        let what = "cannot create the daemon";
        let ended = outcome.map_or("was lost".to_owned(), ended);
        Self::words(
            ErrorKind::System,
            what,
            format!("the intermediate process {ended}"),
        )
    }

    pub(crate) fn image_unknown(cause: io::Error) -> Self {
        Self::step(&format!("find this program by {}", Image::NAME), cause)
    }

    pub(crate) fn foreign_image() -> Self {
        let reason = format!(
            "{} is another program, the dynamic loader perhaps",
            Image::NAME
        );
        Self::words(ErrorKind::System, CANNOT_START, reason)
    }

    pub(crate) fn borrowed_rights() -> Self {
        let reason = "set-uid and set-gid programs cannot be run in the background";
        Self::words(ErrorKind::Permission, CANNOT_START, reason)
    }

    pub(crate) fn process_one() -> Self {
        let reason = "this is PID 1: its children are killed when it exits; run in the foreground";
        Self::words(ErrorKind::Configuration, CANNOT_START, reason)
    }

    pub(crate) fn notify_unit() -> Self {
        let reason = "systemd waits for this process (Type=notify); omit the switch";
        Self::words(ErrorKind::Usage, CANNOT_START, reason)
    }

    /// A step of the daemon after its exec failed.
    pub(crate) fn post_exec(step: StartStep, record: &Record, cause: Errno) -> Self {
        let path = |path: &Option<PathBuf>| path.as_deref().map(shown).unwrap_or_default();
        match step {
            StartStep::PidFile => {
                let file = path(&record.pid_file);
                Self::step(&format!("keep the PID file {file} open"), cause)
            }
            StartStep::Chroot => {
                let root = path(&record.chroot);
                Self::step(&format!("change the root directory to {root}"), cause)
            }
            StartStep::Privileges(step) => {
                let target = record.identity.clone().unwrap_or_default();
                identity::not_assumed(step, &target, cause)
            }
            StartStep::Workdir => {
                let directory = path(&record.workdir);
                Self::step(
                    &format!("change to the working directory {directory}"),
                    cause,
                )
            }
            StartStep::LogReopen => {
                let signal = signal::describe(record.log_reopen.unwrap_or_default());
                Self::step(&format!("reopen the log on signal {signal}"), cause)
            }
        }
    }

    /// The daemon ended before it was ready.
    ///
    /// Or after it, but too early for the launcher to call it up.
    pub(crate) fn ended_early(
        status: ExitStatus,
        was_ready: bool,
        errno: Option<Errno>,
        log: Option<&LogPlace>,
    ) -> Self {
        let kind = if status.success() {
            ErrorKind::EndedEarly
        } else {
            ErrorKind::Failed
        };
        let when = if was_ready {
            "as soon as it was ready"
        } else {
            "before it was ready"
        };
        let because = errno
            .map(|errno| format!(": {}", system_message(&errno.into())))
            .unwrap_or_default();
        let reason = format!("the daemon {} {when}{because}{}", ended(status), more(log));
        let error = Self::words(kind, CANNOT_START, reason);
        let own_status = status.code().or_else(|| Some(128 + status.signal()?));
        match own_status.and_then(|status| u8::try_from(status).ok()) {
            Some(status) if kind == ErrorKind::Failed => error.with_status(status),
            _ => error,
        }
    }

    /// The daemon ended before it was ready, nobody knows how.
    pub(crate) fn ended_unseen(log: Option<&LogPlace>) -> Self {
        let reason = format!(
            "the daemon exited before it was ready; its exit status was already reaped elsewhere in \
             this process{}",
            more(log)
        );
        Self::words(ErrorKind::System, CANNOT_START, reason)
    }

    /// The daemon has closed its end of the hand-off, and runs without what it was to do first.
    pub(crate) fn handoff_lost(log: Option<&LogPlace>) -> Self {
        let reason = format!(
            "the daemon closed its start-up socket before reporting success{}",
            more(log)
        );
        Self::words(ErrorKind::System, CANNOT_START, reason)
    }

    /// The daemon was not ready in time.
    pub(crate) fn not_ready(time: Duration, log: Option<&LogPlace>) -> Self {
        let seconds = format!("{}.{}", time.as_secs(), time.subsec_millis() / 100);
        let seconds = seconds.trim_end_matches(".0");
        let reason = format!("the daemon was not ready within {seconds} s{}", more(log));
        Self::words(ErrorKind::NotReady, CANNOT_START, reason)
    }

    /// The user gave up waiting.
    pub(crate) fn interrupted(signal: Signal) -> Self {
        let reason = format!("interrupted by {signal} before the daemon was ready");
        let status = u8::try_from(128 + signal as i32).unwrap_or(71);
        Self::words(ErrorKind::Interrupted, CANNOT_START, reason)
            .with_status(status)
            .with_signal(signal)
    }
}

/// What stands in the status line as long as the daemon says nothing.
pub(crate) const WAITING: &str = "waiting until the daemon is ready";

/// A warning.
pub(crate) const UNREADABLE_DESCRIPTORS: &str = "cannot inspect the daemon's sockets \
     (permission denied); using ready = \"settled\" instead";

/// Elsewhere a socket without a place in the file system is heard from everywhere.
#[cfg(any(not(target_os = "linux"), daemon_fork))]
pub(crate) const OUT_OF_REACH: &str = "the notification socket is not reachable after chroot; \
     use a different `ready` mode";

const CANNOT_START: &str = "cannot start in the background";

/// How a process ended.
fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(status), _) => format!("ended with status {status}"),
        (None, Some(signal)) => format!("was killed by signal {}", signal::describe(signal)),
        (None, None) => "was lost".to_owned(),
    }
}

/// Where to look for more than the launcher can tell.
fn more(log: Option<&LogPlace>) -> String {
    match log {
        Some(LogPlace::Path(path)) => format!("; see {}", shown(path)),
        // All there is has been shown.
        Some(LogPlace::Memory) => String::new(),
        None => "; no log is configured: set `log`, or run in the foreground".to_owned(),
    }
}
