//! When the launcher may believe that the daemon is up: the modes, and what each one observes.
//!
//! A probe only observes. How long to wait, and what follows from an observation, is decided in
//! `launcher::wait` by the table below.

#[cfg(unix)]
mod exec;
#[cfg(unix)]
pub(crate) mod notify;
#[cfg(unix)]
mod observed;
#[cfg(all(target_os = "linux", not(daemon_fork)))]
#[path = "linux/mod.rs"]
mod platform;
#[cfg(all(unix, not(all(target_os = "linux", not(daemon_fork)))))]
#[path = "unix/mod.rs"]
mod platform;
#[cfg(unix)]
mod probe;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::{Error, ErrorKind};

#[cfg(unix)]
pub(crate) use platform::{listening, settled};
#[cfg(unix)]
pub(crate) use probe::{Announcements, Observation, Probe, State, Target, Watch, fall_back};

/// When the launcher may exit with 0. The default is [`settled`](Self::settled).
///
/// It is displayed and parsed by the name that the attribute uses.
///
/// ```
/// # use daemon_core as daemon;
/// use daemon::{Daemon, Readiness};
///
/// let daemon = Daemon::new().ready(Readiness::notify());
/// assert_eq!("notify".parse::<Readiness>()?, Readiness::notify());
/// assert_eq!(Readiness::default().to_string(), "settled");
/// # Ok::<(), daemon::Error>(())
/// ```
#[derive(Clone)]
pub struct Readiness(&'static Mode);

impl Readiness {
    /// The daemon has executed the program and taken the configured steps, such as the change of
    /// user.
    ///
    /// ```
    /// # use daemon_core as daemon;
    /// use daemon::{Daemon, Readiness};
    ///
    /// let daemon = Daemon::new().ready(Readiness::exec());
    /// ```
    #[must_use]
    pub fn exec() -> Self {
        Self(&EXEC)
    }

    /// Every thread of the daemon and of its descendants waits for the outside: for a client, a
    /// message or a signal. A daemon that is alive at the timeout, 3 seconds by default, is ready
    /// too, unless it is stopped or hangs in a device.
    ///
    /// This is a heuristic. The launcher waits for a start that works, sleeps, connects, or waits for
    /// a lock, an answer or a child. It misses a failure after the daemon has begun to listen, and
    /// after the timeout; [`notify`](Self::notify) does not. A program that wakes up at intervals
    /// and listens on no socket is ready after 1 to 3 seconds.
    ///
    /// ```
    /// # use daemon_core as daemon;
    /// use daemon::{Daemon, Readiness};
    ///
    /// let daemon = Daemon::new().ready(Readiness::settled());
    /// ```
    #[must_use]
    pub fn settled() -> Self {
        Self(&SETTLED)
    }

    /// A socket that the daemon made listens: TCP or Unix, or UDP that is bound to a port outside
    /// the ephemeral range and not connected.
    ///
    /// If `/proc/PID/fd` of the daemon is not readable, the launcher warns once and falls back to
    /// [`settled`](Self::settled).
    ///
    /// ```
    /// # use daemon_core as daemon;
    /// use daemon::{Daemon, Readiness};
    ///
    /// let daemon = Daemon::new().ready(Readiness::listening());
    /// ```
    #[must_use]
    pub fn listening() -> Self {
        Self(&LISTENING)
    }

    /// The daemon has called [`ready`](crate::ready), or sent `READY=1` by another client of
    /// `sd_notify(3)`.
    ///
    /// Without a log the daemon's output is kept in memory until [`ready`](crate::ready) redirects
    /// it to `/dev/null`. Another client cannot do that: a program that uses one and writes much
    /// needs a log.
    ///
    /// ```
    /// # use daemon_core as daemon;
    /// use daemon::{Daemon, Readiness};
    ///
    /// let daemon = Daemon::new().ready(Readiness::notify());
    /// ```
    #[must_use]
    pub fn notify() -> Self {
        Self(&NOTIFY)
    }

    #[cfg(unix)]
    pub(crate) fn mode(&self) -> &'static Mode {
        self.0
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::settled()
    }
}

impl PartialEq for Readiness {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Readiness {}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Readiness({})", self.0.name)
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl FromStr for Readiness {
    type Err = Error;

    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration): no mode has this name.
    fn from_str(name: &str) -> Result<Self, Error> {
        let mut modes = [&EXEC, &SETTLED, &LISTENING, &NOTIFY].into_iter();
        modes
            .find(|mode| mode.name == name)
            .map(Self)
            .ok_or_else(|| {
                let what = format!("unknown value `{name}` for `ready`");
                let expected = "expected `exec`, `settled`, `listening` or `notify`";
                Error::words(ErrorKind::Configuration, what, expected)
            })
    }
}

/// One readiness mode: the policy of the launcher, and how to watch the daemon.
#[derive(Debug)]
pub(crate) struct Mode {
    name: &'static str,
    /// The longest wait, unless `ready_timeout` is set.
    pub(crate) default_timeout: Duration,
    /// A daemon that ends with status 0 before it is ready was a short job that succeeded.
    pub(crate) may_finish_first: bool,
    /// Without a log, the output is kept in memory until the daemon is ready.
    pub(crate) buffers_output: bool,
    #[cfg(unix)]
    pub(crate) watch: Watch,
}

static EXEC: Mode = Mode {
    name: "exec",
    default_timeout: Duration::from_secs(30),
    may_finish_first: true,
    buffers_output: false,
    #[cfg(unix)]
    watch: Watch::Observed(exec::watch),
};

static SETTLED: Mode = Mode {
    name: "settled",
    default_timeout: Duration::from_secs(3),
    may_finish_first: true,
    buffers_output: false,
    #[cfg(unix)]
    watch: Watch::Observed(observed::watch_settled),
};

static LISTENING: Mode = Mode {
    name: "listening",
    default_timeout: Duration::from_secs(30),
    may_finish_first: false,
    buffers_output: false,
    #[cfg(unix)]
    watch: Watch::Observed(observed::watch_listening),
};

static NOTIFY: Mode = Mode {
    name: "notify",
    default_timeout: Duration::from_secs(30),
    may_finish_first: false,
    buffers_output: true,
    #[cfg(unix)]
    watch: Watch::Announced(notify::bind),
};
