//! The chosen readiness, as something that can be polled.

use std::os::fd::{BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::daemon::Readiness;
use crate::error::UNREADABLE_DESCRIPTORS;
use crate::readiness::listening::{Listening, socket_inodes};
use crate::readiness::notify::{Notification, NotifySocket};
use crate::readiness::settled::Settled;
use crate::sys;

/// After every message the socket is left alone for so long: however fast somebody writes, and
/// whoever it is, the launcher uses next to no processor.
const RECEIVE_INTERVAL: Duration = Duration::from_millis(2);

/// How long a client of another make is given to send a barrier after its `READY=1`, as
/// `systemd-notify(1)` does: it would fail if nobody were there.
const BARRIER_TIMEOUT: Duration = Duration::from_millis(50);

/// The daemon has executed at the first poll, as a rule.
const EXEC_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// How often the socket is emptied after the daemon's end: enough for the longest queue there is.
const MAX_FINAL_READS: usize = 10;

#[derive(Debug)]
pub(super) enum Probe {
    /// Nothing is waited for but the exec itself.
    Exec,
    Settled(Settled),
    Listening(Box<Listening>),
    Notify {
        socket: NotifySocket,
        rest_until: Option<Instant>,
        /// It is ready, and may be sending a barrier.
        ready_from: Option<Instant>,
    },
}

/// What a look has shown.
#[derive(Debug, Default)]
pub(super) struct Observation {
    pub(super) is_ready: bool,
    /// No client waits for an answer any more.
    is_barrier_past: bool,
    /// What the daemon says it is doing.
    pub(super) status: Option<String>,
    /// What the user should know.
    pub(super) warning: Option<&'static str>,
    /// Why it is about to fail.
    pub(super) errno: Option<Errno>,
    /// The daemon asks for this much time, from now on.
    pub(super) extension: Option<Duration>,
}

impl Probe {
    /// Begins to watch the daemon, which was handed over these descriptors and may have the address
    /// of this socket.
    pub(super) fn new(
        readiness: Readiness,
        daemon: Pid,
        handed_over: impl Iterator<Item = RawFd>,
        socket: Option<NotifySocket>,
    ) -> Self {
        match (readiness, socket) {
            (Readiness::Notify, Some(socket)) => {
                // Now is the time: the daemon has to begin before it can say anything.
                socket.remove_stale_sockets();
                Self::Notify {
                    socket,
                    rest_until: None,
                    ready_from: None,
                }
            }
            (Readiness::Listening, _) => {
                let inherited = socket_inodes(handed_over);
                Self::Listening(Box::new(Listening::watch(daemon, inherited)))
            }
            (Readiness::Exec, _) => Self::Exec,
            (Readiness::Settled | Readiness::Notify, _) => Self::Settled(Settled::watch(daemon)),
        }
    }

    pub(super) fn poll(&mut self, daemon: Pid, now: Instant) -> Observation {
        let mut observation = Observation::default();
        match self {
            // It may have died on the way there.
            Self::Exec => observation.is_ready = sys::process::has_executed(daemon),
            Self::Settled(settled) => observation.is_ready = settled.is_quiet(now),
            Self::Listening(listening) => {
                if let Ok(is_listening) = listening.is_listening() {
                    observation.is_ready = is_listening;
                } else {
                    observation.warning = Some(UNREADABLE_DESCRIPTORS);
                    *self = Self::Settled(Settled::watch(daemon));
                }
            }
            Self::Notify {
                socket,
                rest_until,
                ready_from,
            } => {
                if rest_until.is_none_or(|end| end <= now) {
                    let heard = socket.receive(daemon);
                    *rest_until = heard.as_ref().map(|_| now + RECEIVE_INTERVAL);
                    observation.apply(heard.into_iter().flatten());
                }
                if observation.is_ready && ready_from.is_none() {
                    *ready_from = Some(now + BARRIER_TIMEOUT);
                    observation.extension = observation.extension.max(Some(BARRIER_TIMEOUT));
                }
                observation.is_ready =
                    ready_from.is_some_and(|from| observation.is_barrier_past || from <= now);
            }
        }
        observation
    }

    /// What the daemon said that has ended meanwhile, and nobody has heard yet.
    pub(super) fn drain_after_exit(&self, daemon: Pid) -> Observation {
        let mut observation = Observation::default();
        if let Self::Notify {
            socket, ready_from, ..
        } = self
        {
            let heard = (0..MAX_FINAL_READS).map_while(|_| socket.receive(daemon));
            observation.apply(heard.flatten());
            observation.is_ready |= ready_from.is_some();
        }
        observation
    }

    /// What is readable when there may be news.
    pub(super) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let socket = match self {
            Self::Notify {
                socket,
                rest_until: None,
                ..
            } => Some(socket),
            _ => None,
        };
        socket.into_iter().flat_map(NotifySocket::sources)
    }

    /// When to look without being told.
    pub(super) fn next_poll(&self, now: Instant) -> Option<Instant> {
        match self {
            Self::Exec => Some(now + EXEC_POLL_INTERVAL),
            Self::Settled(_) => Some(now + Settled::STEP),
            Self::Listening(_) => Some(now + Listening::STEP),
            Self::Notify {
                rest_until,
                ready_from,
                ..
            } => [*rest_until, *ready_from].into_iter().flatten().min(),
        }
    }

    /// Whether a daemon that is still alive at the end of the time counts as up.
    pub(super) fn ready_at_timeout(&self) -> bool {
        matches!(self, Self::Settled(_))
    }
}

impl Observation {
    fn apply(&mut self, notifications: impl Iterator<Item = Notification>) {
        for notification in notifications {
            match notification {
                Notification::Ready => {
                    self.is_ready = true;
                    self.is_barrier_past = false;
                }
                Notification::Barrier | Notification::NoBarrier => self.is_barrier_past = true,
                Notification::Status(text) => self.status = Some(text),
                Notification::Errno(number) => self.errno = Some(Errno::from_raw(number)),
                // Of several, the one that gives the most time.
                Notification::ExtendTimeout(time) => {
                    self.extension = self.extension.max(Some(time));
                }
                Notification::Stopping => {}
            }
        }
    }
}
