//! Write locks of an open file description on ranges of bytes, see `F_OFD_SETLK` in `fcntl(2)`.

mod holders;

use std::fs::File;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

#[cfg(target_pointer_width = "64")]
use super::clock;
use crate::sys::lock::{ByteRange, WriterLock, is_flocked, try_flock, unlock_flock};

pub(crate) use holders::{holds, visible_holders};

// The system's structure has narrower fields than its constants.
#[expect(clippy::cast_possible_truncation, reason = "they are 0, 1 and 2")]
const READ: libc::c_short = libc::F_RDLCK as libc::c_short;
#[expect(clippy::cast_possible_truncation, reason = "they are 0, 1 and 2")]
const WRITE: libc::c_short = libc::F_WRLCK as libc::c_short;
#[expect(clippy::cast_possible_truncation, reason = "they are 0, 1 and 2")]
const NONE: libc::c_short = libc::F_UNLCK as libc::c_short;
#[expect(clippy::cast_possible_truncation, reason = "it is 0")]
const FROM_START: libc::c_short = libc::SEEK_SET as libc::c_short;

/// Cleared by the first call that the kernel does not know: gVisor, WSL 1 and Linux before 3.15.
static HAS_OFD_LOCKS: AtomicBool = AtomicBool::new(true);

/// Whether the parts of a file are locked on their own, as far as it is known yet. Where they are
/// not, each lock is that of the whole file, see `flock(2)`.
pub(crate) fn has_byte_ranges() -> bool {
    HAS_OFD_LOCKS.load(Ordering::Relaxed)
}

/// Takes the write lock; false when another description has a lock there.
pub(crate) fn try_lock(file: &File, range: ByteRange) -> Result<bool, Errno> {
    match set(file, &flock(WRITE, bounds(range))) {
        Ok(()) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(Errno::EINVAL) if lacks_ofd_locks() => try_flock(file),
        Err(errno) => Err(errno),
    }
}

/// Gives a part back. A close would not do: a child that another thread forked keeps the
/// description.
pub(crate) fn unlock(file: &File, range: ByteRange) -> Result<(), Errno> {
    match set(file, &flock(NONE, bounds(range))) {
        // The lock of the whole file is the daemon's, and stays until its end.
        Err(Errno::EINVAL) if lacks_ofd_locks() => Ok(()),
        other => other,
    }
}

/// Gives the bytes of a bring-up back that are below this one.
pub(crate) fn unlock_below(file: &File, byte: i64) -> Result<(), Errno> {
    #[allow(
        clippy::unnecessary_fallible_conversions,
        reason = "they are narrower on 32-bit systems"
    )]
    let length = libc::off_t::try_from(byte - 1).map_err(|_| Errno::EOVERFLOW)?;
    match set(file, &flock(NONE, (BRING_UP.0, length))) {
        Err(Errno::EINVAL) if lacks_ofd_locks() => Ok(()),
        other => other,
    }
}

/// Gives as many bytes of a bring-up back, from above, as milliseconds will have passed since the
/// system started when the daemon is started again.
pub(crate) fn stamp_due(file: &File, delay: Duration) {
    #[cfg(target_pointer_width = "64")]
    if let Ok(now) = clock::since_boot() {
        if let Some(due) = milliseconds(now.saturating_add(delay)) {
            let _ = set(file, &flock(NONE, (STAMP_START - due, due)));
        }
    }
    #[cfg(not(target_pointer_width = "64"))]
    let _ = (file, delay);
}

#[cfg(target_pointer_width = "64")]
fn milliseconds(time: Duration) -> Option<libc::off_t> {
    time.as_millis().try_into().ok()
}

/// How long it is until the daemon is started again, as the lock of the supervisor tells it.
pub(crate) fn time_until_due(lock: WriterLock) -> Option<Duration> {
    #[cfg(target_pointer_width = "64")]
    {
        let due = STAMP_START.checked_sub(lock.start.checked_add(lock.length)?)?;
        let due = Duration::from_millis(u64::try_from(due).ok().filter(|due| *due > 0)?);
        Some(due.saturating_sub(clock::since_boot().ok()?))
    }
    #[cfg(not(target_pointer_width = "64"))]
    {
        let _ = lock;
        None
    }
}

/// Gives all back that this description has.
pub(crate) fn unlock_all(file: &File) -> Result<(), Errno> {
    match set(file, &flock(NONE, WHOLE_FILE)) {
        Err(Errno::EINVAL) if lacks_ofd_locks() => unlock_flock(file),
        other => other,
    }
}

