//! Write locks of an open file description on ranges of bytes, see `F_OFD_SETLK` in `fcntl(2)`.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::RawFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::kill;
#[cfg(target_pointer_width = "64")]
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

use crate::files::FileId;
use crate::sys::lock::{ByteRange, WriterLock, is_flocked, try_flock, unlock_flock};

use super::process;

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

/// Gives a part back. Explicitly, because a child that another thread forked keeps the description.
pub(crate) fn unlock(file: &File, range: ByteRange) -> Result<(), Errno> {
    match set(file, &flock(NONE, bounds(range))) {
        // The lock of the whole file is the daemon's, and stays until its end.
        Err(Errno::EINVAL) if lacks_ofd_locks() => Ok(()),
        other => other,
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

/// Notes that the kernel does not know these locks.
fn lacks_ofd_locks() -> bool {
    HAS_OFD_LOCKS.store(false, Ordering::Relaxed);
    true
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
    if let Ok(now) = clock_gettime(ClockId::CLOCK_BOOTTIME) {
        let now = now.tv_sec() * 1000 + now.tv_nsec() / 1_000_000;
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

/// The processes that hold the lock, whatever the pid in the file, as far as they can be seen. Slow:
/// it reads the whole of `/proc`.
pub(crate) fn visible_holders(file: &File, range: ByteRange) -> impl Iterator<Item = Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten();
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .map(Pid::from_raw)
        .filter(move |pid| holds(*pid, file, range).unwrap_or(false))
}

/// Whether a descriptor of the process refers to this very file and holds its lock; an error where
/// that cannot be seen.
pub(crate) fn holds(pid: Pid, file: &File, range: ByteRange) -> io::Result<bool> {
    let process = match process::directory(pid) {
        // It shows the processes of another PID namespace, whose pids prove nothing.
        Err(_) if process::has_proc() => return Ok(false),
        directory => directory?,
    };
    let look = || -> io::Result<bool> {
        if let Some(is_held) = is_held_in(&process, file, range)? {
            return Ok(is_held);
        }
        // The first thread has ended and has no descriptors any more; those of the others live on.
        for thread in fs::read_dir(process.join("task"))? {
            if is_held_in(&thread?.path(), file, range)? == Some(true) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    match look() {
        // If it has not ended, it is hidden.
        Err(error) if error.kind() == io::ErrorKind::NotFound && kill(pid, None) == GONE => {
            Ok(false)
        }
        other => other,
    }
}

/// The result of kill(2) for a pid that no process has.
const GONE: Result<(), Errno> = Err(Errno::ESRCH);

/// As [`holds`], for the descriptors of a process or a thread, given its directory in `/proc`;
/// `None` where it has none.
fn is_held_in(directory: &Path, file: &File, range: ByteRange) -> io::Result<Option<bool>> {
    let id = FileId::of_open(file)?;
    let mut found = None;
    for descriptor in fs::read_dir(directory.join("fd"))? {
        // A descriptor may be closed at any time, and so may the whole process.
        let Ok(descriptor) = descriptor else { continue };
        found = Some(false);
        // A daemon's lock is never among its standard streams.
        if ["0", "1", "2"]
            .map(OsStr::new)
            .contains(&&*descriptor.file_name())
        {
            continue;
        }
        // The lock first, which the kernel knows, and the file only then: another file may be on a
        // file system that does not answer any more.
        let details = directory.join("fdinfo").join(descriptor.file_name());
        let Some(details) = unless_denied(fs::read_to_string(details))? else {
            continue;
        };
        let is_locked = details.lines().any(|line| is_our_lock(line, range));
        // gVisor has no locks in fdinfo.
        let shows_no_locks =
            !has_byte_ranges() && !details.lines().any(|line| line.starts_with("lock:"));
        if !is_locked && !shows_no_locks {
            continue;
        }
        let is_this = |other: Metadata| FileId::from(&other) == id;
        if unless_denied(fs::metadata(descriptor.path()))?.is_some_and(is_this) {
            if shows_no_locks {
                return Err(io::ErrorKind::Unsupported.into());
            }
            return Ok(Some(true));
        }
    }
    Ok(found)
}

/// `None` for what is not there any more.
fn unless_denied<T>(seen: io::Result<T>) -> io::Result<Option<T>> {
    match seen {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        other => Ok(other.ok()),
    }
}

/// Whether such a line tells of a lock as daemons and launchers take it, see
/// `proc_pid_fdinfo(5)`. A daemon of version 0.1 has locked the whole file.
///
/// Where the kernel has locks on ranges of bytes, a lock by `flock(2)` excludes no daemon.
fn is_our_lock(line: &str, range: ByteRange) -> bool {
    let fields: Vec<_> = line.split_whitespace().collect();
    let ["lock:", _, kind, _, "WRITE", _, _, start, _] = fields[..] else {
        return false;
    };
    match (has_byte_ranges(), range) {
        (true, ByteRange::Daemon) => kind == "OFDLCK" && start == "0",
        // A supervisor has given the lowest bytes back.
        (true, ByteRange::BringUp) => {
            let (first, length) = BRING_UP;
            let is_there =
                |start: libc::off_t| start >= first && (length == 0 || start < first + length);
            kind == "OFDLCK" && start.parse().is_ok_and(is_there)
        }
        (false, _) => kind == "FLOCK",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_write_lock_on_byte_0_is_a_daemons() {
        let line = |middle: &str| format!("lock:\t1: {middle}");
        let is_daemons = |middle: &str| is_our_lock(&line(middle), ByteRange::Daemon);
        assert!(is_daemons("OFDLCK ADVISORY  WRITE -1 fe:01:12 0 0"));
        assert!(
            is_daemons("OFDLCK ADVISORY  WRITE -1 fe:01:12 0 EOF"),
            "version 0.1"
        );
        assert!(!is_daemons("OFDLCK ADVISORY  READ -1 fe:01:12 0 0"));
        assert!(!is_daemons("OFDLCK ADVISORY  WRITE -1 fe:01:12 1 EOF"));
        assert!(!is_daemons("POSIX  ADVISORY  WRITE 12 fe:01:12 0 0"));
        assert!(!is_daemons("FLOCK  ADVISORY  WRITE 12 fe:01:12 0 EOF"));
        assert!(!is_daemons(""));
    }
}
