//! The socket pair of the hand-off.

use std::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::sys::descriptors::close_on_exec;
use crate::sys::socket::new;

/// macOS has no `SOCK_SEQPACKET`, and datagrams have no end.
pub(crate) const KIND: c_int = libc::SOCK_STREAM;

/// Writing to a dead peer fails with EPIPE instead of raising SIGPIPE. On Apple's systems std sets
/// that when it makes the socket.
#[cfg(target_vendor = "apple")]
pub(crate) const NO_SIGNAL: c_int = 0;
/// Writing to a dead peer fails with EPIPE instead of raising SIGPIPE.
#[cfg(not(target_vendor = "apple"))]
pub(crate) const NO_SIGNAL: c_int = libc::MSG_NOSIGNAL;

/// A pair of such sockets.
pub(crate) fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let pair =
        UnixStream::pair().map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)));
    pair.map(|(one, other)| (one.into(), other.into()))
}

/// A Unix socket without an address.
pub(crate) fn stream() -> Result<OwnedFd, Errno> {
    let socket = new(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
    close_on_exec(socket.as_raw_fd())?;
    Ok(socket)
}

/// Whether a socket that listened takes no more clients, see `shutdown(2)`, as far as that is known.
pub(crate) fn is_shut_down(socket: &OwnedFd) -> bool {
    let mut socket = [PollFd::new(socket.as_fd(), PollFlags::empty())];
    poll(&mut socket, PollTimeout::ZERO).is_ok_and(|ended| ended > 0)
}

/// Whether this process made the socket pair.
#[cfg(target_vendor = "apple")]
pub(crate) fn is_made_by(pid: i32, socket: &OwnedFd) -> bool {
    use crate::sys::socket::read_option;
    use std::os::fd::AsFd;
    let mut peer = [0; size_of::<libc::pid_t>()];
    let read = read_option(
        socket.as_fd(),
        libc::SOL_LOCAL,
        libc::LOCAL_PEERPID,
        &mut peer,
    );
    read.is_ok() && libc::pid_t::from_ne_bytes(peer) == pid
}

/// Whether this process made the socket pair. The BSDs and illumos do not tell, so a whole record
/// is enough.
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn is_made_by(_pid: i32, _socket: &OwnedFd) -> bool {
    true
}
