//! The socket pair of the hand-off.

use std::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{getegid, geteuid, getpid};

use crate::sys::socket::{INT_SIZE, new, read_option};

/// A whole message is read or none, and a socket of this kind is rarely anything else.
pub(crate) const KIND: c_int = libc::SOCK_SEQPACKET;

/// Writing to a dead peer fails with EPIPE instead of raising SIGPIPE.
pub(crate) const NO_SIGNAL: c_int = libc::MSG_NOSIGNAL;

/// A pair of such sockets.
pub(crate) fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let mut pair = [0; 2];
    let kind = KIND | libc::SOCK_CLOEXEC;
    // SAFETY: the kernel writes two descriptors.
    let made = unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, pair.as_mut_ptr()) };
    Errno::result(made)?;
    // SAFETY: the system has just made this descriptor for us.
    let [one, other] = pair.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    Ok((one, other))
}

/// A Unix socket without an address, for a stream.
pub(crate) fn stream() -> Result<OwnedFd, Errno> {
    new(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0)
}

/// Whether a socket that listened takes no more clients, see `shutdown(2)`.
pub(crate) fn is_shut_down(socket: &OwnedFd) -> bool {
    let end = PollFlags::from_bits_retain(libc::POLLRDHUP);
    let mut socket = [PollFd::new(socket.as_fd(), end)];
    poll(&mut socket, PollTimeout::ZERO).is_ok_and(|ended| ended > 0)
}

/// Whether this process made the socket pair, with the rights that this one has: a program that is
/// set-uid, or has come by its rights in another way, must not obey its caller.
///
/// gVisor names the process that asks. A process that made the pair itself could have written its own
/// pid, so to accept that changes nothing.
pub(crate) fn is_made_by(pid: i32, socket: &OwnedFd) -> bool {
    peer_credentials(socket.as_fd()).is_ok_and(|maker| {
        let is_maker = maker.pid == pid || maker.pid == getpid().as_raw();
        is_maker && maker.uid == geteuid().as_raw() && maker.gid == getegid().as_raw()
    })
}

/// The other side of a Unix socket, when it connected.
pub(crate) struct PeerCredentials {
    pub(crate) pid: i32,
    pub(crate) uid: u32,
    gid: u32,
}

/// `SO_PEERCRED`: three integers.
pub(crate) fn peer_credentials(socket: BorrowedFd<'_>) -> Result<PeerCredentials, Errno> {
    let mut value = [0; size_of::<libc::ucred>()];
    read_option(socket, libc::SOL_SOCKET, libc::SO_PEERCRED, &mut value)?;
    let [pid, uid, gid] =
        [0, 4, 8].map(|at| [value[at], value[at + 1], value[at + 2], value[at + 3]]);
    Ok(PeerCredentials {
        pid: i32::from_ne_bytes(pid),
        uid: u32::from_ne_bytes(uid),
        gid: u32::from_ne_bytes(gid),
    })
}

/// `SO_RCVTIMEO`: how long a blocking read of this socket waits, if there is a limit.
#[allow(
    deprecated,
    reason = "libc says of musl that these types will be longer"
)]
pub(crate) fn receive_timeout(socket: BorrowedFd<'_>) -> Option<Duration> {
    let mut value = [0; size_of::<libc::timeval>()];
    read_option(socket, libc::SOL_SOCKET, libc::SO_RCVTIMEO, &mut value).ok()?;
    let (seconds, microseconds) = value.split_first_chunk()?;
    let seconds = libc::time_t::from_ne_bytes(*seconds);
    let microseconds = libc::suseconds_t::from_ne_bytes(*microseconds.first_chunk()?);
    let timeout = Duration::new(
        u64::try_from(seconds).ok()?,
        u32::try_from(microseconds).ok()?.checked_mul(1000)?,
    );
    (!timeout.is_zero()).then_some(timeout)
}

/// `setsockopt(2)` for an option that is on or off.
pub(crate) fn switch_on(socket: BorrowedFd<'_>, name: c_int) -> Result<(), Errno> {
    let value: c_int = 1;
    // SAFETY: the pointer and the length are those of the value.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            name,
            (&raw const value).cast(),
            INT_SIZE,
        )
    };
    Errno::result(set).map(drop)
}
