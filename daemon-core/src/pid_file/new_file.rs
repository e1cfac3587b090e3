//! `PATH.new`: the PID file of the next daemon, whose lock is the mutex of every process that wants
//! to change what is at the path.

use std::cell::Cell;
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::geteuid;

use super::failure::{failed, irregular, not_locked, refused, untrusted};
use super::locked::{PidFile, empty};
use crate::error::Error;
use crate::files::{FileId, NO_FOLLOW, is_same_file};
use crate::lock;
use crate::sys::lock::ByteRange;
use crate::trust::{self, Untrusted};

/// How often a file that is odd or replaced may be met.
pub(super) const ATTEMPTS: usize = 50;

/// After how many odd files in a row the modes of the file system are not what is asked for.
pub(super) const ODD_MODES_MAX: usize = 3;

/// No other user can open such a file, so no other user can lock it.
const PRIVATE_MODE: u32 = 0o600;

/// The file, while this process is its holder: bytes 1 and up are locked, and after that `PATH.new`
/// was seen to name it.
#[derive(Debug)]
pub(super) struct NewFile {
    path: PathBuf,
    file: File,
}

/// The outcome of one attempt to become the holder.
pub(super) enum Acquired {
    Holder(NewFile),
    /// Another process is the holder, or has just been: of this file, where it could be opened.
    Busy(Option<File>),
    /// The directory cannot be written to.
    Denied(Errno),
}

pub(super) fn path_of(pid_file: &Path) -> PathBuf {
    let mut path = OsString::from(pid_file);
    path.push(".new");
    path.into()
}

impl NewFile {
    /// Makes the file, if it is not there, and tries to become its holder.
    pub(super) fn acquire(path: &Path) -> Result<Acquired, Error> {
        let file = match options().create(true).mode(PRIVATE_MODE).open(path) {
            Ok(file) => file,
            Err(cause) => return denied(path, cause),
        };
        let metadata = file
            .metadata()
            .map_err(|cause| failed("open", path, cause))?;
        if !metadata.is_file() {
            return Err(irregular(path));
        }
        // Another user may have created a missing directory between the first check and the open.
        trust::check_way(path, None)
            .and_then(|()| trust::check_owner(path, &metadata, None))
            .map_err(|reason| untrusted(path, &reason))?;
        match lock::try_lock(&file, ByteRange::BringUp) {
            Ok(true) if is_same_file(path, &metadata) => {
                let is_left = is_left_by_a_start(&file);
                if !is_left.map_err(|cause| failed("open", path, cause))? {
                    let _ = lock::unlock_all(&file);
                    let reason = "it exists, and no start has left it";
                    return Err(refused("create", path, reason));
                }
            }
            // The holder before has renamed or unlinked it.
            Ok(true) => {
                let _ = lock::unlock_all(&file);
                return Ok(Acquired::Busy(None));
            }
            Ok(false) => return Ok(Acquired::Busy(Some(file))),
            Err(errno) => {
                // Without locks no process is its holder.
                if metadata.len() == 0 {
                    fs::remove_file(path).ok();
                }
                return Err(not_locked(path, errno));
            }
        }
        Ok(Acquired::Holder(Self {
            path: path.to_owned(),
            file,
        }))
    }

    /// Its mode, and its group, which a directory can pass on.
    pub(super) fn metadata(&self) -> Result<Metadata, Error> {
        let metadata = self.file.metadata();
        metadata.map_err(|cause| failed("open", &self.path, cause))
    }

    /// Opens the description that the daemon inherits, and locks byte 0 with it. `None` when the file was
    /// odd: it is removed then.
    pub(super) fn prepare(&self, pid_file: &Path, has_modes: bool) -> Result<Option<File>, Error> {
        let failed = |step| move |cause| failed(step, pid_file, cause);
        let metadata = self.file.metadata().map_err(failed("open"))?;
        let prepared = self.open_for_daemon(&metadata, has_modes);
        let prepared = prepared.and_then(|file| match file {
            Some(file) => empty(&file).map(|()| Some(file)),
            None => Ok(None),
        });
        if !matches!(prepared, Ok(Some(_))) {
            self.discard();
        }
        prepared.map_err(failed("write"))
    }

