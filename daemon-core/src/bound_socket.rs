//! A socket that listens: bound by the launcher, by a supervisor, or by the program.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::files::{FileId, directory_of};
use crate::sys;
use crate::sys::socket::SocketAddress;
use crate::unix_address::UnixAddress;

/// How many clients wait until they are accepted. The kernel has a limit of its own, `somaxconn`, and
/// the 128 of the standard library make a client wait a second when they are used up.
const BACKLOG: i32 = 4096;

/// How long another process may take to bind a socket in the same directory.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// How the file of a Unix socket differs from what the launcher would make.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SocketFile {
    /// Its user and group.
    pub(crate) owner: Option<(u32, u32)>,
    pub(crate) mode: Option<u32>,
}

/// A TCP socket with `SO_REUSEADDR`, as the standard library makes it.
pub(crate) fn bind_tcp(address: SocketAddr) -> io::Result<OwnedFd> {
    let socket = TcpListener::bind(address)?;
    listen(&socket)?;
    Ok(socket.into())
}

/// A Unix socket that listens, and its file, unless the address is abstract.
#[derive(Debug)]
pub(crate) struct BoundUnix {
    pub(crate) socket: OwnedFd,
    pub(crate) file: Option<FileId>,
}

/// A Unix socket. A file that an earlier socket has left is removed first, if no process listens there.
///
/// `check` is asked before the file system is changed, and once more after it, because another user may have
/// changed the way to the file in between.
pub(crate) fn bind_unix<E: From<io::Error>>(
    address: &UnixAddress,
    file: SocketFile,
    check: impl Fn() -> Result<(), E>,
) -> Result<BoundUnix, E> {
    let socket = sys::socket::stream().map_err(io::Error::from)?;
    let UnixAddress::Path(path) = address else {
        bind_abstract(&socket, address).map_err(io::Error::from)?;
        return Ok(BoundUnix { socket, file: None });
    };
    let at = SocketAddress::path(path).map_err(io::Error::from)?;
    check()?;
    let _lock = lock_directory(path);
    match at.bind(socket.as_fd()) {
        Err(Errno::EADDRINUSE) => {
            let left = left_file(path, &at).ok_or_else(in_use)?;
            check()?;
            remove(path, left)?;
            at.bind(socket.as_fd())
        }
        bound => bound,
    }
    .map_err(io::Error::from)?;
    let bound = id_of(path).ok_or_else(in_use)?;
    // No client can connect before the socket listens.
    let prepare = || -> Result<(), E> {
        check()?;
        if file.owner.is_some() || file.mode.is_some() {
            sys::files::change_socket(path, file.owner, file.mode)?;
        }
        listen(&socket).map_err(io::Error::from)?;
        // A process that takes no such lock may have removed this file: it looked like one that was
        // left.
        if id_of(path) != Some(bound) {
            return Err(in_use().into());
        }
        Ok(())
    };
    prepare().inspect_err(|_| {
        remove(path, bound).ok();
    })?;
    Ok(BoundUnix {
        socket,
        file: Some(bound),
    })
}

fn in_use() -> io::Error {
    Errno::EADDRINUSE.into()
}

/// The file with this name; a symbolic link is not followed.
pub(crate) fn id_of(path: &Path) -> Option<FileId> {
    let file = fs::symlink_metadata(path).ok()?;
    Some(FileId::from(&file))
}

/// Removes this file, and no other one that has its name now.
pub(crate) fn remove(path: &Path, file: FileId) -> io::Result<()> {
    if id_of(path) == Some(file) {
        fs::remove_file(path)
    } else {
        Err(in_use())
    }
}

/// Keeps two processes from the same path: until a socket listens, its file looks as if an ended process had
/// left it. Other users may hold the lock for ever, so it is not waited for without an end, and nothing
/// depends on it alone.
fn lock_directory(path: &Path) -> Option<File> {
    let directory = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_NONBLOCK)
        .open(directory_of(path))
        .ok()?;
    let deadline = Instant::now() + LOCK_TIMEOUT;
    while !sys::lock::try_flock_once(&directory).ok()? {
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(POLL_INTERVAL);
    }
    Some(directory)
}

/// Lets a socket listen; one that does already gets the longer queue.
pub(crate) fn listen(socket: &impl AsFd) -> Result<(), Errno> {
    sys::descriptors::listen(socket.as_fd(), BACKLOG)
}

/// The file of a socket on which no process listens.
fn left_file(path: &Path, at: &SocketAddress) -> Option<FileId> {
    let found = fs::symlink_metadata(path).ok()?;
    if !found.file_type().is_socket() {
        return None;
    }
    let connected = || -> Result<(), Errno> {
        let socket = sys::socket::stream()?;
        // A full queue must not make this wait.
        fcntl(&socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        at.connect(socket.as_fd())
    };
    let is_left = connected() == Err(Errno::ECONNREFUSED);
    is_left.then(|| FileId::from(&found))
}

fn bind_abstract(socket: &OwnedFd, address: &UnixAddress) -> Result<(), Errno> {
    abstract_address(address)?.bind(socket.as_fd())?;
    listen(socket)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_address(address: &UnixAddress) -> Result<SocketAddress, Errno> {
    match address {
        UnixAddress::Abstract(name) => SocketAddress::name(name),
        _ => Err(Errno::EINVAL),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn abstract_address(_address: &UnixAddress) -> Result<SocketAddress, Errno> {
    Err(Errno::EINVAL)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests;
