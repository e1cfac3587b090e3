//! The chosen readiness, as something that can be looked at.

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use crate::daemon::Readiness;
use crate::error::Error;
use crate::readiness::notify::{Notification, NotifySocket};
use crate::readiness::settled::Settled;

#[derive(Debug)]
pub(super) enum Probe {
    /// Nothing is waited for.
    Exec,
    /// Not before there is a daemon to watch.
    Settled(Option<Settled>),
    Notify(NotifySocket),
}

/// What a look has shown.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) is_ready: bool,
    /// What the daemon says it is doing.
    pub(super) status: Option<String>,
    /// The daemon asks for this much time, from now on.
    pub(super) extension: Option<Duration>,
}

impl Probe {
    pub(super) fn new(readiness: Readiness) -> Result<Self, Error> {
        match readiness {
            Readiness::Exec => Ok(Self::Exec),
            Readiness::Settled | Readiness::Listening => Ok(Self::Settled(None)),
            Readiness::Notify => NotifySocket::bind()
                .map(Self::Notify)
                .map_err(|error| Error::step("make the notification socket", error)),
        }
    }

    /// Where the daemon may say that it is ready.
    pub(super) fn address(&self) -> Option<OsString> {
        match self {
            Self::Notify(socket) => Some(socket.address()),
            _ => None,
        }
    }

    /// Begins to watch this process.
    pub(super) fn watch(&mut self, daemon: Pid) {
        if let Self::Settled(settled) = self {
            *settled = Some(Settled::watch(daemon));
        }
    }

    pub(super) fn look(&mut self, daemon: Pid, now: Instant) -> Looked {
        let mut looked = Looked::default();
        match self {
            Self::Exec => looked.is_ready = true,
            Self::Settled(settled) => {
                looked.is_ready = settled
                    .as_mut()
                    .is_some_and(|settled| settled.is_quiet(now));
            }
            Self::Notify(socket) => {
                for notification in socket.receive(daemon) {
                    match notification {
                        Notification::Ready => looked.is_ready = true,
                        Notification::Status(text) => looked.status = Some(text),
                        Notification::ExtendTimeout(time) => looked.extension = Some(time),
                        Notification::Errno(_) | Notification::Stopping => {}
                    }
                }
            }
        }
        looked
    }

    /// What is readable when there may be news.
    pub(super) fn source(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Notify(socket) => Some(socket.as_fd()),
            _ => None,
        }
    }

    /// When to look without being told.
    pub(super) fn next_look(&self, now: Instant) -> Option<Instant> {
        matches!(self, Self::Settled(_)).then(|| now + Settled::STEP)
    }

    /// Whether a daemon that is still alive at the end of the time counts as up.
    pub(super) fn is_satisfied_by_time(&self) -> bool {
        matches!(self, Self::Settled(_))
    }
}
