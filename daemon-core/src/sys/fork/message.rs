//! The messages from the children to the launcher.

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use crate::sys::child::Failed;
use crate::sys::socket::{NO_SIGNAL, send};

/// What the children tell the launcher.
#[derive(Clone, Copy)]
pub(super) struct Message {
    pub(super) word: i32,
    /// A pid, a wait status or an errno, as the word says.
    pub(super) value: i32,
}

/// The daemon's side has begun, with this pid.
pub(super) const CREATED: i32 = -1;
/// The daemon, with this pid, has executed the program, or was killed before.
pub(super) const EXECUTED: i32 = -2;
/// The daemon has ended, with this status of `waitpid(2)`.
pub(super) const ENDED: i32 = -3;
/// The intermediate process does not see the launcher, and so has another pid in its own eyes.
pub(super) const PID_MISMATCH: i32 = -4;

impl Message {
    /// Every other word is the index of a step, which failed with this errno.
    pub(super) fn failed(failed: Failed) -> Self {
        Self {
            word: i32::try_from(failed.step).unwrap_or(i32::MAX),
            value: failed.errno as i32,
        }
    }

    /// A launcher that was killed is not missed.
    pub(super) fn send(self, socket: &UnixStream) {
        let mut bytes = [0; 8];
        let (word, value) = bytes.split_at_mut(4);
        word.copy_from_slice(&self.word.to_ne_bytes());
        value.copy_from_slice(&self.value.to_ne_bytes());
        let _ = send(socket.as_fd(), &bytes, NO_SIGNAL);
    }

    /// The next one; nothing at the end.
    pub(super) fn receive(mut socket: &UnixStream) -> Option<Self> {
        let mut bytes = [0; 8];
        socket.read_exact(&mut bytes).ok()?;
        Some(Self::from_bytes(bytes))
    }

    pub(super) fn from_bytes([a, b, c, d, value @ ..]: [u8; 8]) -> Self {
        Self {
            word: i32::from_ne_bytes([a, b, c, d]),
            value: i32::from_ne_bytes(value),
        }
    }
}
