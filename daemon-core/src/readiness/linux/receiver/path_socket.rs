//! A socket in the file system, and what killed launchers have left of theirs.

use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::stat::{Mode, fchmod};
use nix::unistd::geteuid;

use super::datagram::new_socket;
use crate::sys;
use crate::sys::socket::SocketAddress;

/// What the names of such sockets begin with.
const PREFIX: &str = "daemon-notify-";

/// How many entries of the directory are looked at: another user can make a million there.
const ENTRIES_MAX: usize = 10_000;

/// Between the moment a socket has a name and the moment it can be reached, no `bind(2)` takes so long.
const STALE_SOCKET_AGE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct PathSocket {
    pub(super) socket: OwnedFd,
    /// Removed with the socket.
    pub(super) path: PathBuf,
}

impl PathSocket {
    pub(super) fn bind_in(directory: &str, owner: Option<(u32, u32)>) -> io::Result<Self> {
        // Mode and owner are changed by the path.
        if !is_safe(&fs::metadata(directory)?) {
            return Err(io::Error::other("other users can replace its files"));
        }
        let socket = new_socket()?;
        // Not to be guessed: another user could take the name before.
        let name = sys::random::number()?;
        let path = PathBuf::from(format!("{directory}/{PREFIX}{name:016x}"));
        // Another user must not send the launcher anything, not even before the file gets its mode. Some
        // sandboxes refuse this.
        let _ = fchmod(&socket, Mode::S_IRUSR | Mode::S_IWUSR);
        SocketAddress::path(&path)?.bind(socket.as_fd())?;
        let bound = Self { socket, path };
        // Whatever the umask.
        fs::set_permissions(&bound.path, fs::Permissions::from_mode(0o600))?;
        if let Some((uid, gid)) = owner {
            chown(&bound.path, Some(uid), Some(gid))?;
        }
        Ok(bound)
    }
}

impl Drop for PathSocket {
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
    }
}

/// Whether no other user can put another file in the place of one in this directory.
fn is_safe(directory: &Metadata) -> bool {
    protects_files(directory.uid(), geteuid().as_raw(), directory.mode())
}

/// The sticky bit does not bind the owner of the directory.
pub(super) const fn protects_files(owner: u32, user: u32, mode: u32) -> bool {
    const BY_OTHERS: u32 = 0o022;
    const STICKY: u32 = 0o1000;
    (owner == 0 || owner == user) && (mode & STICKY != 0 || mode & BY_OTHERS == 0)
}

/// Removes the sockets of launchers that were killed.
pub(super) fn remove_stale_in(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.take(ENTRIES_MAX).flatten() {
        if entry.file_name().as_bytes().starts_with(PREFIX.as_bytes())
            && is_stale_socket(&entry)
            && is_dead(&entry.path())
        {
            // A socket of another user stays.
            fs::remove_file(entry.path()).ok();
        }
    }
}

fn is_stale_socket(entry: &DirEntry) -> bool {
    let Ok(metadata) = entry.metadata() else {
        return false;
    };
    let bound = metadata.modified().ok();
    let age = bound.and_then(|bound| bound.elapsed().ok());
    metadata.file_type().is_socket() && age.is_some_and(|age| age > STALE_SOCKET_AGE)
}

/// Whether no process has the socket open.
fn is_dead(path: &Path) -> bool {
    let connected = UnixDatagram::unbound().and_then(|socket| socket.connect(path));
    connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
