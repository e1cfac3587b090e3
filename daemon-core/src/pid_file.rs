//! The PID file. Its lock decides whether a daemon runs, never the pid in it.
//!
//! **The new file is the mutex.** A start never locks, writes or reuses the file that it finds at
//! the path. It makes a new one, `PATH.new`, mode 0600, and the lock on bytes 1 and up of that file
//! is the mutex of every process that wants to change the path. Why that is right:
//!
//! 1. *One holder.* Only a holder renames or unlinks `PATH.new`, and a holder is a process that has
//!    locked bytes 1 and up of a file *and has seen after that* that `PATH.new` names this file.
//! 2. *Dead is for ever.* Only a holder takes byte 0 of a file, before the file is at the
//!    path. So a file at the path whose byte 0 is free never gets a daemon again, and what the
//!    second look at the path has seen is still true when the rename replaces that file.
//! 3. *Never two.* A holder renames over the path only when no file is there or a dead one, and a
//!    normal end of a daemon empties its file and does not unlink it.
//! 4. *No other user.* A lock that a start needs is asked for on `PATH.new` alone, which no other
//!    user can open. The mode of the PID file comes after the rename for that reason. A look at the
//!    path asks for a read lock, which only the lock of a writer denies, and takes none.
//!
//! A kill at any step leaves an empty `PATH.new` or an unlocked file at the path; the next start
//! uses the one and replaces the other.

mod failed_start;
mod failure;
mod found;
mod in_place;
mod locked;
mod new_file;
pub(crate) mod supervised;

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::error::Error;
use crate::files::is_same_file;
use crate::lock;
use crate::trust;
use failure::{failed, mutex_busy, unsteady, untrusted};
use found::{find, refuse_running};
use new_file::{ATTEMPTS, Acquired, NewFile, ODD_MODES_MAX, pause};

pub(crate) use failed_start::failure;
pub(crate) use failure::{launcher_stopped, unopened};
pub(crate) use found::{PID_WRITE_TIMEOUT, refuse_planted};
pub(crate) use locked::PidFile;

/// How long a start waits for other starts and clean-ups, each of which takes some ten system calls.
const MUTEX_TIMEOUT: Duration = Duration::from_secs(2);

/// The same for a clean-up, which can leave the file: it means nothing.
const CLEAN_UP_TIMEOUT: Duration = Duration::from_secs(1);

impl PidFile {
    /// Brings a new, locked file to the path, unless a daemon runs.
    ///
    /// From here to the moment the daemon writes its pid, the file is empty.
    pub(crate) fn create(path: &Path, mode: u32) -> Result<Self, Error> {
        let untrusted = |reason| untrusted(path, &reason);
        trust::check_way(path, None).map_err(untrusted)?;
        let new_path = new_file::path_of(path);
        let deadline = Instant::now() + MUTEX_TIMEOUT;
        let mut attempts = 0..ATTEMPTS;
        loop {
            refuse_running(path)?;
            let new = match NewFile::acquire(&new_path)? {
                Acquired::Holder(new) => new,
                Acquired::Denied(errno) => return in_place::lock(path, errno),
                Acquired::Busy(new) if Instant::now() >= deadline => {
                    return Err(mutex_busy(path, &new_path, new));
                }
                Acquired::Busy(_) => {
                    pause();
                    continue;
                }
            };
            // A file that is made anew and still has another mode is in a file system without modes,
            // such as a folder of the host of a virtual machine.
            let has_modes = attempts.start < ODD_MODES_MAX;
            let metadata = new.metadata()?;
            let its_mode = if has_modes { mode } else { metadata.mode() };
            trust::check_pid_file_mode(its_mode, metadata.gid()).map_err(|reason| {
                // A file with this mode is refused at the next start.
                new.discard();
                untrusted(reason)
            })?;
            let Some(file) = new.prepare(path, has_modes)? else {
                attempts.next().ok_or_else(|| unsteady(path))?;
                continue;
            };
            // The look that counts: from here on only the holder changes what is at the path.
            let there = find(path).inspect_err(|_| new.discard_with(&file))?;
            if there.is_some_and(|there| lock::is_held(&there) != Ok(false)) {
                new.discard_with(&file);
                continue;
            }
            return match new.publish(file, path, mode, has_modes) {
                Err(cause) if cause.raw_os_error() == Some(libc::EBUSY) => {
                    in_place::lock(path, Errno::EBUSY)
                }
                published => published.map_err(|cause| failed("create", path, cause)),
            };
        }
    }
}

/// Fails where [`PidFile::create`] would, but for a daemon that runs.
pub(crate) fn rehearse(path: &Path) -> Result<(), Error> {
    trust::check_way(path, None).map_err(|reason| untrusted(path, &reason))?;
    match NewFile::acquire(&new_file::path_of(path))? {
        Acquired::Holder(new) => new.discard(),
        Acquired::Denied(errno) => in_place::open(path, errno).map(drop)?,
        Acquired::Busy(_) => {}
    }
    Ok(())
}

/// The mutex of every process that wants to change the path, or what no start may see half done.
#[derive(Debug)]
pub(crate) struct Mutex(NewFile);

impl Mutex {
    /// Takes it, unless another process holds it.
    pub(crate) fn try_acquire(pid_file: &Path) -> Result<Option<Self>, Error> {
        trust::check_way(pid_file, None).map_err(|reason| untrusted(pid_file, &reason))?;
        let path = new_file::path_of(pid_file);
        match NewFile::acquire(&path)? {
            Acquired::Holder(new) => Ok(Some(Self(new))),
            Acquired::Busy(_) => Ok(None),
            Acquired::Denied(errno) => Err(failed("lock", pid_file, errno.into())),
        }
    }
}

impl Drop for Mutex {
    fn drop(&mut self) {
        self.0.discard();
    }
}

/// Removes the file that an ended daemon has left, and what a killed start has left beside it. A
/// file that stays is unlocked and means nothing.
pub(crate) fn remove_stale(path: &Path, left: Option<&File>) {
    let new_path = new_file::path_of(path);
    if left.is_none() && fs::symlink_metadata(&new_path).is_err() {
        return;
    }
    let deadline = Instant::now() + CLEAN_UP_TIMEOUT;
    let new = loop {
        match NewFile::acquire(&new_path) {
            Ok(Acquired::Holder(new)) => break new,
            Ok(Acquired::Busy(_)) if Instant::now() < deadline => pause(),
            _ => return,
        }
    };
    let is_left = left.is_some_and(|left| {
        left.metadata().is_ok_and(|file| is_same_file(path, &file))
            && lock::is_held(left) == Ok(false)
            && lock::is_ours(left)
    });
    if is_left {
        fs::remove_file(path).ok();
    }
    new.discard();
}
