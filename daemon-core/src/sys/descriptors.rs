//! Descriptors by number: between clone and exec there is nothing else, and a descriptor that came
//! through an exec is a number too.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;

/// A new descriptor, of at least this number, for what another one refers to.
///
/// Nothing needs to be known about `number`: what comes back is new, and so it is ours.
pub(crate) fn duplicate(number: RawFd, at_least: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the call takes integers, and closes or changes nothing.
    let new = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, at_least) };
    let new = Errno::result(new)?;
    // SAFETY: the system has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(new) })
}

/// Whether this number is an open descriptor.
pub(crate) fn is_open(number: RawFd) -> bool {
    // SAFETY: the call takes integers, and changes nothing.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    flags != -1
}

/// `dup2(2)`, in the child.
pub(super) fn place(from: RawFd, onto: RawFd) -> Result<(), Errno> {
    // SAFETY: the call takes integers; what it closes belongs to the child's own table.
    let placed = unsafe { libc::dup2(from, onto) };
    Errno::result(placed).map(drop)
}

/// Lets a descriptor pass through the exec, in the child.
pub(super) fn keep_open(descriptor: RawFd) -> Result<(), Errno> {
    set_flags(descriptor, 0)
}

fn set_flags(descriptor: RawFd, flags: libc::c_int) -> Result<(), Errno> {
    // SAFETY: the call takes integers; the flags belong to the child's own table.
    let set = unsafe { libc::fcntl(descriptor, libc::F_SETFD, flags) };
    Errno::result(set).map(drop)
}

/// `pwrite(2)` at the beginning, in the child.
pub(super) fn write_at_start(file: RawFd, bytes: &[u8]) -> Result<(), Errno> {
    // SAFETY: the pointer and the length are those of a slice.
    let written = unsafe { libc::pwrite(file, bytes.as_ptr().cast(), bytes.len(), 0) };
    match Errno::result(written) {
        Ok(length) if length.unsigned_abs() == bytes.len() => Ok(()),
        // There is room for some of it only.
        Ok(_) => Err(Errno::ENOSPC),
        Err(errno) => Err(errno),
    }
}

/// `ftruncate(2)`, in the child.
pub(super) fn truncate(file: RawFd, length: usize) -> Result<(), Errno> {
    let length = libc::off_t::try_from(length).map_err(|_| Errno::EFBIG)?;
    // SAFETY: the call takes integers.
    let truncated = unsafe { libc::ftruncate(file, length) };
    Errno::result(truncated).map(drop)
}

/// Everything from this descriptor on is closed by the next exec, in the child.
#[cfg(target_os = "linux")]
pub(super) fn close_on_exec_from(first: RawFd) -> Result<(), Errno> {
    // SAFETY: the call takes integers; the flags belong to the child's own table.
    let done = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    match Errno::result(done) {
        Ok(_) => Ok(()),
        // Kernels before 5.11, and containers whose filter does not know the call: both ENOSYS
        // and EPERM are seen.
        Err(_) => close_on_exec_one_by_one(first),
    }
}

/// The same by the list in `/proc`: the limit on descriptors may be a thousand million, so it is
/// never counted up to.
#[cfg(target_os = "linux")]
fn close_on_exec_one_by_one(first: RawFd) -> Result<(), Errno> {
    const HEADER: usize = 19;
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
    // SAFETY: the path ends with a NUL byte.
    let list = unsafe { libc::open(c"/proc/self/fd".as_ptr(), flags) };
    let list = Errno::result(list)?;
    let mut entries = [0_u8; 4096];
    loop {
        // SAFETY: the pointer and the length are those of the array.
        let length = unsafe {
            libc::syscall(
                libc::SYS_getdents64,
                list,
                entries.as_mut_ptr(),
                entries.len(),
            )
        };
        let length = usize::try_from(Errno::result(length)?).unwrap_or_default();
        if length == 0 {
            // The list itself is closed by the exec like the rest.
            return Ok(());
        }
        let mut rest = entries.get(..length).unwrap_or_default();
        // `struct linux_dirent64`: 16 bytes, the length of the entry, a type, the name.
        while let Some([low, high]) = rest.get(16..18) {
            let size = usize::from(u16::from_ne_bytes([*low, *high]));
            if let Some(descriptor) = number(rest.get(HEADER..size).unwrap_or_default()) {
                if descriptor >= first {
                    set_flags(descriptor, libc::FD_CLOEXEC)?;
                }
            }
            rest = rest.get(size..).unwrap_or_default();
        }
    }
}

/// The decimal number that a name is, up to its NUL byte.
#[cfg(target_os = "linux")]
fn number(name: &[u8]) -> Option<RawFd> {
    let mut value: RawFd = 0;
    for byte in name.iter().take_while(|byte| **byte != 0) {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value = value.checked_mul(10)?.checked_add(RawFd::from(digit))?;
    }
    Some(value)
}
