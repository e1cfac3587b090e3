//! `ready = "notify"`: the daemon announces that it is ready.

use std::ffi::OsString;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::unistd::Pid;

use super::protocol::Notification;
use crate::readiness::platform::receiver::NotifySocket;
use crate::readiness::probe::{Announcements, Observation, Probe, ProbeState};

/// The pause after each message, so that no sender can keep the launcher busy.
const RECEIVE_INTERVAL: Duration = Duration::from_millis(2);

/// How long the launcher stays after a `READY=1` for the barrier that `systemd-notify(1)` sends
/// then: that command fails when there is no receiver.
const BARRIER_TIMEOUT: Duration = Duration::from_millis(50);

/// How often the socket is read after the daemon's end: enough for the longest queue there is.
const FINAL_READS_MAX: usize = 10;

/// Makes the socket.
pub(in crate::readiness) fn bind(
    is_root_changed: bool,
    daemon: Option<(u32, u32)>,
) -> io::Result<Box<dyn Announcements>> {
    Ok(Box::new(NotifySocket::bind(is_root_changed, daemon)?))
}

impl Announcements for NotifySocket {
    fn address(&self) -> Option<OsString> {
        self.address()
    }

    fn watch(self: Box<Self>, daemon: Pid) -> Box<dyn Probe> {
        // The daemon cannot announce anything yet, so this costs no time.
        self.remove_stale_sockets();
        Box::new(Notify {
            socket: *self,
            daemon,
            pause_until: None,
            ready_at: None,
        })
    }
}

#[derive(Debug)]
struct Notify {
    socket: NotifySocket,
    daemon: Pid,
    pause_until: Option<Instant>,
    /// When the wait for a barrier ends, if the daemon is ready.
    ready_at: Option<Instant>,
}

impl Notify {
    fn state(&self, now: Instant) -> ProbeState {
        match self.ready_at {
            None => ProbeState::Pending,
            Some(at) if now < at => ProbeState::ReadyAt(at),
            Some(_) => ProbeState::Ready,
        }
    }

    fn apply(&mut self, notifications: Vec<Notification>, now: Instant) -> Observation {
        let mut observation = Observation::default();
        for notification in notifications {
            match notification {
                Notification::Ready => {
                    self.ready_at.get_or_insert(now + BARRIER_TIMEOUT);
                }
                Notification::Barrier => {
                    self.ready_at = self.ready_at.map(|_| now);
                }
                Notification::Status(text) => observation.status = Some(text),
                Notification::Errno(errno) => observation.errno = Some(Errno::from_raw(errno)),
                // Of several, the one that gives the most time.
                Notification::ExtendTimeout(time) => {
                    observation.extension = observation.extension.max(Some(time));
                }
                Notification::Stopping => {}
            }
        }
        observation.state = self.state(now);
        observation
    }
}

impl Probe for Notify {
    fn poll(&mut self, now: Instant, _deadline: Instant) -> Observation {
        if self.pause_until.is_some_and(|end| now < end) {
            return self.state(now).into();
        }
        let heard = self.socket.receive(self.daemon);
        self.pause_until = heard.as_ref().map(|_| now + RECEIVE_INTERVAL);
        self.apply(heard.unwrap_or_default(), now)
    }

    fn announce(&mut self, now: Instant) {
        // No barrier follows: that is how other clients wait.
        self.ready_at = Some(now);
    }

    fn next_poll(&self, _now: Instant) -> Option<Instant> {
        [self.pause_until, self.ready_at]
            .into_iter()
            .flatten()
            .min()
    }

    fn check_at_timeout(&mut self, _now: Instant) -> Result<(), Option<String>> {
        let failure = self.socket.failure();
        let failure =
            failure.map(|reason| format!(", and no NOTIFY_SOCKET could be made: {reason}"));
        Err(Some(format!(
            "it never called daemon::ready(){}",
            failure.unwrap_or_default()
        )))
    }

    fn sources(&self) -> Vec<BorrowedFd<'_>> {
        match self.pause_until {
            None => self.socket.sources().collect(),
            Some(_) => Vec::new(),
        }
    }

    fn drain_after_exit(&mut self) -> Observation {
        let mut heard = Vec::new();
        for _ in 0..FINAL_READS_MAX {
            let Some(notifications) = self.socket.receive(self.daemon) else {
                break;
            };
            heard.extend(notifications);
        }
        self.apply(heard, Instant::now())
    }
}
