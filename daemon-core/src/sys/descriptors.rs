//! Raw descriptors: between clone and exec, and after an exec, no type owns a descriptor.

use std::fs::{File, Metadata};
use std::io::{self, IoSlice};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

// The names that the standard library uses: each other name is one more for the dynamic linker.
#[cfg(not(target_os = "linux"))]
use libc::{ftruncate, pwrite};
#[cfg(target_os = "linux")]
use libc::{ftruncate64 as ftruncate, pwrite64 as pwrite};
use nix::errno::Errno;
use nix::sys::stat::{FileStat, fstat};

pub(crate) use super::platform::descriptors::FdsToClose;
use crate::files::FileId;

/// A duplicate of a descriptor, not below `at_least`.
///
/// `fd` may be any integer: the result is a new descriptor that this process owns.
pub(crate) fn duplicate(fd: RawFd, at_least: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the call takes integers, and closes or changes nothing.
    let new = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, at_least) };
    let new = Errno::result(new)?;
    // SAFETY: the system has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(new) })
}

/// A duplicate of an inherited descriptor. It is above the original where that is possible, because the
/// program may expect inherited descriptors below it.
pub(crate) fn adopt(fd: RawFd) -> io::Result<OwnedFd> {
    duplicate(fd, fd).or_else(|_| duplicate(fd, libc::STDERR_FILENO + 1))
}

/// Takes over a descriptor that the launcher opened for this process.
pub(crate) fn take_over(fd: RawFd) -> Result<OwnedFd, Errno> {
    close_on_exec(fd)?;
    // SAFETY: it is open, and no code of this process has known of it before.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The two ends of a pipe, see `pipe2(2)`: both are close-on-exec and non-blocking.
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn pipe() -> io::Result<(File, File)> {
    let flags = nix::fcntl::OFlag::O_CLOEXEC | nix::fcntl::OFlag::O_NONBLOCK;
    let (reader, writer) = nix::unistd::pipe2(flags)?;
    Ok((reader.into(), writer.into()))
}

/// Two sockets serve as well where there is no `pipe2`.
#[cfg(target_vendor = "apple")]
pub(crate) fn pipe() -> io::Result<(File, File)> {
    let (reader, writer) = std::os::unix::net::UnixStream::pair()?;
    reader.set_nonblocking(true)?;
    writer.set_nonblocking(true)?;
    let [reader, writer] = [reader, writer].map(OwnedFd::from);
    Ok((reader.into(), writer.into()))
}

/// Whether this descriptor is open.
pub(crate) fn is_open(fd: RawFd) -> bool {
    // SAFETY: the call takes integers, and changes nothing.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
    flags != -1
}

/// Whether it is open as this library opens a log: to write to its end.
pub(crate) fn appends(fd: RawFd) -> bool {
    // SAFETY: the call takes integers, and changes nothing.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    flags != -1 && flags & libc::O_APPEND != 0 && flags & libc::O_ACCMODE != libc::O_RDONLY
}

/// How many bytes can be read from a pipe at once, see `FIONREAD` in `ioctl(2)`; 0 if that is not known.
pub(crate) fn unread_bytes(pipe: &File) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: the count is written to a variable that lives longer than the call.
    let asked = unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &raw mut count) };
    if asked == 0 {
        usize::try_from(count).unwrap_or(0)
    } else {
        0
    }
}

/// The metadata of an open file, see `fstat(2)`.
pub(crate) fn metadata(fd: RawFd) -> io::Result<Metadata> {
    // SAFETY: what is never dropped closes nothing, and the system refuses what is no descriptor.
    let file = ManuallyDrop::new(unsafe { File::from_raw_fd(fd) });
    file.metadata()
}

/// Which file it leads to, unless it is closed.
pub(crate) fn file_id(fd: RawFd) -> Option<FileId> {
    let file = metadata(fd).ok()?;
    Some(FileId::from(&file))
}

