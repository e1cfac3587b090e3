//! The PID file. Its lock decides whether a daemon runs, never the number in it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};

use crate::error::Error;
use crate::files::{NO_FOLLOW, is_same_file, set_mode};
use crate::lock;
use crate::trust::{self, Untrusted};

/// How often an attempt may find that the file was replaced meanwhile.
const ATTEMPTS: usize = 50;

/// The longest content that the daemon writes: ten digits and a newline.
const LONGEST: libc::rlim_t = 11;

/// A PID file whose lock is held.
#[derive(Debug)]
pub(crate) struct PidFile {
    file: File,
    path: PathBuf,
    old_length: u64,
}

impl PidFile {
    /// Opens the file, creates it if need be, and takes its lock.
    ///
    /// From here to the moment the daemon writes its pid, a reader finds a newline first: the pid
    /// is not known.
    pub(crate) fn lock(path: &Path, mode: u32) -> Result<Self, Error> {
        let failed = |cause: io::Error| Error::pid_file("open", path, cause);
        let untrusted = |untrusted: Untrusted| untrusted.error("PID file", path);
        trust::check_way(path, None).map_err(untrusted)?;
        for _ in 0..ATTEMPTS {
            let Some((file, is_new)) = open(path, mode).map_err(failed)? else {
                continue;
            };
            let metadata = file.metadata().map_err(failed)?;
            if !metadata.is_file() {
                return Err(Error::pid_file_type(path));
            }
            trust::check_pid_file(path, &metadata).map_err(|reason| {
                // It would be refused again the next time, whatever the mode is then.
                if is_new {
                    fs::remove_file(path).ok();
                }
                untrusted(reason)
            })?;
            match lock::try_lock(&file) {
                Ok(true) if is_same_file(path, &metadata) => {
                    let path = path.to_owned();
                    // Until the lock was ours, somebody else could write to it.
                    let old_length = file.metadata().map_err(failed)?.len();
                    return Self {
                        file,
                        path,
                        old_length,
                    }
                    .forget_pid();
                }
                // Whoever held the lock has unlinked the file, or someone has replaced it.
                Ok(true) => {}
                Ok(false) => match lock::writer_holds(&file) {
                    Ok(true) => return Err(Error::already_running(path, lock::holder(&file))),
                    Ok(false) if lock::reader_holds(&file).unwrap_or(false) => {
                        return Err(Error::pid_file_read_locked(path));
                    }
                    // It was let go in between.
                    Ok(false) => {}
                    Err(errno) => return Err(Error::pid_file("lock", path, errno.into())),
                },
                Err(Errno::ENOLCK | Errno::ENOSYS | Errno::EOPNOTSUPP) => {
                    return Err(Error::pid_file_locks(path));
                }
                Err(errno) => return Err(Error::pid_file("lock", path, errno.into())),
            }
        }
        Err(Error::pid_file_unsteady(path))
    }

    /// Makes the number in the file unreadable before anyone could read a stale one beside our
    /// lock.
    fn forget_pid(self) -> Result<Self, Error> {
        let write = || {
            // Beyond this limit a write does not fail, it kills: SIGXFSZ.
            let (limit, _) = getrlimit(Resource::RLIMIT_FSIZE)?;
            if limit < LONGEST {
                return Err(Errno::EFBIG.into());
            }
            self.file.write_all_at(b"\n", 0)
        };
        match write() {
            Ok(()) => Ok(self),
            Err(cause) => {
                let error = Error::pid_file("write", &self.path, cause);
                self.remove();
                Err(error)
            }
        }
    }

    /// Removes the file, if it is still ours, and lets go of the lock: the start has failed.
    pub(crate) fn remove(self) {
        if self
            .file
            .metadata()
            .is_ok_and(|metadata| is_same_file(&self.path, &metadata))
        {
            // A file that stays is unlocked, and means nothing.
            fs::remove_file(&self.path).ok();
        }
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// The length of what stood in the file before; the daemon's pid replaces it.
    pub(crate) fn old_length(&self) -> u64 {
        self.old_length
    }
}

/// Opens the file, or creates it, and says which; nothing when it vanished in between.
fn open(path: &Path, mode: u32) -> io::Result<Option<(File, bool)>> {
    // No link to follow into a file of somebody else's, no FIFO to wait for.
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .custom_flags(NO_FOLLOW.bits())
        .mode(mode);
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            set_mode(&file, path, mode)?;
            Ok(Some((file, true)))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match options.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(|file| Some((file, false))),
        },
        Err(error) => Err(error),
    }
}
