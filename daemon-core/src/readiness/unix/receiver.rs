//! The launcher's end: a socket that only the daemon can find.

use std::ffi::OsString;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use nix::unistd::{Pid, mkdtemp};

use crate::readiness::notify::protocol::{DATAGRAM_MAX, Notification, parse};

/// One call ends even if another process keeps sending, so that the deadline is checked.
const DATAGRAMS_PER_CALL: usize = 64;

/// Where the daemon says that it is ready, see `sd_notify(3)`.
#[derive(Debug)]
pub(crate) struct NotifySocket(Option<PathSocket>);

#[derive(Debug)]
struct PathSocket {
    socket: UnixDatagram,
    directory: PathBuf,
    path: PathBuf,
}

impl NotifySocket {
    /// Binds to a name that cannot be guessed, in a directory that other users cannot list: these
    /// systems do not report the sender of a datagram. The daemon may be another user by the time
    /// it writes.
    ///
    /// In another root directory there is no socket: then [`ready`](crate::ready) alone is heard.
    pub(crate) fn bind(is_root_changed: bool, _daemon: Option<(u32, u32)>) -> io::Result<Self> {
        if is_root_changed {
            return Ok(Self(None));
        }
        let directory = mkdtemp(&std::env::temp_dir().join("daemon-XXXXXX"))?;
        let name = RandomState::new().hash_one(std::process::id());
        let path = directory.join(format!("{name:016x}"));
        let bind = || {
            let socket = UnixDatagram::bind(&path)?;
            socket.set_nonblocking(true)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o666))?;
            fs::set_permissions(&directory, fs::Permissions::from_mode(0o711))?;
            Ok(socket)
        };
        match bind() {
            Ok(socket) => Ok(Self(Some(PathSocket {
                socket,
                directory,
                path,
            }))),
            Err(error) => {
                remove(&path, &directory);
                Err(error)
            }
        }
    }

    /// A socket that cannot be made is an error here.
    #[allow(clippy::unused_self, reason = "the socket of Linux has one")]
    pub(crate) const fn failure(&self) -> Option<&str> {
        None
    }

    /// The value of `NOTIFY_SOCKET` for the daemon.
    pub(crate) fn address(&self) -> Option<OsString> {
        self.0.as_ref().map(|socket| socket.path.clone().into())
    }

    /// The sockets of killed launchers cannot be told from those of other programs.
    #[expect(clippy::unused_self, reason = "Linux has something to look for")]
    pub(crate) fn remove_stale_sockets(&self) {}

    /// What becomes readable when a message has arrived.
    pub(crate) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.0.iter().map(|socket| socket.socket.as_fd())
    }

    /// The messages of the daemon since the last call; `None` without any message. Does not block.
    pub(crate) fn receive(&self, _daemon: Pid) -> Option<Vec<Notification>> {
        let socket = &self.0.as_ref()?.socket;
        let mut notifications = None;
        // What is longer than this is cut, and its last assignment may mean something else.
        let mut buffer = [0; DATAGRAM_MAX + 1];
        for _ in 0..DATAGRAMS_PER_CALL {
            let length = match socket.recv(&mut buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            let notifications: &mut Vec<_> = notifications.get_or_insert_default();
            if length <= DATAGRAM_MAX {
                notifications.extend(parse(&buffer[..length]));
            }
        }
        notifications
    }
}

impl Drop for PathSocket {
    fn drop(&mut self) {
        remove(&self.path, &self.directory);
    }
}

fn remove(path: &PathBuf, directory: &PathBuf) {
    fs::remove_file(path).ok();
    fs::remove_dir(directory).ok();
}
