//! The launcher's end: sockets that accept only the daemon.

mod datagram;
mod path_socket;

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::error::system_message;
use crate::readiness::notify::protocol::{DATAGRAM_MAX, Notification, parse};

use datagram::Datagram;
use path_socket::{PathSocket, remove_stale_in};

/// One call ends even if another process keeps sending, so that the deadline is checked.
const DATAGRAMS_PER_CALL: usize = 64;

/// Where a socket may lie for a while: in memory first, since that is quick.
const DIRECTORIES: [&str; 2] = ["/dev/shm", "/tmp"];

/// Where clients of `sd_notify(3)` say that the daemon is ready. There is no socket where none can be
/// made that the daemon reaches: then the launcher accepts only [`ready`](crate::ready).
#[derive(Debug)]
pub(crate) struct NotifySocket {
    socket: Option<PathSocket>,
    /// Why none could be made.
    failure: Option<String>,
}

impl NotifySocket {
    /// Binds to a path that only the daemon's user can use. In another root directory there is none.
    ///
    /// Other processes of that user may learn the path: the kernel reports the sender of each message.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "other systems cannot go without a socket"
    )]
    pub(crate) fn bind(is_root_changed: bool, daemon: Option<(u32, u32)>) -> io::Result<Self> {
        let directories: &[&str] = if is_root_changed { &[] } else { &DIRECTORIES };
        Ok(Self::bind_in(directories, daemon))
    }

    /// In the first of these directories where that is possible.
    fn bind_in(directories: &[&str], daemon: Option<(u32, u32)>) -> Self {
        let mut failures = Vec::new();
        for directory in directories {
            match PathSocket::bind_in(directory, daemon) {
                Ok(socket) => {
                    return Self {
                        socket: Some(socket),
                        failure: None,
                    };
                }
                Err(error) => failures.push(format!("{directory}: {}", system_message(&error))),
            }
        }
        Self {
            socket: None,
            failure: (!failures.is_empty()).then(|| failures.join("; ")),
        }
    }

    /// Why there is no socket, where one was to be made.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// The value of `NOTIFY_SOCKET` for the daemon.
    pub(crate) fn address(&self) -> Option<OsString> {
        self.socket
            .as_ref()
            .map(|socket| socket.path.clone().into())
    }

    /// Removes what launchers that were killed have left behind.
    pub(crate) fn remove_stale_sockets(&self) {
        let path = self.socket.as_ref().map(|socket| socket.path.as_path());
        if let Some(directory) = path.and_then(Path::parent) {
            remove_stale_in(directory);
        }
    }

    /// What becomes readable when a message has arrived.
    pub(crate) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.socket.iter().map(|socket| socket.socket.as_fd())
    }

    /// The messages of the daemon since the last call; `None` without any message. Does not block.
    ///
    /// What other processes say is dropped, a forked copy of the daemon included. Only a process
    /// with `CAP_SYS_ADMIN` can sign as the daemon, which is how `systemd-notify(1)` works.
    pub(crate) fn receive(&self, daemon: Pid) -> Option<Vec<Notification>> {
        let mut notifications = None;
        let mut buffer = [0; DATAGRAM_MAX];
        for socket in self.sources() {
            for _ in 0..DATAGRAMS_PER_CALL {
                let datagram = match Datagram::receive(socket, &mut buffer) {
                    Ok(datagram) => datagram,
                    Err(Errno::EINTR) => continue,
                    Err(_) => break,
                };
                let notifications: &mut Vec<_> = notifications.get_or_insert_default();
                if datagram.sender == Some(daemon) {
                    notifications.extend(parse(datagram.trusted_part()));
                }
            }
        }
        notifications
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests;
