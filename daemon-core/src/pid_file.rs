//! The PID file. Its lock decides whether a daemon runs, never the pid in it.
//!
//! **The new file is the mutex.** A start never locks, writes or reuses the file that it finds at
//! the path. It makes a new one, `PATH.new`, mode 0600, and the lock on bytes 1 and up of that file
//! is the mutex of every process that wants to change the path. Why that is right:
//!
//! 1. *One holder.* Only a holder renames or unlinks `PATH.new`, and a holder is a process that has
//!    locked bytes 1 and up of a file *and has seen after that* that `PATH.new` names this file.
//! 2. *Dead is for ever.* Only a holder takes byte 0 of a file, before the file ever stands at the
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

mod in_place;
mod new_file;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::Pid;

use crate::error::{Error, ErrorKind, shown};
use crate::files::{NO_FOLLOW, is_same_file, missing_directory};
use crate::lock::{self, RunState};
use crate::sys::lock::ByteRange;
use crate::trust::{self, Untrusted};
use new_file::{Acquired, NewFile};

/// How often a file that is odd or replaced may be met.
const ATTEMPTS: usize = 50;

/// How long a start waits for other starts and clean-ups, each of which takes some ten system calls.
const MUTEX_TIMEOUT: Duration = Duration::from_secs(2);

/// The same for a clean-up, which can leave the file: it means nothing.
const CLEAN_UP_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a PID file may be locked before a pid stands in it, while a daemon starts.
pub(crate) const PID_WRITE_TIMEOUT: Duration = Duration::from_millis(100);

const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// What a launcher writes: the pid is not known yet.
const NO_PID: &[u8] = b"\n";

/// The longest content that a daemon writes: ten digits and a newline.
const CONTENT_MAX: libc::rlim_t = 11;

/// A PID file whose lock is held.
#[derive(Debug)]
pub(crate) struct PidFile {
    /// The description that has locked byte 0; the daemon inherits it.
    file: File,
    /// The description that has locked bytes 1 and up; no process inherits it.
    bring_up: File,
    path: PathBuf,
}

impl PidFile {
    /// The length of what the launcher writes; the daemon's pid replaces it.
    pub(crate) const OLD_LENGTH: u64 = NO_PID.len() as u64;

    /// Brings a new, locked file to the path, unless a daemon runs.
    ///
    /// From here to the moment the daemon writes its pid, a reader finds a newline.
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
                Acquired::Denied(cause) => return in_place::lock(path, cause),
                Acquired::Busy(new) if Instant::now() >= deadline => {
                    return Err(mutex_busy(path, &new_path, new));
                }
                Acquired::Busy(_) => {
                    pause();
                    continue;
                }
            };
            trust::check_pid_file_mode(mode, new.group()?).map_err(|reason| {
                // A file with this mode is refused at the next start.
                new.discard();
                untrusted(reason)
            })?;
            let Some(file) = new.prepare(path)? else {
                attempts.next().ok_or_else(|| unsteady(path))?;
                continue;
            };
            // The look that counts: from here on only the holder changes what stands at the path.
            let there = find(path).inspect_err(|_| new.discard_with(&file))?;
            if there.is_some_and(|there| lock::is_held(&there) != Ok(false)) {
                new.discard_with(&file);
                continue;
            }
            return match new.publish(file, path, mode) {
                Err(cause) if cause.raw_os_error() == Some(libc::EBUSY) => {
                    in_place::lock(path, cause)
                }
                published => published.map_err(|cause| failed("create", path, cause)),
            };
        }
    }

    /// Removes the file, if it still stands at the path, and lets go of the locks: the start has
    /// failed, or the daemon has done its work. The daemon must have been reaped.
    pub(crate) fn remove(self) {
        // Byte 0 of this file is locked, so no other process replaces it between these two calls.
        let is_ours = (self.file.metadata()).is_ok_and(|file| is_same_file(&self.path, &file));
        if is_ours && fs::remove_file(&self.path).is_err() {
            self.file.set_len(0).ok();
        }
        // In this order: a waiter that sees the bytes from 1 on free must find byte 0 free too.
        // Explicitly, because a child that another thread forked keeps the descriptions.
        let _ = lock::unlock_all(&self.file);
        let _ = lock::unlock_all(&self.bring_up);
    }

    /// Writes the pid of this process, which keeps the lock; returns the description that holds it.
    pub(crate) fn keep(self) -> Result<File, Error> {
        let line = format!("{}\n", std::process::id());
        let written = self.file.write_all_at(line.as_bytes(), 0);
        let kept = written.and_then(|()| self.file.try_clone());
        match kept {
            Ok(file) => {
                self.hand_over();
                Ok(file)
            }
            Err(cause) => {
                let error = failed("write", &self.path, cause);
                self.remove();
                Err(error)
            }
        }
    }

    /// The daemon is up: from here on the lock is its own.
    pub(crate) fn hand_over(self) {
        let _ = lock::unlock(&self.bring_up, ByteRange::BringUp);
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
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

/// Opens what stands at the path, to look at it; `None` when nothing does.
fn find(path: &Path) -> Result<Option<File>, Error> {
    let mut options = OpenOptions::new();
    let options = options.read(true).custom_flags(NO_FOLLOW.bits());
    let file = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|cause| failed("open", path, cause))?,
    };
    let metadata = file
        .metadata()
        .map_err(|cause| failed("open", path, cause))?;
    if metadata.is_dir() {
        return Err(failed("open", path, Errno::EISDIR.into()));
    }
    if !metadata.is_file() {
        return Err(irregular(path));
    }
    trust::check_pid_file(path, &metadata).map_err(|reason| untrusted(path, &reason))?;
    Ok(Some(file))
}

