//! Sockets: the calls that the standard library does not have.

use std::ffi::c_int;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::slice;

use nix::errno::Errno;

mod address;

pub(crate) use super::platform::socket::*;
pub(crate) use address::SocketAddress;

#[expect(clippy::cast_possible_truncation, reason = "it is 4")]
pub(super) const INT_SIZE: libc::socklen_t = size_of::<c_int>() as libc::socklen_t;

/// `socket(2)`.
pub(crate) fn new(domain: c_int, kind: c_int, protocol: c_int) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes integers.
    let fd = Errno::result(unsafe { libc::socket(domain, kind, protocol) })?;
    // SAFETY: the system has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `send(2)`.
pub(crate) fn send(socket: BorrowedFd<'_>, bytes: &[u8], flags: c_int) -> Result<usize, Errno> {
    let fd = socket.as_raw_fd();
    // SAFETY: the pointer and the length are those of a slice.
    let sent = unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), flags) };
    Errno::result(sent).map(isize::unsigned_abs)
}

/// `recv(2)`.
pub(crate) fn receive(
    socket: BorrowedFd<'_>,
    into: &mut [u8],
    flags: c_int,
) -> Result<usize, Errno> {
    let fd = socket.as_raw_fd();
    // SAFETY: the pointer and the length are those of a slice.
    let received = unsafe { libc::recv(fd, into.as_mut_ptr().cast(), into.len(), flags) };
    Errno::result(received).map(isize::unsigned_abs)
}

/// `recvmsg(2)`: the length of a message, and whether it was longer.
pub(crate) fn receive_message(
    socket: BorrowedFd<'_>,
    into: &mut [u8],
    control: &mut [u8],
    flags: c_int,
) -> Result<(usize, bool), Errno> {
    let mut part = libc::iovec {
        iov_base: into.as_mut_ptr().cast(),
        iov_len: into.len(),
    };
    let mut message = message(&mut part, control);
    // SAFETY: the message points to the two slices, which live longer than the call.
    let received = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) };
    let length = Errno::result(received)?.unsigned_abs();
    Ok((length, message.msg_flags & libc::MSG_TRUNC != 0))
}

/// `sendmsg(2)` of bytes and a copy of a descriptor, see `SCM_RIGHTS` in `unix(7)`.
pub(crate) fn send_with_fd(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    fd: BorrowedFd<'_>,
) -> Result<usize, Errno> {
    const SIZE: libc::c_uint = INT_SIZE;
    // Aligned as the header, and more than it and a descriptor need.
    let mut control = [0_u64; 4];
    // SAFETY: the four words are 32 bytes of any value, and nothing else names them from here on.
    let control = unsafe { slice::from_raw_parts_mut(control.as_mut_ptr().cast(), 32) };
    // SAFETY: the call takes an integer.
    let space = unsafe { libc::CMSG_SPACE(SIZE) } as usize;
    let mut part = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    let message = message(&mut part, control.get_mut(..space).ok_or(Errno::EINVAL)?);
    // SAFETY: the message has room for a header.
    let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    // SAFETY: as above, and it is aligned.
    let Some(header) = (unsafe { header.as_mut() }) else {
        return Err(Errno::EINVAL);
    };
    header.cmsg_level = libc::SOL_SOCKET;
    header.cmsg_type = libc::SCM_RIGHTS;
    // SAFETY: the call takes an integer.
    header.cmsg_len = unsafe { libc::CMSG_LEN(SIZE) } as _;
    // SAFETY: the data follows the header.
    let data = unsafe { libc::CMSG_DATA(header) };
    // SAFETY: there is room for a descriptor.
    unsafe { data.cast::<RawFd>().write_unaligned(fd.as_raw_fd()) };
    // SAFETY: the bytes and the control data live longer than the call, which only reads them.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, NO_SIGNAL) };
    Errno::result(sent).map(isize::unsigned_abs)
}

#[allow(
    clippy::unnecessary_cast,
    reason = "the systems differ in the type of a length"
)]
fn message(part: &mut libc::iovec, control: &mut [u8]) -> libc::msghdr {
    // SAFETY: the structure consists of integers, pointers and padding, so it may be all zero.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = control.len() as _;
    message
}

/// `getsockopt(2)` for an option that is an integer.
pub(crate) fn int_option(socket: BorrowedFd<'_>, name: c_int) -> Result<c_int, Errno> {
    let mut value = [0; size_of::<c_int>()];
    read_option(socket, libc::SOL_SOCKET, name, &mut value)?;
    Ok(c_int::from_ne_bytes(value))
}

/// `getsockopt(2)`: how many bytes the kernel has filled.
pub(crate) fn read_option(
    socket: BorrowedFd<'_>,
    level: c_int,
    name: c_int,
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
