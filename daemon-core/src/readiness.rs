//! When the launcher may believe that the daemon is up: the modes, and what each one observes.
//!
//! A probe only observes. How long to wait, and what follows from an observation, is decided in
//! `launcher::wait` by the table in `mode`.

mod address;
#[cfg(unix)]
mod exec;
#[cfg(all(target_os = "linux", not(daemon_fork)))]
mod linux;
mod mode;
mod name;
#[cfg(unix)]
pub(crate) mod notify;
#[cfg(unix)]
mod observed;
#[cfg(unix)]
mod probe;
#[cfg(all(unix, not(all(target_os = "linux", not(daemon_fork)))))]
mod unix;
#[cfg(unix)]
mod words;

use std::fmt;

#[cfg(unix)]
use std::ffi::OsString;
#[cfg(unix)]
use std::os::fd::RawFd;

#[cfg(unix)]
use nix::unistd::Pid;

#[cfg(unix)]
use crate::error::Error;
#[cfg(unix)]
use crate::listen_address::Place;
use crate::path_source::PathSource;
#[cfg(unix)]
use crate::path_template::PathContext;
use crate::unix_address::UnixAddress;
use address::Address;
pub(crate) use mode::Mode;
use mode::{ADDRESSES, EXEC, LISTENING, NOTIFY, SETTLED};
pub(crate) use name::mode_names;

