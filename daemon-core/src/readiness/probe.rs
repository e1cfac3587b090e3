//! What the launch and the wait know of a readiness mode: how to watch a daemon, and what was seen.

use std::ffi::OsString;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::unistd::Pid;

use super::address::Address;

/// How to watch the daemon.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Watch {
    /// The launcher sees the condition itself.
    Observed(Observe),
    /// The daemon announces it: by the hand-off, or at a socket that is made before the daemon is
    /// started.
    Announced(Bind),
}

/// Begins to watch this daemon.
pub(crate) type Observe = fn(&Target<'_>) -> Box<dyn Probe>;

/// Makes the socket. The arguments are whether the daemon gets another root directory, and its user.
type Bind = fn(bool, Option<(u32, u32)>) -> io::Result<Box<dyn Announcements>>;

impl Watch {
    /// Makes the socket, if the daemon announces the condition at one.
    pub(crate) fn prepare(
        self,
        has_new_root: bool,
        owner: Option<(u32, u32)>,
    ) -> io::Result<PreparedWatch> {
        Ok(match self {
            Self::Observed(observe) => PreparedWatch::Observed(observe),
            Self::Announced(bind) => PreparedWatch::Announced(bind(has_new_root, owner)?),
        })
    }
}

/// How to watch a daemon that does not exist yet.
pub(crate) enum PreparedWatch {
    Observed(Observe),
    Announced(Box<dyn Announcements>),
}

impl PreparedWatch {
    pub(crate) fn is_announced(&self) -> bool {
        matches!(self, Self::Announced(_))
    }

    /// The value of `NOTIFY_SOCKET` for the daemon.
    pub(crate) fn address(&self) -> Option<OsString> {
        match self {
            Self::Observed(_) => None,
            Self::Announced(announcements) => announcements.address(),
        }
    }

    pub(crate) fn begin(self, target: &Target<'_>) -> Box<dyn Probe> {
        match self {
            Self::Observed(observe) => observe(target),
            Self::Announced(announcements) => announcements.watch(target.daemon),
        }
    }
}

/// The daemon that is watched.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) daemon: Pid,
    /// The descriptors that the daemon was given.
    pub(crate) inherited: &'a [RawFd],
    /// The addresses that it has to serve.
    pub(crate) addresses: &'a [Address],
}

/// A socket for announcements of a daemon that does not exist yet.
pub(crate) trait Announcements {
    /// The value of `NOTIFY_SOCKET` for the daemon. None where the daemon could not reach it.
    fn address(&self) -> Option<OsString>;
    /// Begins to receive, from this daemon alone.
    fn watch(self: Box<Self>, daemon: Pid) -> Box<dyn Probe>;
}

/// Watches one daemon for the condition of one mode. Nothing here blocks.
pub(crate) trait Probe {
    /// Looks once. At `deadline` the launcher stops waiting, as far as it is known now.
    fn poll(&mut self, now: Instant, deadline: Instant) -> Observation;

    /// When to poll again although no source is readable.
    fn next_poll(&self, now: Instant) -> Option<Instant>;

    /// Whether a daemon that is alive when the time is up counts as ready.
    ///
    /// # Errors
    ///
    /// What the launcher has waited for in vain, as far as it is known.
    fn check_at_timeout(&mut self, _now: Instant) -> Result<(), Option<String>> {
        Err(None)
    }

    /// What becomes readable when there is news.
    fn sources(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }

    /// The daemon has called [`ready`](crate::ready).
    fn announce(&mut self, _now: Instant) {}

    /// What the daemon said before it ended, as far as it was not heard yet.
    fn drain_after_exit(&mut self) -> Observation {
        Observation::default()
    }
}

/// What a probe has seen.
#[derive(Debug, Default)]
pub(crate) struct Observation {
    pub(crate) state: ProbeState,
    /// What the daemon says that it is doing.
    pub(crate) status: Option<String>,
    /// Where the daemon serves, if it is ready because it does.
    pub(crate) addresses: Option<String>,
    /// The error that the daemon announces as the reason of its end.
    pub(crate) errno: Option<Errno>,
    /// The time that the daemon asks for, from now on.
    pub(crate) extension: Option<Duration>,
}

/// How far the daemon is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ProbeState {
    #[default]
    Pending,
    /// It is ready, and the launcher stays until then to answer a barrier.
    ReadyAt(Instant),
    Ready,
    /// The condition cannot be seen from here: this warning, and then the fall back of the mode.
    Hidden(&'static str),
}

impl Observation {
    /// Whether the daemon has been ready.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.state, ProbeState::Ready | ProbeState::ReadyAt(_))
    }
}

impl From<ProbeState> for Observation {
    fn from(state: ProbeState) -> Self {
        Self {
            state,
            ..Self::default()
        }
    }
}
