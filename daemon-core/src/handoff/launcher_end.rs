//! The launcher's end of the hand-off.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;

use super::message::{MESSAGE_MAX, Reply};
use super::record::{RECORD_MAX, Record};
use crate::sys;
use crate::sys::socket::{NO_SIGNAL, receive, send};

/// The launcher's end: sends the record, and receives the outcome of the steps after the exec, and
/// then what the daemon says about itself.
#[derive(Debug)]
pub(crate) struct LauncherEnd {
    socket: OwnedFd,
    /// Bytes that are no whole message yet: some systems have only streams.
    received: Vec<u8>,
}

/// Makes the socket pair. The daemon inherits its end.
pub(crate) fn pair() -> Result<(LauncherEnd, OwnedFd), Errno> {
    let (launcher_end, daemon_end) = sys::socket::pair()?;
    let launcher_end = LauncherEnd {
        socket: launcher_end,
        received: Vec::new(),
    };
    Ok((launcher_end, daemon_end))
}

impl LauncherEnd {
    /// Sends the record. It stays in the socket even if the launcher ends.
    pub(crate) fn send(&self, record: &mut Record) -> io::Result<()> {
        let bytes = record.encoded();
        if bytes.len() > RECORD_MAX {
            return Err(Errno::ENAMETOOLONG.into());
        }
        let flags = NO_SIGNAL | libc::MSG_DONTWAIT;
        match send(self.socket.as_fd(), &bytes, flags)? {
            length if length == bytes.len() => Ok(()),
            _ => Err(Errno::ENOBUFS.into()),
        }
    }

    /// The next message of the daemon. Does not block.
    pub(crate) fn receive(&mut self) -> Reply {
        loop {
            if let Some(reply) = Reply::take_from(&mut self.received) {
                return reply;
            }
            let mut bytes = [0; MESSAGE_MAX];
            let flags = libc::MSG_DONTWAIT;
            match receive(self.socket.as_fd(), &mut bytes, flags) {
                Ok(0) => return Reply::Lost,
                Ok(length) => self.received.extend(bytes.iter().take(length)),
                Err(Errno::EAGAIN | Errno::EINTR) => return Reply::Pending,
                Err(_) => return Reply::Lost,
            }
        }
    }
}

impl AsFd for LauncherEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