#[cfg(all(target_os = "linux", not(daemon_fork)))]
use linux as platform;
#[cfg(unix)]
pub(crate) use platform::{listening, settled};
#[cfg(unix)]
pub(crate) use probe::{Observation, Observe, PreparedWatch, Probe, ProbeState};
#[cfg(all(unix, not(all(target_os = "linux", not(daemon_fork)))))]
use unix as platform;
#[cfg(unix)]
pub(crate) use words::{ModeByName, any_mode};

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
pub struct Readiness {
    mode: &'static Mode,
    addresses: Vec<Address>,
    /// What is wrong with it.
    problem: Option<String>,
}

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
    pub const fn exec() -> Self {
        Self::of(&EXEC)
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
    pub const fn settled() -> Self {
        Self::of(&SETTLED)
    }

    /// A socket that the daemon or a descendant made listens: TCP, Unix or another kind that takes
    /// connections. UDP does not count, because name look-ups bind random ports:
    /// [`udp`](Self::udp) names one. If sockets were handed over and no other listens, the condition
    /// is that of [`settled`](Self::settled).
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
    pub const fn listening() -> Self {
        Self::of(&LISTENING)
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
    pub const fn notify() -> Self {
        Self::of(&NOTIFY)
    }

    /// The daemon or a descendant listens on this TCP port, 1 to 65535, of any local address, IPv4
    /// or IPv6. A socket that was handed over does not count.
    ///
    /// Where the sockets cannot be seen, the launcher warns once and falls back to
    /// [`settled`](Self::settled).
    ///
    /// ```
    /// # use daemon_core as daemon;
    /// use daemon::{Daemon, Readiness};
    ///
    /// let daemon = Daemon::new().ready(Readiness::tcp(8080));
    /// ```
    #[must_use]
    pub fn tcp(port: u16) -> Self {
        Self::at(vec![Address::Tcp(port)])
    }

    /// A UDP socket of the daemon or of a descendant is bound to this port, 1 to 65535, and has no
    /// peer. Otherwise as [`tcp`](Self::tcp).
    ///
    /// ```
    /// # use daemon_core as daemon;
    /// use daemon::{Daemon, Readiness};
    ///
    /// let daemon = Daemon::new().ready(Readiness::udp(53));
    /// ```
    #[must_use]
    pub fn udp(port: u16) -> Self {
        Self::at(vec![Address::Udp(port)])
    }

    /// The daemon or a descendant listens on the Unix socket with this path, or with the abstract
    /// address `@NAME`. A relative path belongs to the launcher's start directory. Otherwise as
    /// [`tcp`](Self::tcp).
    ///
    /// ```
    /// # use daemon_core as daemon;
    /// use daemon::{Daemon, Readiness};
    ///
    /// let daemon = Daemon::new().ready(Readiness::unix("/run/hello.sock"));
    /// ```
    #[must_use]
    pub fn unix(path: impl Into<PathSource>) -> Self {
        Self::at(vec![Address::Unix(UnixAddress::new(path.into()))])
    }

    /// All of these addresses are served.
    ///
    /// A list that is empty, names an address twice, or holds anything but addresses is an error of
    /// the kind [`Configuration`](crate::ErrorKind::Configuration) of the start and of the control verbs.
    ///
    /// ```
    /// # use daemon_core as daemon;
    /// use daemon::{Daemon, Readiness};
    ///
    /// let ports = [Readiness::tcp(1883), Readiness::tcp(1884)];
    /// let daemon = Daemon::new().ready(Readiness::all(ports));
    /// ```
    #[must_use]
    pub fn all(addresses: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Vec::new();
        let mut other = None;
        for readiness in addresses {
            if readiness.addresses.is_empty() && readiness.problem.is_none() {
                let mode = readiness.mode.name;
                other = Some(format!("`{mode}` cannot stand beside addresses"));
            }
            all.extend(readiness.addresses);
        }
        let mut all = Self::at(all);
        all.problem = other.or(all.problem);
        all
    }

    const fn of(mode: &'static Mode) -> Self {
        Self {
            mode,
            addresses: Vec::new(),
            problem: None,
        }
    }

    fn at(addresses: Vec<Address>) -> Self {
        Self {
            mode: &ADDRESSES,
            problem: address::problem(&addresses),
            addresses,
        }
    }

    #[cfg(unix)]
    pub(crate) fn mode(&self) -> &'static Mode {
        self.mode
    }

    /// For a supervisor, which reports it.
    #[cfg(unix)]
    pub(crate) fn reported() -> (Self, Observe) {
        (Self::of(&words::REPORTED), words::watch)
    }

    /// For the record of a supervisor, which reads it by [`from_names`](Self::from_names).
    #[cfg(unix)]
    pub(crate) fn to_names(&self) -> Vec<OsString> {
        words::of(self.mode, &self.addresses)
    }

    #[cfg(unix)]
    pub(crate) fn from_names(
        words: &[OsString],
        named: &'static Mode,
        by_name: Option<ModeByName>,
    ) -> Option<Self> {
        let (mode, addresses) = words::read_words(words, named, by_name)?;
        Some(Self {
            mode,
            addresses,
            problem: None,
        })
    }

    /// Whether one of these sockets, which the launcher binds, would count.
    #[cfg(unix)]
    pub(crate) fn is_met_by_any(&self, sockets: &mut dyn Iterator<Item = &Place>) -> bool {
        let mut met = sockets.filter(|socket| self.is_met_by(socket));
        met.next().is_some()
    }

    #[cfg(unix)]
    fn is_met_by(&self, socket: &Place) -> bool {
        if self.mode.name == LISTENING.name {
            return true;
        }
        self.addresses
            .iter()
            .any(|address| match (address, socket) {
                (Address::Tcp(port), Place::Tcp(bound)) => *port == bound.port(),
                (Address::Unix(address), Place::Unix(bound)) => address == bound,
                _ => false,
            })
    }

    /// Begins to watch a daemon that was given these descriptors.
    #[cfg(unix)]
    pub(crate) fn begin(
        &self,
        watch: PreparedWatch,
        daemon: Pid,
        inherited: &[RawFd],
    ) -> Box<dyn Probe> {
        watch.begin(&probe::Target {
            daemon,
            inherited,
            addresses: &self.addresses,
        })
    }

    /// What is wrong with it, for the builder.
    pub(crate) fn problem(&self) -> Option<String> {
        self.problem.clone()
    }

    /// Fills in the placeholders of its addresses.
    ///
    /// # Errors
    ///
    /// The errors of every path.
    #[cfg(unix)]
    pub(crate) fn resolve(mut self, context: &PathContext) -> Result<Self, Error> {
        if let Some(resolve) = self.mode.resolve {
            self.addresses = resolve(std::mem::take(&mut self.addresses), context)?;
        }
        Ok(self)
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::settled()
    }
}

impl PartialEq for Readiness {
    fn eq(&self, other: &Self) -> bool {
        self.mode.name == other.mode.name
            && self.addresses == other.addresses
            && self.problem == other.problem
    }
}

impl Eq for Readiness {}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Readiness({self})")
    }
}