    fn open_for_daemon(&self, metadata: &Metadata, has_modes: bool) -> io::Result<Option<File>> {
        let mode = metadata.mode() & 0o7777;
        if has_modes && mode & !PRIVATE_MODE != 0 || metadata.nlink() != 1 {
            return Ok(None);
        }
        // A umask can take bits away.
        if has_modes && mode != PRIVATE_MODE {
            let permissions = Permissions::from_mode(PRIVATE_MODE);
            self.file.set_permissions(permissions)?;
        }
        let file = if lock::has_byte_ranges() {
            options().open(&self.path)?
        } else {
            self.file.try_clone()?
        };
        let is_same = FileId::of_open(&file)? == FileId::from(metadata);
        if !is_same || !lock::try_lock(&file, ByteRange::Daemon)? {
            return Ok(None);
        }
        lock::reserve_start_stamp(&file);
        Ok(Some(file))
    }

    /// Renames the file to the path, and gives it its mode only then: a readable `PATH.new` could be
    /// locked by any user.
    pub(super) fn publish(
        self,
        file: File,
        path: &Path,
        mode: u32,
        has_modes: bool,
    ) -> io::Result<PidFile> {
        let metadata = file.metadata()?;
        if let Err(error) = fs::rename(&self.path, path) {
            // Over NFS a rename that succeeded may be repeated, and fail then.
            if !is_same_file(path, &metadata) {
                self.discard_with(&file);
                return Err(error);
            }
        }
        let pid_file = PidFile {
            file,
            bring_up: self.file,
            path: path.to_owned(),
            is_left: Cell::default(),
        };
        // Only a process of the same user can have replaced the new file in between.
        if !is_same_file(path, &metadata) {
            pid_file.remove();
            return Err(io::Error::other("another process keeps replacing it"));
        }
        // Without locks on ranges of bytes any reader could take the lock of a dead file, and stand
        // for a daemon.
        if mode != PRIVATE_MODE && lock::has_byte_ranges() {
            let permissions = Permissions::from_mode(mode);
            match pid_file.file.set_permissions(permissions) {
                Err(error) if has_modes => {
                    pid_file.remove();
                    return Err(error);
                }
                _ => {}
            }
        }
        Ok(pid_file)
    }

    /// Removes the file, which the holder may, and lets the next process become the holder.
    pub(super) fn discard(&self) {
        fs::remove_file(&self.path).ok();
        let _ = lock::unlock_all(&self.file);
    }

    /// As [`discard`](Self::discard), with the description that has locked byte 0.
    pub(super) fn discard_with(&self, file: &File) {
        fs::remove_file(&self.path).ok();
        let _ = lock::unlock_all(file);
        let _ = lock::unlock_all(&self.file);
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .custom_flags(NO_FOLLOW.bits());
    options
}

/// Whether only a start can have made the file, of whose bytes 1 and up this process has the lock. It may
/// be a log, or the PID file of another daemon, and the holder removes it.
fn is_left_by_a_start(file: &File) -> io::Result<bool> {
    let has_content = file.metadata()?.len() > 0;
    // A daemon has emptied its file, or has not written its pid yet. Without locks on ranges of bytes it
    // would have all of the lock.
    let is_of_daemon = || lock::has_byte_ranges() && lock::is_held(file) != Ok(false);
    Ok(!has_content && !is_of_daemon())
}

/// The file could not be opened or made.
fn denied(path: &Path, cause: io::Error) -> Result<Acquired, Error> {
    let errno = cause.raw_os_error().map(Errno::from_raw);
    let Some(errno @ (Errno::EACCES | Errno::EPERM | Errno::EROFS)) = errno else {
        return Err(failed("create", path, cause));
    };
    let Ok(there) = fs::symlink_metadata(path) else {
        return Ok(Acquired::Denied(errno));
    };
    if !there.is_file() {
        return Err(failed("create", path, cause));
    }
    if there.uid() != geteuid().as_raw() {
        return Err(untrusted(path, &Untrusted::Owner(there.uid())));
    }
    // A start with a umask that denies the owner has not come further yet, or was killed here.
    fs::set_permissions(path, Permissions::from_mode(PRIVATE_MODE)).ok();
    Ok(Acquired::Busy(None))
}

/// Between 0.2 and 2 ms, so that the processes that wait do not wait in step.
pub(super) fn pause() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(0, |now| now.subsec_nanos());
    let spread = (now ^ std::process::id().wrapping_mul(2_654_435_761)) % 1800;
    thread::sleep(Duration::from_micros(200 + u64::from(spread)));
}
