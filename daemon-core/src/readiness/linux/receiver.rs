//! The launcher's end: sockets that believe the daemon alone.

mod datagram;
mod path_socket;

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{UnixAddr, bind, getsockname};
use nix::unistd::Pid;

use crate::readiness::notify::{DATAGRAM_MAX, Notification, parse};

use datagram::{Datagram, new_socket};
use path_socket::{PathSocket, remove_stale_in};

/// One call ends even if another process keeps sending, so that the deadline is checked.
const DATAGRAMS_PER_CALL: usize = 64;

/// Where a socket may lie for a while: in memory first, since that is quick.
const DIRECTORIES: [&str; 2] = ["/dev/shm", "/tmp"];

/// Where the daemon says that it is ready, see `sd_notify(3)`.
#[derive(Debug)]
pub(crate) struct NotifySocket {
    /// In reach whatever the daemon's root directory, and so for our own sender to fall back on.
    own: OwnedFd,
    /// The abstract address of that one, which vanishes with the launcher.
    name: Vec<u8>,
    /// For clients that know nothing but paths.
    at_path: Option<PathSocket>,
}

impl NotifySocket {
    /// Binds to an abstract address, and to a path too, where that can be and would be in reach.
    ///
    /// Other processes may learn the addresses: the kernel reports the sender of each message.
    pub(crate) fn bind(is_root_changed: bool) -> io::Result<Self> {
        let own = new_socket()?;
        // The kernel chooses, see "Autobind feature" in `unix(7)`.
        bind(own.as_raw_fd(), &UnixAddr::new_unnamed())?;
        let address: UnixAddr = getsockname(own.as_raw_fd())?;
        let name = address.as_abstract().ok_or(Errno::EADDRNOTAVAIL)?;
        let mut directories = DIRECTORIES.into_iter().filter(|_| !is_root_changed);
        Ok(Self {
            own,
            name: name.to_vec(),
            at_path: directories.find_map(|directory| PathSocket::bind_in(directory).ok()),
        })
    }

    /// The value of `NOTIFY_SOCKET` for the daemon.
    pub(crate) fn address(&self) -> OsString {
        match &self.at_path {
            Some(PathSocket { path, .. }) => path.clone().into(),
            None => self.own_address(),
        }
    }

    /// The address that only the daemon's own sender knows of.
    pub(crate) fn own_address(&self) -> OsString {
        OsString::from_vec([b"@", &self.name[..]].concat())
    }

    /// Removes what launchers that were killed have left behind.
    pub(crate) fn remove_stale_sockets(&self) {
        let path = self.at_path.as_ref().map(|socket| socket.path.as_path());
        if let Some(directory) = path.and_then(Path::parent) {
            remove_stale_in(directory);
        }
    }

    /// What becomes readable when a message has arrived.
    pub(crate) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let at_path = self.at_path.as_ref().map(|socket| socket.socket.as_fd());
        [self.own.as_fd()].into_iter().chain(at_path)
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
