//! The locks of a PID file: which bytes mean what, and `flock(2)` for systems without locks on
//! ranges of bytes that belong to an open file description.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;

pub(crate) use super::platform::lock::{
    has_byte_ranges, holds, reader_holds, reserve_start_stamp, stamp_due, stamp_start, start_stamp,
    time_until_due, try_lock, unlock, unlock_all, unlock_below, visible_holders, writer,
};

#[cfg(all(test, target_os = "linux", not(daemon_fork)))]
pub(crate) use super::platform::lock::lacks_ofd_locks;

/// A part of a PID file that is locked on its own.
///
/// Bytes 1 and up say whether a run is being brought up. Nothing takes them again once the file is
/// readable, because another user could hold a read lock there for ever. They are only given back,
/// from below: where the lock that is left starts at an odd byte, a run is being brought up; at an
/// even one the run is up. Without a supervisor the whole range goes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteRange {
    /// Byte 0: the daemon's, from its launcher on to the end of its process.
    Daemon,
    /// Bytes 1 and up, but not those of the start stamp: a start or a clean-up is at work.
    BringUp,
}

/// The write lock of another description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WriterLock {
    /// Its first byte.
    pub(crate) start: i64,
    /// How many bytes it is long; 0 is to the end of the file, however long it gets.
    pub(crate) length: i64,
}

impl WriterLock {
    /// Of `flock(2)`, and of daemons of version 0.1.
    pub(crate) const WHOLE_FILE: Self = Self {
        start: 0,
        length: 0,
    };
}

/// A shared lock that a reader takes only to look lasts microseconds. Within this time there is a
/// gap between the locks of any number of readers.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);

const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// Takes the exclusive lock of the whole file; false when another description has one. Keeps a lock
/// that this description has.
pub(super) fn try_flock(file: &File) -> Result<bool, Errno> {
    let begin = Instant::now();
    loop {
        if try_flock_once(file)? {
            return Ok(true);
        }
        if is_flocked(file)? || begin.elapsed() >= LOCK_TIMEOUT {
            return Ok(false);
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Takes the exclusive lock of the whole file, unless another description has one of any kind.
pub(crate) fn try_flock_once(file: &File) -> Result<bool, Errno> {
    flock(file, libc::LOCK_EX | libc::LOCK_NB)
}

/// Whether another description has an exclusive lock. This description must have none.
///
/// These locks cannot be queried, only tried, so there is a shared lock for a moment.
pub(super) fn is_flocked(file: &File) -> Result<bool, Errno> {
    let is_held = !flock(file, libc::LOCK_SH | libc::LOCK_NB)?;
    if !is_held {
        unlock_flock(file)?;
    }
    Ok(is_held)
}

pub(super) fn unlock_flock(file: &File) -> Result<(), Errno> {
    flock(file, libc::LOCK_UN).map(drop)
}

fn flock(file: &File, operation: libc::c_int) -> Result<bool, Errno> {
    loop {
        // SAFETY: the descriptor is open as long as the file is borrowed.
        let locked = unsafe { libc::flock(file.as_raw_fd(), operation) };
        match Errno::result(locked) {
            Ok(_) => return Ok(true),
            Err(Errno::EWOULDBLOCK) => return Ok(false),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}
