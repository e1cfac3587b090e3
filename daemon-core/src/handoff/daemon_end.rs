//! The daemon's end of the hand-off.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::message::{ANNOUNCEMENT, NOTICE, NOTICE_MAX, message};
use super::outcome::Outcome;
use crate::files::FileId;
use crate::sys;
use crate::sys::socket::{NO_SIGNAL, receive, send};

/// How often a daemon tries again whose launcher has not read yet.
const RETRY_INTERVAL: Duration = Duration::from_millis(1);

/// The daemon's end. It stays open, and is closed by an exec.
#[derive(Debug)]
pub(crate) struct DaemonEnd {
    socket: OwnedFd,
    /// A program that closes all its descriptors may have another file under this fd.
    pub(super) id: Option<FileId>,
}

impl DaemonEnd {
    pub(crate) fn new(socket: OwnedFd) -> Self {
        let id = sys::descriptors::file_id(socket.as_raw_fd());
        Self { socket, id }
    }

    /// Answers. A launcher that was killed is not missed.
    pub(crate) fn answer(&self, outcome: Outcome) {
        let _ = self.send(&outcome.encode());
    }

    /// Sends a message, or as much of it as there is room for, and returns how much that is.
    ///
    /// # Errors
    ///
    /// `EAGAIN`: there is no room. Another error: the launcher has gone.
    pub(crate) fn send(&self, message: &[u8]) -> Result<usize, Errno> {
        let flags = NO_SIGNAL | libc::MSG_DONTWAIT;
        match send(self.socket.as_fd(), message, flags) {
            Err(Errno::ENOBUFS | Errno::EINTR) => Err(Errno::EAGAIN),
            other => other,
        }
    }

    /// Whether the launcher has closed its end. It says nothing after the record.
    pub(crate) fn is_lost(&self) -> bool {
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        let received = receive(self.socket.as_fd(), &mut [0], flags);
        !matches!(received, Err(Errno::EAGAIN | Errno::EINTR))
    }

    fn is_there(&self) -> bool {
        let there = sys::descriptors::file_id(self.socket.as_raw_fd());
        there.is_some() && there == self.id
    }

    /// Its descriptor, while it leads to a launcher.
    pub(crate) fn descriptor(&self) -> Option<RawFd> {
        (self.is_there() && !self.is_lost()).then(|| self.socket.as_raw_fd())
    }

    /// Tells the launcher something, and waits for a full queue for this long at most.
    ///
    /// # Errors
    ///
    /// `EBADF`: the program has closed the descriptor. `EAGAIN`: the queue was full all the time.
    /// Another error: the launcher has gone.
    pub(crate) fn notify(&self, assignments: &[u8], timeout: Duration) -> Result<(), Errno> {
        let text = assignments.get(..NOTICE_MAX).unwrap_or(assignments);
        self.tell(NOTICE, text, timeout)
    }

    /// Gives the launcher bytes for its standard output. Otherwise as [`notify`](Self::notify).
    pub(crate) fn announce(&self, bytes: &[u8], timeout: Duration) -> Result<(), Errno> {
        let mut parts = bytes.chunks(NOTICE_MAX);
        parts.try_for_each(|part| self.tell(ANNOUNCEMENT, part, timeout))
    }

    fn tell(&self, kind: u8, text: &[u8], timeout: Duration) -> Result<(), Errno> {
        if !self.is_there() {
            return Err(Errno::EBADF);
        }
        let message = message(kind, text);
        let mut rest = &message[..];
        let deadline = Instant::now() + timeout;
        while !rest.is_empty() {
            let flags = NO_SIGNAL | libc::MSG_DONTWAIT;
            match send(self.socket.as_fd(), rest, flags) {
                Ok(length) => rest = rest.get(length..).unwrap_or_default(),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN | Errno::ENOBUFS) if Instant::now() < deadline => {
                    thread::sleep(RETRY_INTERVAL);
                }
                // Half a message makes the next one unreadable.
                Err(_) if rest.len() < message.len() => return Err(Errno::EPIPE),
                Err(Errno::ENOBUFS) => return Err(Errno::EAGAIN),
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }
}

impl AsFd for DaemonEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
