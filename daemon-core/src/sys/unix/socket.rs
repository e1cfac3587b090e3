//! The socket pair of the hand-off.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, socket};

use crate::sys::descriptors::close_on_exec;

/// macOS has no `SOCK_SEQPACKET`, and datagrams have no end.
pub(crate) const KIND: SockType = SockType::Stream;

/// Writing to a dead peer fails with EPIPE instead of raising SIGPIPE. On Apple's systems std sets
/// that when it makes the socket.
#[cfg(target_vendor = "apple")]
pub(crate) const NO_SIGNAL: MsgFlags = MsgFlags::empty();
/// Writing to a dead peer fails with EPIPE instead of raising SIGPIPE.
#[cfg(not(target_vendor = "apple"))]
pub(crate) const NO_SIGNAL: MsgFlags = MsgFlags::MSG_NOSIGNAL;

/// A pair of such sockets.
pub(crate) fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let pair =
        UnixStream::pair().map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)));
    pair.map(|(one, other)| (one.into(), other.into()))
}

/// A Unix socket without an address.
pub(crate) fn stream() -> Result<OwnedFd, Errno> {
    let flags = SockFlag::empty();
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    close_on_exec(socket.as_raw_fd())?;
    Ok(socket)
}

/// Whether this process made the socket pair.
#[cfg(target_vendor = "apple")]
pub(crate) fn is_made_by(pid: i32, socket: &OwnedFd) -> bool {
    use nix::sys::socket::{getsockopt, sockopt};
    getsockopt(socket, sockopt::LocalPeerPid) == Ok(pid)
}

/// Whether this process made the socket pair. The BSDs and illumos do not tell, so a whole record
/// is enough.
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn is_made_by(_pid: i32, _socket: &OwnedFd) -> bool {
    true
}