/// The write lock of another description, if there is one. Takes no lock: one that is
/// taken only to look makes an honest start fail.
pub(crate) fn writer(file: &File, range: ByteRange) -> Result<Option<WriterLock>, Errno> {
    match conflict(file, READ, bounds(range)) {
        Err(Errno::EINVAL) if lacks_ofd_locks() => match range {
            ByteRange::Daemon => Ok(is_flocked(file)?.then_some(WriterLock::WHOLE_FILE)),
            ByteRange::BringUp => Ok(None),
        },
        other => other,
    }
}

/// Whether another description has a lock that no daemon takes: a read lock, unless there is a
/// writer.
pub(crate) fn reader_holds(file: &File) -> Result<bool, Errno> {
    match conflict(file, WRITE, bounds(ByteRange::Daemon)) {
        Ok(lock) => Ok(lock.is_some()),
        Err(Errno::EINVAL) if lacks_ofd_locks() => Ok(!try_flock(file)? && !is_flocked(file)?),
        Err(errno) => Err(errno),
    }
}

/// Finds out, after an error, whether the kernel does not know these locks, and notes it. A single file
/// system may give this error too.
#[cold]
pub(crate) fn lacks_ofd_locks() -> bool {
    let in_memory = super::files::in_memory().map(|file| conflict(&file, READ, WHOLE_FILE));
    let is_known = matches!(in_memory, Ok(Ok(_)));
    if !is_known {
        HAS_OFD_LOCKS.store(false, Ordering::Relaxed);
    }
    !is_known
}

/// The start and the length; 0 is to the end of the file, however long it gets.
type Bounds = (libc::off_t, libc::off_t);

const WHOLE_FILE: Bounds = (0, 0);

/// Where the bytes begin that say when the daemon started. Narrow offsets have no room for them.
#[cfg(target_pointer_width = "64")]
const STAMP_START: libc::off_t = 1 << 61;
#[cfg(target_pointer_width = "64")]
const BRING_UP: Bounds = (1, STAMP_START - 1);
#[cfg(not(target_pointer_width = "64"))]
const BRING_UP: Bounds = (1, 0);

fn bounds(range: ByteRange) -> Bounds {
    match range {
        ByteRange::Daemon => (0, 1),
        ByteRange::BringUp => BRING_UP,
    }
}

/// Locks the bytes of the start stamp, with the description that the daemon inherits, before any other
/// user can open the file. Where that fails, there is no stamp.
pub(crate) fn reserve_start_stamp(file: &File) {
    #[cfg(target_pointer_width = "64")]
    if has_byte_ranges() {
        let _ = set(file, &flock(WRITE, (STAMP_START, STAMP_START)));
    }
    #[cfg(not(target_pointer_width = "64"))]
    let _ = file;
}

/// Gives back as many bytes of the stamp as milliseconds have passed since the system started, in the
/// child: the lock that is left tells when the daemon started. A lock that is only given back cannot
/// be forged by another user.
pub(crate) fn stamp_start(file: RawFd) {
    #[cfg(target_pointer_width = "64")]
    if let Some(now) = clock::since_boot().ok().and_then(milliseconds) {
        let lock = flock(NONE, (STAMP_START, now));
        // SAFETY: the structure lives until the call returns, which only reads it.
        unsafe { libc::fcntl(file, libc::F_OFD_SETLK, &raw const lock) };
    }
    #[cfg(not(target_pointer_width = "64"))]
    let _ = file;
}

/// When the daemon started that holds the lock, since the system started.
pub(crate) fn start_stamp(file: &File) -> Option<Duration> {
    #[cfg(target_pointer_width = "64")]
    {
        let lock = conflict(file, READ, (STAMP_START, 0)).ok()??;
        let milliseconds = u64::try_from(lock.start.checked_sub(STAMP_START)?).ok()?;
        // Before the stamp was made, and for a lock on the whole file.
        (milliseconds > 0).then(|| Duration::from_millis(milliseconds))
    }
    #[cfg(not(target_pointer_width = "64"))]
    {
        let _ = file;
        None
    }
}

fn set(file: &File, lock: &libc::flock) -> Result<(), Errno> {
    loop {
        match fcntl(file, FcntlArg::F_OFD_SETLK(lock)) {
            // It waits for nothing, but a network file system may.
            Err(Errno::EINTR) => {}
            other => return other.map(drop),
        }
    }
}

fn conflict(file: &File, kind: libc::c_short, bounds: Bounds) -> Result<Option<WriterLock>, Errno> {
    let mut lock = flock(kind, bounds);
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock))?;
    #[allow(
        clippy::useless_conversion,
        reason = "they are narrower on 32-bit systems"
    )]
    Ok((lock.l_type != NONE).then(|| WriterLock {
        start: i64::from(lock.l_start),
        length: i64::from(lock.l_len),
    }))
}

fn flock(kind: libc::c_short, (start, length): Bounds) -> libc::flock {
    libc::flock {
        l_type: kind,
        l_whence: FROM_START,
        l_start: start,
        l_len: length,
        l_pid: 0,
    }
}
