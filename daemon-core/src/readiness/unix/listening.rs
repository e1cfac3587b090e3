//! `ready = "listening"` and the addresses where the sockets of another process cannot be seen.

use std::os::fd::RawFd;
use std::time::Instant;

use nix::unistd::Pid;

use crate::readiness::Address;

/// The sockets of the daemon may not be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// Sees nothing.
#[derive(Debug)]
pub(crate) struct Listening;

#[expect(clippy::unused_self, reason = "Linux has something to look at")]
impl Listening {
    pub(crate) fn watch(_daemon: Pid, _inherited: &[RawFd], _wanted: Vec<Address>) -> Self {
        Self
    }

    pub(crate) fn is_ready(&mut self, _now: Instant, _end: Instant) -> Result<bool, Unreadable> {
        Err(Unreadable)
    }

    pub(crate) fn next_look(&self, now: Instant) -> Instant {
        now
    }

    pub(crate) fn addresses(&self) -> Option<String> {
        None
    }

    pub(crate) fn check_at_timeout(&mut self, _now: Instant) -> Result<(), String> {
        Err("its sockets cannot be seen".to_owned())
    }
}
