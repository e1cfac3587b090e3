//! `PidFile`, the PID file of this start, whose lock is held.

use std::cell::Cell;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::failed_start;
use super::failure::failed;
use crate::error::Error;
use crate::files::is_same_file;
use crate::lock;
use crate::sys::{self, lock::ByteRange};

/// The longest content that a daemon writes: ten digits and a newline.
pub(super) const CONTENT_MAX: usize = 11;

/// A PID file whose lock is held.
#[derive(Debug)]
pub(crate) struct PidFile {
    /// The description that has locked byte 0; the daemon inherits it.
    pub(super) file: File,
    /// The description that has locked bytes 1 and up; no daemon inherits it.
    pub(super) bring_up: File,
    pub(super) path: PathBuf,
    /// A daemon that could not be ended has the file and its lock.
    pub(super) is_left: Cell<bool>,
}

impl PidFile {
    /// Removes the file, if it is still at the path, and lets go of the locks: the start has
    /// failed, or the daemon has done its work. The daemon must have been reaped.
    pub(crate) fn remove(self) {
        self.remove_after(None);
    }

    /// As [`remove`](Self::remove), and reports to the processes that wait for this start why it failed.
    pub(crate) fn fail(self, error: &Error) {
        self.remove_after(Some(error));
    }

    /// The start fails, and its daemon may run on: the file and the lock, which an unlock would take
    /// from the daemon too, stay as they are.
    pub(crate) fn leave_to_daemon(&self) {
        self.is_left.set(true);
    }

    /// Whether the daemon may run on.
    pub(crate) fn is_left(&self) -> bool {
        self.is_left.get()
    }

    fn remove_after(self, error: Option<&Error>) {
        if self.is_left.get() {
            self.hand_over();
            return;
        }
        // Byte 0 of this file is locked, so no other process replaces it between these two calls.
        let is_ours = (self.file.metadata()).is_ok_and(|file| is_same_file(&self.path, &file));
        if is_ours && fs::remove_file(&self.path).is_err() {
            self.file.set_len(0).ok();
        } else if let Some(error) = error {
            failed_start::write(&self.file, error).ok();
        }
        // In this order: a waiter that sees the bytes from 1 on free must find byte 0 free too. A
        // close would not do: a child that another thread forked keeps the descriptions.
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

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The description that has locked bytes 1 and up. A supervisor inherits it, and no other process.
    pub(crate) fn bring_up(&self) -> &File {
        &self.bring_up
    }
}

/// Empties a file whose byte 0 is locked, until the pid is known. The pid comes by one write: a process
/// that reads in two steps finds all of the line or nothing.
pub(super) fn empty(file: &File) -> io::Result<()> {
    // Beyond this limit a write does not fail, it kills: SIGXFSZ.
    let limit = sys::limits::file_size()?;
    if limit < CONTENT_MAX as libc::rlim_t {
        return Err(Errno::EFBIG.into());
    }
    // On some file systems this costs more than all the rest.
    if file.metadata()?.len() > 0 {
        file.set_len(0)?;
    }
    Ok(())
}
