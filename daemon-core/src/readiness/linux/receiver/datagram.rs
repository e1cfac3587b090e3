//! One message, and its sender as the kernel reports it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::unistd::Pid;

use crate::sys::socket;

/// A socket without an address. Credentials are asked for before it has one, or a message could
/// arrive without them.
pub(super) fn new_socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    let socket = socket::new(libc::AF_UNIX, kind, 0)?;
    socket::switch_on(socket.as_fd(), libc::SO_PASSCRED)?;
    Ok(socket)
}

pub(super) struct Datagram<'a> {
    bytes: &'a [u8],
    is_truncated: bool,
    pub(super) sender: Option<Pid>,
}

impl<'a> Datagram<'a> {
    pub(super) fn receive(socket: BorrowedFd<'_>, buffer: &'a mut [u8]) -> nix::Result<Self> {
        let mut control = ControlMessage([0; CREDENTIALS_SPACE]);
        let flags = libc::MSG_CMSG_CLOEXEC;
        let (length, is_truncated) =
            socket::receive_message(socket, buffer, &mut control.0, flags)?;
        Ok(Self {
            bytes: &buffer[..length],
            is_truncated,
            sender: control.sender(),
        })
    }

    /// Without the last assignment if that was cut, which may have changed its meaning. A cut status
    /// stays: it would be cut for the terminal anyway.
    pub(super) fn trusted_part(&self) -> &'a [u8] {
        if !self.is_truncated {
            return self.bytes;
        }
        let start_of_last = self
            .bytes
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |newline| newline + 1);
        if self.bytes[start_of_last..].starts_with(b"STATUS=") {
            self.bytes
        } else {
            &self.bytes[..start_of_last]
        }
    }
}

/// `struct cmsghdr` as the kernel writes it: a length, a level and a type.
const HEADER_SIZE: usize = size_of::<usize>() + 2 * size_of::<i32>();
const CREDENTIALS_SIZE: usize = size_of::<libc::ucred>();
const CREDENTIALS_SPACE: usize =
    (HEADER_SIZE + CREDENTIALS_SIZE).next_multiple_of(align_of::<usize>());

/// Room for the sender's credentials, which the kernel writes first, and for nothing else: received
/// descriptors never enter this process. The kernel closes them while we read the message, which
/// is what a sender of `BARRIER=1` waits for, and neither a full descriptor table nor a fork at
/// the wrong moment can keep one open.
#[repr(align(8))]
struct ControlMessage([u8; CREDENTIALS_SPACE]);

impl ControlMessage {
    /// Its first header. The data may be cut short behind it, as it is meant to be.
    fn sender(&self) -> Option<Pid> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (level, rest) = rest.split_first_chunk()?;
        let (kind, rest) = rest.split_first_chunk()?;
        let (pid, _) = rest.split_first_chunk()?;
        let is_credentials = usize::from_ne_bytes(*length) >= HEADER_SIZE + CREDENTIALS_SIZE
            && i32::from_ne_bytes(*level) == libc::SOL_SOCKET
            && i32::from_ne_bytes(*kind) == libc::SCM_CREDENTIALS;
        is_credentials.then(|| Pid::from_raw(i32::from_ne_bytes(*pid)))
    }
}
