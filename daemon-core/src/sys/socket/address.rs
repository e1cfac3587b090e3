//! The address of a Unix socket, for a socket that was made before.

use std::mem::{self, offset_of};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;

#[expect(clippy::cast_possible_truncation, reason = "it is 1")]
const FAMILY: libc::sa_family_t = libc::AF_UNIX as libc::sa_family_t;

#[expect(clippy::cast_possible_truncation, reason = "it is 2")]
const PATH_OFFSET: libc::socklen_t = offset_of!(libc::sockaddr_un, sun_path) as libc::socklen_t;

/// `struct sockaddr_un`.
pub(crate) struct SocketAddress {
    address: libc::sockaddr_un,
    length: libc::socklen_t,
}

impl SocketAddress {
    /// A file.
    ///
    /// # Errors
    ///
    /// `ENAMETOOLONG`: the path is too long for an address.
    pub(crate) fn path(path: &Path) -> Result<Self, Errno> {
        let path = path.as_os_str().as_bytes();
        // All systems take a path without a NUL byte at its end, but some count one.
        if path.contains(&0) {
            return Err(Errno::EINVAL);
        }
        Self::new(path.iter(), path.len() + 1)
    }

    /// A name of Linux, which is no file.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn name(name: &[u8]) -> Result<Self, Errno> {
        Self::new([0].iter().chain(name), name.len() + 1)
    }

    fn new<'a>(bytes: impl Iterator<Item = &'a u8>, room: usize) -> Result<Self, Errno> {
        // SAFETY: the structure consists of integers, so it may be all zero.
        let mut address: libc::sockaddr_un = unsafe { mem::zeroed() };
        if room > address.sun_path.len() {
            return Err(Errno::ENAMETOOLONG);
        }
        address.sun_family = FAMILY;
        let mut length = PATH_OFFSET;
        for (to, byte) in address.sun_path.iter_mut().zip(bytes) {
            *to = libc::c_char::from_ne_bytes([*byte]);
            length += 1;
        }
        Ok(Self { address, length })
    }

    /// `bind(2)`
    pub(crate) fn bind(&self, socket: BorrowedFd<'_>) -> Result<(), Errno> {
        let address = (&raw const self.address).cast();
        // SAFETY: the pointer and the length are those of the address.
        let bound = unsafe { libc::bind(socket.as_raw_fd(), address, self.length) };
        Errno::result(bound).map(drop)
    }

    /// `connect(2)`
    pub(crate) fn connect(&self, socket: BorrowedFd<'_>) -> Result<(), Errno> {
        let address = (&raw const self.address).cast();
        // SAFETY: the pointer and the length are those of the address.
        let connected = unsafe { libc::connect(socket.as_raw_fd(), address, self.length) };
        Errno::result(connected).map(drop)
    }
}
