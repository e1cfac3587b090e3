//! What the control of a daemon has found or done.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::span::RestartDue;

/// Whether a daemon runs. It displays as one line.
///
/// ```
/// use daemon::{Control, Status};
///
/// match Control::new("/run/hello.pid").status()? {
///     Status::Running { pid, .. } => println!("pid {pid}"),
///     Status::StalePidFile => println!("it crashed"),
///     other => println!("{other}"),
/// }
/// # Ok::<(), daemon::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It runs: a process holds the lock of the PID file.
    #[non_exhaustive]
    Running {
        /// Its pid.
        pid: u32,
        /// When the process started, if the system reports it.
        since: Option<SystemTime>,
        /// Whether it is started again after a crash.
        supervision: Supervision,
    },
    /// It is being started: a launcher waits until it is ready. Where only `flock(2)` exists, a daemon
    /// that has its pid counts as [`Running`](Self::Running).
    #[non_exhaustive]
    Starting {
        /// Its pid, if it has one already.
        pid: Option<u32>,
    },
    /// Its supervisor starts it again, see [`restart`](crate::Daemon::restart): it waits for that, or
    /// until the new daemon is ready.
    #[non_exhaustive]
    Restarting {
        /// How long it is until the next start, if the system reports it.
        due: Option<Duration>,
        /// Whether the supervisor is at work.
        supervision: Supervision,
    },
    /// It has ended and is not started again. Its supervisor ends what it has left, for up to five
    /// seconds, and then itself.
    Ending,
    /// It does not run, and its pid is left in the PID file: it crashed or was killed.
    StalePidFile,
    /// It does not run: there is no PID file, or the daemon has emptied it at a normal end.
    NotRunning,
}

/// Whether a daemon has a supervisor, which starts it again after a crash.
///
/// ```
/// use daemon::{Control, Status, Supervision};
///
/// if let Status::Running { supervision, .. } = Control::new("/run/hello.pid").status()? {
///     println!("starts again after a crash: {}", supervision == Supervision::Active);
/// }
/// # Ok::<(), daemon::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Supervision {
    /// No supervisor is known.
    None,
    /// A supervisor runs.
    Active,
    /// A signal such as SIGSTOP has stopped the supervisor.
    Stopped,
    /// The supervisor was killed. Only a control that was made by
    /// [`Daemon::control`](crate::Daemon::control) knows that there was one.
    Lost,
}

/// How a daemon was stopped. It displays as one line.
///
/// ```no_run
/// use std::time::Duration;
///
/// use daemon::{Control, Stopped};
///
/// let stopped = Control::new("/run/hello.pid").stop(Duration::from_secs(10))?;
/// if let Stopped::Killed { pid, .. } = stopped {
///     eprintln!("{pid} did not handle SIGTERM in time");
/// }
/// # Ok::<(), daemon::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// It did not run.
    NotRunning,
    /// It ended after the stop signal, or by itself. Of a daemon with
    /// [`restart`](crate::Daemon::restart) it is known only that it ended within the timeout: its
    /// supervisor sends SIGKILL when the [`stop_timeout`](crate::Daemon::stop_timeout) of its start
    /// is over, which may be before.
    #[non_exhaustive]
    Terminated {
        /// The pid it had.
        pid: u32,
    },
    /// The stop signal did not end it in time, and SIGKILL did; or its supervisor took longer than
    /// the timeout to end it.
    #[non_exhaustive]
    Killed {
        /// The pid it had.
        pid: u32,
    },
}

impl Status {
    /// The exit status of the verb `status`, as the LSB has it for init scripts.
    pub(crate) fn exit_status(self) -> u8 {
        match self {
            Self::Running { .. } | Self::Starting { .. } => 0,
            Self::StalePidFile => 1,
            Self::Restarting { .. } => 2,
            Self::Ending | Self::NotRunning => 3,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running {
                pid,
                since,
                supervision,
            } => {
                write!(f, "running, pid {pid}")?;
                #[cfg(unix)]
                if let Some(since) = since.and_then(crate::sys::local_time::fields) {
                    write!(f, ", since {}", Local(since))?;
                }
                #[cfg(not(unix))]
                let _ = since;
                write!(f, "{supervision}")
            }
            Self::Restarting { due, supervision } => {
                write!(f, "not running, {}{supervision}", RestartDue(*due))
            }
            Self::Starting { pid: Some(pid) } => write!(f, "starting, pid {pid}"),
            Self::Starting { pid: None } => f.write_str("starting"),
            Self::Ending => f.write_str("not running, ending"),
            Self::StalePidFile => f.write_str("not running, but it left its PID file"),
            Self::NotRunning => f.write_str("not running"),
        }
    }
}

/// What a line adds: nothing is the rule.
impl fmt::Display for Supervision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None | Self::Active => Ok(()),
            Self::Stopped => f.write_str(", supervisor stopped"),
            Self::Lost => f.write_str(", not supervised"),
        }
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => f.write_str("not running"),
            Self::Terminated { pid } => write!(f, "stopped, pid {pid}"),
            Self::Killed { pid } => write!(f, "killed, pid {pid}: it did not end in time"),
        }
    }
}

#[cfg(unix)]
struct Local(libc::tm);

#[cfg(unix)]
impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(time) = self;
        let (year, month) = (time.tm_year + 1900, time.tm_mon + 1);
        write!(f, "{year}-{month:02}-{:02} ", time.tm_mday)?;
        write!(
            f,
            "{:02}:{:02}:{:02}",
            time.tm_hour, time.tm_min, time.tm_sec
        )
    }
}
