//! What a socket is doing, by a duplicate of it or by a table of the kernel.

use std::net::SocketAddr;

use nix::unistd::Pid;

use crate::unix_address::UnixAddress;

/// Where clients reach a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LocalAddress {
    Ip(SocketAddr),
    Unix(UnixAddress),
    /// Of another family, such as `AF_VSOCK`.
    Other,
}

/// What a socket is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SocketState {
    /// Waits for connections, whatever its family.
    Listening(LocalAddress),
    /// A UDP socket on this address, without a peer.
    Bound(SocketAddr),
    /// TCP, the connection is being made.
    Connecting,
    /// TCP, connected, with this local port.
    Connected(LastWord, u16),
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
    /// Neither side has sent anything yet.
    Neither,
    /// Both within one tick of the kernel's clock, or the kernel does not tell.
    Unclear,
}
