//! An exclusive lock on the whole file, see `flock(2)`: open-file-description locks of `fcntl(2)`
//! are not to be had everywhere.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

/// Those who take a lock only to look hold it for microseconds: however many there are, and however
/// often they look, within this time there is a gap between them.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often the gap is tried for.
const STEP: Duration = Duration::from_millis(1);

/// Takes the lock; false when somebody else holds one. Does no harm to a lock that is ours.
pub(crate) fn try_lock(file: &File) -> Result<bool, Errno> {
    let begin = Instant::now();
    loop {
        if flock(file, libc::LOCK_EX | libc::LOCK_NB)? {
            return Ok(true);
        }
        if writer_holds(file)? || begin.elapsed() >= PATIENCE {
            return Ok(false);
        }
        thread::sleep(STEP);
    }
}

/// Whether somebody else holds an exclusive lock, as daemons do. The file must not be locked by
/// ourselves.
///
/// These locks cannot be asked for, only tried, so for a moment there is a shared lock. An honest
/// start that meets with it tries again, see [`try_lock`].
pub(crate) fn writer_holds(file: &File) -> Result<bool, Errno> {
    let is_held = !flock(file, libc::LOCK_SH | libc::LOCK_NB)?;
    if !is_held {
        flock(file, libc::LOCK_UN)?;
    }
    Ok(is_held)
}

/// Whether somebody else holds a lock that no daemon takes: a shared one. If not, the lock is
/// ours afterwards.
pub(crate) fn reader_holds(file: &File) -> Result<bool, Errno> {
    Ok(!try_lock(file)? && !writer_holds(file)?)
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

/// Whether this process holds the lock. On these systems nobody says that it does, only that it
/// does not: it is gone.
pub(crate) fn holds(pid: Pid, _file: &File) -> io::Result<bool> {
    match kill(pid, None) {
        Err(Errno::ESRCH) => Ok(false),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// The processes that hold the lock, as far as they can be seen: none.
pub(crate) fn visible_holders(_file: &File) -> impl Iterator<Item = Pid> {
    std::iter::empty()
}
