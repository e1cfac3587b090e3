//! A PID file that cannot be replaced: its directory cannot be written to, or its path is a mount
//! point. The file itself is locked then, and another user's lock on it can refuse the start.

use std::cell::Cell;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;

use super::failure::{failed, irregular, not_locked, read_locked, unsteady, untrusted};
use super::found::refuse_running;
use super::locked::{PidFile, empty};
use super::new_file::{ATTEMPTS, pause};
use crate::error::Error;
use crate::files::{NO_FOLLOW, is_same_file};
use crate::lock;
use crate::sys::lock::ByteRange;
use crate::trust;

/// Opens the file that is there. `denied` is why no new one can be made.
pub(super) fn open(path: &Path, denied: Errno) -> Result<(File, Metadata), Error> {
    let opened = open_for_lock(path).and_then(|file| Ok((file.metadata()?, file)));
    let (metadata, file) = opened.map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => failed("create", path, denied.into()),
        _ => failed("open", path, cause),
    })?;
    if !metadata.is_file() {
        return Err(irregular(path));
    }
    trust::check_pid_file(path, &metadata).map_err(|reason| untrusted(path, &reason))?;
    Ok((file, metadata))
}

fn open_for_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true);
    options.custom_flags(NO_FOLLOW.bits()).open(path)
}

/// Locks the file that is there. `denied` is why no new one can be made.
pub(super) fn lock(path: &Path, denied: Errno) -> Result<PidFile, Error> {
    let mut failure: fn(&Path) -> Error = unsteady;
    for _ in 0..ATTEMPTS {
        let (file, metadata) = open(path, denied)?;
        match lock::try_lock(&file, ByteRange::Daemon) {
            Ok(true) if is_same_file(path, &metadata) => {
                let bring_up = if lock::has_byte_ranges() {
                    open_for_lock(path)
                } else {
                    file.try_clone()
                };
                lock::reserve_start_stamp(&file);
                let bring_up = bring_up.map_err(|cause| failed("open", path, cause))?;
                let locked = lock::try_lock(&bring_up, ByteRange::BringUp);
                if locked != Ok(true) {
                    // Without this lock the start would pass for up, and its supervisor would not be seen.
                    let _ = lock::unlock_all(&file);
                    locked.map_err(|errno| not_locked(path, errno))?;
                    // A launcher that ends has it for a moment longer than byte 0.
                    failure = read_locked;
                    pause();
                    continue;
                }
                let emptied = empty(&file);
                let path = path.to_owned();
                let pid_file = PidFile {
                    file,
                    bring_up,
                    path,
                    is_left: Cell::default(),
                };
                if let Err(cause) = emptied {
                    let error = failed("write", &pid_file.path, cause);
                    pid_file.remove();
                    return Err(error);
                }
                return Ok(pid_file);
            }
            // The file was replaced before it was locked.
            Ok(true) => {}
            Ok(false) => {
                refuse_running(path)?;
                if lock::reader_holds(&file).unwrap_or(false) {
                    return Err(read_locked(path));
                }
                // The other process has given the lock back in between.
                pause();
            }
            Err(errno) => return Err(not_locked(path, errno)),
        }
    }
    Err(failure(path))
}
