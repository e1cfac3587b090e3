//! The socket pair of the hand-off.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, getsockopt, socket, socketpair, sockopt,
};
use nix::unistd::{getegid, geteuid, getpid};

/// A whole message is read or none, and a socket of this kind is rarely anything else.
pub(crate) const KIND: SockType = SockType::SeqPacket;

/// Writing to a dead peer fails with EPIPE instead of raising SIGPIPE.
pub(crate) const NO_SIGNAL: MsgFlags = MsgFlags::MSG_NOSIGNAL;

/// A pair of such sockets.
pub(crate) fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    socketpair(AddressFamily::Unix, KIND, None, SockFlag::SOCK_CLOEXEC)
}

/// A Unix socket without an address, for a stream.
pub(crate) fn stream() -> Result<OwnedFd, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC;
    socket(AddressFamily::Unix, SockType::Stream, flags, None)
}

/// Whether this process made the socket pair, with the rights that this one has: a program that is
/// set-uid, or has come by its rights in another way, must not obey its caller.
///
/// gVisor names the process that asks. A process that made the pair itself could have written its own
/// pid, so to accept that changes nothing.
pub(crate) fn is_made_by(pid: i32, socket: &OwnedFd) -> bool {
    getsockopt(socket, sockopt::PeerCredentials).is_ok_and(|maker| {
        let is_maker = maker.pid() == pid || maker.pid() == getpid().as_raw();
        is_maker && maker.uid() == geteuid().as_raw() && maker.gid() == getegid().as_raw()
    })
}

/// `getsockopt(2)` for an option that `nix` does not have: how many bytes the kernel has filled.
pub(crate) fn read_option(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: &mut [u8],
) -> Result<usize, Errno> {
    let mut length = libc::socklen_t::try_from(value.len()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the socket is open as long as it is borrowed, and the kernel writes at most `length`
    // bytes, which is the length of `value`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            name,
            value.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    Errno::result(result)?;
    usize::try_from(length).map_err(|_| Errno::EINVAL)
}
