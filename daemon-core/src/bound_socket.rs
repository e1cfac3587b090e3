//! A socket that listens: bound by the launcher, by a supervisor, or by the program.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{Backlog, UnixAddr, bind, connect};

use crate::sys;
use crate::unix_address::UnixAddress;

/// How many clients wait until they are accepted. The kernel has a limit of its own, `somaxconn`, and
/// the 128 of the standard library make a client wait a second when they are used up.
const BACKLOG: i32 = 4096;

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

/// A Unix socket. A file that an earlier socket has left is removed first, if no process listens there.
pub(crate) fn bind_unix(address: &UnixAddress, file: SocketFile) -> io::Result<OwnedFd> {
    let socket = sys::socket::stream()?;
    let UnixAddress::Path(path) = address else {
        bind(socket.as_raw_fd(), &abstract_address(address)?)?;
        listen(&socket)?;
        return Ok(socket);
    };
    let at = UnixAddr::new(path)?;
    match bind(socket.as_raw_fd(), &at) {
        Err(Errno::EADDRINUSE) if is_left(path, &at) => {
            fs::remove_file(path)?;
            bind(socket.as_raw_fd(), &at)?;
        }
        other => other?,
    }
    // No client can connect before the socket listens.
    let prepared = match file {
        SocketFile {
            owner: None,
            mode: None,
        } => Ok(()),
        SocketFile { owner, mode } => sys::files::change_socket(path, owner, mode),
    };
    prepared
        .and_then(|()| Ok(listen(&socket)?))
        .inspect_err(|_| {
            fs::remove_file(path).ok();
        })?;
    Ok(socket)
}

/// Lets a socket listen; one that does already gets the longer queue.
pub(crate) fn listen(socket: &impl AsFd) -> Result<(), Errno> {
    nix::sys::socket::listen(socket, Backlog::new(BACKLOG).unwrap_or(Backlog::MAXCONN))
}

/// Whether this is the file of a socket that no process has open.
fn is_left(path: &Path, at: &UnixAddr) -> bool {
    let is_socket = |file: fs::Metadata| file.file_type().is_socket();
    if !fs::symlink_metadata(path).is_ok_and(is_socket) {
        return false;
    }
    let connected = || -> Result<(), Errno> {
        let socket = sys::socket::stream()?;
        // A full queue must not make this wait.
        fcntl(&socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        connect(socket.as_raw_fd(), at)
    };
    connected() == Err(Errno::ECONNREFUSED)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_address(address: &UnixAddress) -> Result<UnixAddr, Errno> {
    match address {
        UnixAddress::Abstract(name) => UnixAddr::new_abstract(name),
        _ => Err(Errno::EINVAL),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn abstract_address(_address: &UnixAddress) -> Result<UnixAddr, Errno> {
    Err(Errno::EINVAL)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests;
