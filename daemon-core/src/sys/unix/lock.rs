//! An exclusive lock on the whole file, see `flock(2)`: not every system has locks of an open file
//! description on ranges of bytes.

use std::fs::File;
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::sys::lock::{ByteRange, WriterLock, is_flocked, try_flock, unlock_flock};

/// Whether the parts of a file are locked on their own. Where they are not, each lock is that of the
/// whole file.
pub(crate) fn has_byte_ranges() -> bool {
    false
}

/// Takes the lock; false when another description has one. Keeps a lock that this description has.
pub(crate) fn try_lock(file: &File, _range: ByteRange) -> Result<bool, Errno> {
    try_flock(file)
}

/// Gives a part back. The lock of the whole file is the daemon's, and stays until its end.
pub(crate) fn unlock(_file: &File, _range: ByteRange) -> Result<(), Errno> {
    Ok(())
}

/// As [`unlock`].
pub(crate) fn unlock_below(_file: &File, _byte: i64) -> Result<(), Errno> {
    Ok(())
}

/// Without locks on ranges of bytes there is no such stamp.
pub(crate) fn stamp_due(_file: &File, _delay: Duration) {}

/// As [`stamp_due`].
pub(crate) fn time_until_due(_lock: WriterLock) -> Option<Duration> {
    None
}

/// Gives all back that this description has.
pub(crate) fn unlock_all(file: &File) -> Result<(), Errno> {
    unlock_flock(file)
}

/// The lock of another description, if there is one. This description must have none.
pub(crate) fn writer(file: &File, range: ByteRange) -> Result<Option<WriterLock>, Errno> {
    match range {
        ByteRange::Daemon => Ok(is_flocked(file)?.then_some(WriterLock::WHOLE_FILE)),
        ByteRange::BringUp => Ok(None),
    }
}

/// Whether another description has a lock that no daemon takes: a shared one. If not, the lock is
/// ours afterwards.
pub(crate) fn reader_holds(file: &File) -> Result<bool, Errno> {
    Ok(!try_flock(file)? && !is_flocked(file)?)
}

/// Without locks on ranges of bytes there is no start stamp.
pub(crate) fn reserve_start_stamp(_file: &File) {}

/// As [`reserve_start_stamp`].
pub(crate) fn stamp_start(_file: RawFd) {}

/// As [`reserve_start_stamp`].
pub(crate) fn start_stamp(_file: &File) -> Option<Duration> {
    None
}

/// Whether this process holds the lock. These systems only say that it does not: it is gone.
pub(crate) fn holds(pid: Pid, _file: &File, _range: ByteRange) -> io::Result<bool> {
    match kill(pid, None) {
        Err(Errno::ESRCH) => Ok(false),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// The processes that hold the lock, as far as they can be seen: none.
pub(crate) fn visible_holders(_file: &File, _range: ByteRange) -> impl Iterator<Item = Pid> {
    std::iter::empty()
}
