//! A socket of another process, seen through a duplicate of its descriptor.
//!
//! The tables in `/proc/PID/net` take the kernel milliseconds where there is much memory, and do not
//! tell which side of a connection spoke last. The duplicate lives for some microseconds; as long as
//! it does, a close by its owner is not complete.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{getsockopt, sockopt};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;

use crate::sys::{process, socket};

/// The descriptors of one process.
#[derive(Debug)]
pub(super) struct PeerDescriptors(Result<OwnedFd, Errno>);

impl PeerDescriptors {
    pub(super) fn of(pid: Pid) -> Self {
        Self(process::open(pid))
    }

    /// A duplicate, where the kernel has `pidfd_getfd(2)` and allows it.
    pub(super) fn duplicate(&self, descriptor: RawFd) -> Result<OwnedFd, Errno> {
        let pidfd = self.0.as_ref().map_err(|errno| *errno)?;
        process::duplicate(pidfd.as_fd(), descriptor)
    }
}

/// What a socket is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SocketState {
    /// Waits for connections, whatever its family.
    Listening,
    /// A UDP socket on this address, without a peer.
    Bound(SocketAddr),
    /// TCP, the connection is being made.
    Connecting,
    /// TCP, connected.
    Connected(LastWord),
    /// A Unix socket whose other end was made by this process; `None` where it is of another PID
    /// namespace.
    UnixPeer(Option<Pid>),
    Other,
}

/// Which side of a connection has sent last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastWord {
    /// This side: an answer may be under way.
    Ours,
    Theirs,
    /// Both within one tick of the kernel's clock, or the kernel does not tell.
    Unclear,
}

impl SocketState {
    pub(super) fn of(socket: OwnedFd) -> Self {
        if getsockopt(&socket, sockopt::AcceptConn) == Ok(true) {
            return Self::Listening;
        }
        let domain = read_int(socket.as_fd(), libc::SO_DOMAIN);
        let kind = read_int(socket.as_fd(), libc::SO_TYPE);
        match (domain, kind) {
            (Some(libc::AF_INET | libc::AF_INET6), Some(libc::SOCK_STREAM)) => {
                Self::of_tcp(socket.as_fd())
            }
            (Some(libc::AF_INET | libc::AF_INET6), Some(libc::SOCK_DGRAM)) => {
                Self::of_udp(&UdpSocket::from(socket))
            }
            (Some(libc::AF_UNIX), _) => Self::of_unix(&socket),
            _ => Self::Other,
        }
    }

    fn of_tcp(socket: BorrowedFd<'_>) -> Self {
        const TCP_ESTABLISHED: u8 = 1;
        const TCP_SYN_SENT: u8 = 2;
        const TCP_CLOSE_WAIT: u8 = 8;
        let mut info = [0; TCP_INFO_SIZE];
        let length = socket::read_option(socket, libc::IPPROTO_TCP, libc::TCP_INFO, &mut info);
        match (length, info[0]) {
            // Multipath TCP has no such option.
            (Err(_), _) => Self::Connected(LastWord::Unclear),
            (Ok(_), TCP_SYN_SENT) => Self::Connecting,
            (Ok(length), TCP_ESTABLISHED | TCP_CLOSE_WAIT) => {
                Self::Connected(last_word(&info, length))
            }
            (Ok(_), _) => Self::Other,
        }
    }

    fn of_udp(socket: &UdpSocket) -> Self {
        match (socket.peer_addr(), socket.local_addr()) {
            (Err(_), Ok(address)) if address.port() != 0 => Self::Bound(address),
            _ => Self::Other,
        }
    }

    fn of_unix(socket: &OwnedFd) -> Self {
        // A socket that is not connected has the ids -1; a peer outside this PID namespace has pid 0.
        match getsockopt(socket, sockopt::PeerCredentials) {
            Ok(peer) if peer.uid() != u32::MAX => {
                Self::UnixPeer((peer.pid() > 0).then(|| Pid::from_raw(peer.pid())))
            }
            _ => Self::Other,
        }
    }
}

/// `SO_RCVTIMEO`: how long a blocking read of this socket waits, if there is a limit.
pub(super) fn receive_timeout(socket: &OwnedFd) -> Option<Duration> {
    let timeout = getsockopt(socket, sockopt::ReceiveTimeout).ok()?;
    let microseconds = u64::try_from(timeout.num_microseconds()).ok()?;
    (microseconds > 0).then(|| Duration::from_micros(microseconds))
}

fn read_int(socket: BorrowedFd<'_>, name: libc::c_int) -> Option<libc::c_int> {
    let mut value = [0; size_of::<libc::c_int>()];
    socket::read_option(socket, libc::SOL_SOCKET, name, &mut value).ok()?;
    Some(libc::c_int::from_ne_bytes(value))
}

/// Up to `tcpi_bytes_sent`, which Linux has since 4.19.
const TCP_INFO_SIZE: usize = 208;

/// From `tcpi_last_data_sent`, `tcpi_last_data_recv`, `tcpi_bytes_received` and `tcpi_bytes_sent` of
/// the kernel's `struct tcp_info`. The first two count milliseconds in steps of the kernel's tick.
fn last_word(info: &[u8; TCP_INFO_SIZE], length: usize) -> LastWord {
    let sent_ago = u32::from_ne_bytes([info[44], info[45], info[46], info[47]]);
    let received_ago = u32::from_ne_bytes([info[52], info[53], info[54], info[55]]);
    let has_received = info[128..136] != [0; 8];
    let has_sent = info[200..208] != [0; 8];
    if length < TCP_INFO_SIZE {
        LastWord::Unclear
    } else if !has_sent {
        LastWord::Theirs
    } else if !has_received || sent_ago < received_ago {
        LastWord::Ours
    } else if sent_ago == received_ago {
        LastWord::Unclear
    } else {
        LastWord::Theirs
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by panic"
)]
mod tests;