/// Refuses the start if a daemon runs or is being started.
///
/// Where the lock is held and no pid stands in the file, a daemon starts or ends at this moment, so
/// the file is looked at again for a while.
fn refuse_running(path: &Path) -> Result<(), Error> {
    let deadline = Instant::now() + PID_WRITE_TIMEOUT;
    loop {
        let Some(file) = find(path)? else {
            return Ok(());
        };
        let state = lock::run_state(&file).map_err(|errno| not_locked(path, errno))?;
        if state == RunState::Over {
            return Ok(());
        }
        let pid = lock::holder(&file);
        if pid.is_some() || Instant::now() >= deadline {
            return Err(already_running(path, &file, state, pid));
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Empties a file whose byte 0 is locked, and writes that the pid is not known yet.
fn write_no_pid(file: &File) -> io::Result<()> {
    // Beyond this limit a write does not fail, it kills: SIGXFSZ.
    let (limit, _) = getrlimit(Resource::RLIMIT_FSIZE)?;
    if limit < CONTENT_MAX {
        return Err(Errno::EFBIG.into());
    }
    // On some file systems this costs more than all the rest.
    if file.metadata()?.len() > 0 {
        file.set_len(0)?;
    }
    file.write_all_at(NO_PID, 0)
}

/// Between 0.2 and 2 ms, so that the processes that wait do not wait in step.
fn pause() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(0, |now| now.subsec_nanos());
    let spread = (now ^ std::process::id().wrapping_mul(2_654_435_761)) % 1800;
    thread::sleep(Duration::from_micros(200 + u64::from(spread)));
}

fn object(step: &str, path: &Path) -> String {
    format!("cannot {step} the PID file {}", shown(path))
}

fn failed(step: &str, path: &Path, cause: io::Error) -> Error {
    let kind = ErrorKind::CannotCreate;
    let what = object(step, path);
    match missing_directory(path, &cause) {
        Some(reason) => Error::words(kind, what, reason),
        None => unopened(kind, what, path, cause),
    }
}

/// The error for a PID file that could not be opened. No link is followed, and each system has another
/// errno for that.
pub(crate) fn unopened(kind: ErrorKind, what: String, path: &Path, cause: io::Error) -> Error {
    if path.is_symlink() {
        Error::explained(kind, what, "it is a symbolic link", cause)
    } else if cause.raw_os_error() == Some(libc::ENXIO) {
        // A socket, or a device without its counterpart.
        Error::explained(kind, what, "not a regular file", cause)
    } else {
        Error::system(kind, what, cause)
    }
}

fn refused(step: &str, path: &Path, reason: impl Into<String>) -> Error {
    Error::words(ErrorKind::CannotCreate, object(step, path), reason)
}

fn irregular(path: &Path) -> Error {
    refused("use", path, "not a regular file")
}

fn untrusted(path: &Path, reason: &Untrusted) -> Error {
    reason.error("PID file", path)
}

fn not_locked(path: &Path, errno: Errno) -> Error {
    match errno {
        Errno::ENOLCK | Errno::ENOSYS | Errno::EOPNOTSUPP => {
            refused("lock", path, "locks are not supported on this file system")
        }
        errno => failed("lock", path, errno.into()),
    }
}

fn read_locked(path: &Path) -> Error {
    let reason = "another process that is not a daemon of this program holds a read lock";
    refused("lock", path, reason)
}

fn unsteady(path: &Path) -> Error {
    refused("lock", path, "another process keeps replacing it")
}

fn already_running(path: &Path, file: &File, state: RunState, pid: Option<Pid>) -> Error {
    let reason = match (state, pid) {
        (RunState::Starting, Some(pid)) => format!("already being started, pid {pid}"),
        (RunState::Starting, None) => "already being started".to_owned(),
        (_, Some(pid)) => format!("already running, pid {pid}"),
        (_, None) if lock::is_ending(file) => match lock::visible_holder(file) {
            Some(pid) => format!("the previous daemon has not exited yet, pid {pid}"),
            None => "the previous daemon has not exited yet".to_owned(),
        },
        (_, None) => "already running, pid unknown".to_owned(),
    };
    Error::words(ErrorKind::AlreadyRunning, object("lock", path), reason)
}

fn mutex_busy(path: &Path, new_path: &Path, new: Option<File>) -> Error {
    let holder = new.and_then(|new| lock::visible_starter(&new));
    let holder = holder.map_or(String::new(), |pid| format!(", pid {pid},"));
    let new_path = shown(new_path);
    let reason = format!("another start or stop{holder} holds {new_path}");
    Error::words(ErrorKind::Busy, object("lock", path), reason)
}