/// `fstat(2)`, in a handler of signals too.
pub(crate) fn status(fd: RawFd) -> Result<FileStat, Errno> {
    // SAFETY: the system refuses what is no descriptor, and the borrow ends with the call.
    fstat(unsafe { BorrowedFd::borrow_raw(fd) })
}

/// `writev(2)`, in a handler of signals too. An error cannot be reported anywhere.
pub(crate) fn write_parts(file: BorrowedFd<'_>, parts: &[IoSlice<'_>]) {
    let count = libc::c_int::try_from(parts.len()).unwrap_or(libc::c_int::MAX);
    // SAFETY: an `IoSlice` has the layout of an `iovec`, and the count is that of the slice.
    unsafe { libc::writev(file.as_raw_fd(), parts.as_ptr().cast(), count) };
}

/// `dup2(2)`, in the child, and in a supervisor for a descriptor of its own.
pub(crate) fn place(from: RawFd, onto: RawFd) -> Result<(), Errno> {
    // SAFETY: the call takes integers; what it closes is not owned by any type.
    let placed = unsafe { libc::dup2(from, onto) };
    Errno::result(placed).map(drop)
}

/// `listen(2)`, with room for so many clients: `nix` takes no more than a constant of the system.
pub(crate) fn listen(socket: BorrowedFd<'_>, backlog: libc::c_int) -> Result<(), Errno> {
    // SAFETY: the call takes integers.
    let listens = unsafe { libc::listen(socket.as_raw_fd(), backlog) };
    Errno::result(listens).map(drop)
}

/// Lets a descriptor pass through the exec.
pub(crate) fn keep_open(descriptor: RawFd) -> Result<(), Errno> {
    set_flags(descriptor, 0)
}

/// Closes a descriptor at the next exec.
pub(crate) fn close_on_exec(descriptor: RawFd) -> Result<(), Errno> {
    set_flags(descriptor, libc::FD_CLOEXEC)
}

fn set_flags(descriptor: RawFd, flags: libc::c_int) -> Result<(), Errno> {
    // SAFETY: the call takes integers; the flags belong to the child's own table.
    let set = unsafe { libc::fcntl(descriptor, libc::F_SETFD, flags) };
    Errno::result(set).map(drop)
}

/// `pwrite(2)` at the beginning, in the child.
pub(super) fn write_at_start(file: RawFd, bytes: &[u8]) -> Result<(), Errno> {
    // SAFETY: the pointer and the length are those of a slice.
    let written = unsafe { pwrite(file, bytes.as_ptr().cast(), bytes.len(), 0) };
    match Errno::result(written) {
        Ok(length) if length.unsigned_abs() == bytes.len() => Ok(()),
        // There is room for some of it only.
        Ok(_) => Err(Errno::ENOSPC),
        Err(errno) => Err(errno),
    }
}

/// `ftruncate(2)`, in the child and in the exit handler.
pub(crate) fn truncate(file: RawFd, length: usize) -> Result<(), Errno> {
    let length = i64::try_from(length).map_err(|_| Errno::EFBIG)?;
    // SAFETY: the call takes integers.
    let truncated = unsafe { ftruncate(file, length) };
    Errno::result(truncated).map(drop)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    /// There is no free fd above it.
    #[test]
    fn highest_descriptor_is_adopted() {
        let mut limit = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: the call writes the limit, which is borrowed.
        let read = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
        assert_eq!(read, 0);
        let Ok(end) = RawFd::try_from(limit.rlim_cur) else {
            return;
        };
        let null = File::open("/dev/null").unwrap();
        // Where the limit is higher than the system allows, there is no such fd.
        let Ok(highest) = duplicate(null.as_raw_fd(), end - 1) else {
            return;
        };
        let adopted = adopt(highest.as_raw_fd()).unwrap();
        assert!(adopted.as_raw_fd() < highest.as_raw_fd());
    }
}
