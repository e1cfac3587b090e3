//! The log: where standard output and standard error of the daemon are appended to.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::error::Error;
use crate::standard_streams;
use crate::sys;

/// How much of the daemon's output the launcher shows.
const LONGEST_OUTPUT: u64 = 64 * 1024;

/// The open log, and where it ended before the daemon wrote to it.
#[derive(Debug)]
pub(crate) struct LogFile {
    file: File,
    place: Place,
    target: Option<PathBuf>,
    end: u64,
}

/// Where a log is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Path(PathBuf),
    /// It lasts until the daemon is ready.
    Memory,
}

impl LogFile {
    /// Opens the log, and creates it if need be.
    pub(crate) fn open(path: &Path, mode: u32) -> Result<Self, Error> {
        let failed = |cause: io::Error| Error::log_file(path, cause);
        let mut target = path.to_owned();
        let file = match open(path, mode) {
            Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
                target = trusted_target(path)?;
                open(&target, mode)
            }
            other => other,
        };
        let file = file.map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !is_log(&metadata) {
            return Err(Error::log_file_type(path));
        }
        // Opening was not to wait for the reader of a FIFO, but writing may.
        append_only(&file).map_err(|errno| failed(errno.into()))?;
        Ok(Self {
            file,
            place: Place::Path(path.to_owned()),
            target: Some(target),
            end: metadata.len(),
        })
    }

    /// A log that nobody finds.
    pub(crate) fn in_memory() -> Result<Self, Errno> {
        let file = sys::files::in_memory()?;
        append_only(&file)?;
        Ok(Self {
            file,
            place: Place::Memory,
            target: None,
            end: 0,
        })
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Gives back the memory of what was written so far, since nobody needs it any more.
    pub(crate) fn forget(&self) {
        if matches!(self.place, Place::Memory) {
            self.file.set_len(0).ok();
        }
    }

    /// Where the path led, if it is a symbolic link; else the path, if it has one.
    pub(crate) fn target(&self) -> Option<PathBuf> {
        self.target.clone()
    }

    /// What was written since the log was opened, or the end of it, if it can be read.
    pub(crate) fn output(&self) -> Vec<u8> {
        self.read_output().unwrap_or_default()
    }

    fn read_output(&self) -> io::Result<Vec<u8>> {
        let end = self.file.metadata()?.len();
        let begin = self.end.max(end.saturating_sub(LONGEST_OUTPUT));
        let mut output = vec![0; usize::try_from(end.saturating_sub(begin)).unwrap_or_default()];
        if !output.is_empty() {
            let log = sys::files::open_for_reading(&self.file, self.target.as_deref())?;
            log.read_exact_at(&mut output, begin)?;
        }
        Ok(output)
    }
}

/// Each write goes to the end, whoever wrote last; nothing else is set, `O_NONBLOCK` least of all.
fn append_only(file: &File) -> Result<(), Errno> {
    fcntl(file, FcntlArg::F_SETFL(OFlag::O_APPEND)).map(drop)
}

/// Opens a log for appending, and creates it with this mode if need be.
fn open(path: &Path, mode: u32) -> io::Result<File> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits();
    let mut options = OpenOptions::new();
    options.append(true).custom_flags(flags).mode(mode);
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            // Whatever the umask.
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            Ok(file)
        }
        // It may be removed in between, by a rotation.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            options.create(true).open(path)
        }
        Err(error) => Err(error),
    }
}

/// Where a symbolic link leads, if it is to be trusted: only root or this user could have made it.
fn trusted_target(link: &Path) -> Result<PathBuf, Error> {
    let failed = |cause: io::Error| Error::log_file(link, cause);
    let refused = || Error::log_file(link, Errno::ELOOP.into());
    let user = nix::unistd::geteuid().as_raw();
    let made_by = fs::symlink_metadata(link).map_err(failed)?.uid();
    let directory = fs::metadata(directory_of(link)).map_err(failed)?;
    let is_ours = |owner| owner == 0 || owner == user;
    if !is_ours(made_by) || !is_ours(directory.uid()) {
        return Err(refused());
    }
    // `/dev/stdout` and its like lead to what the caller has open, by way of `/proc`.
    let leads_from = fs::canonicalize(directory_of(link)).map_err(failed)?;
    let leads_to = fs::read_link(link).map_err(failed)?;
    if leads_from.starts_with("/proc") || leads_to.starts_with("/proc") {
        return Err(Error::log_file_type(link));
    }
    fs::canonicalize(link).map_err(failed)
}

fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn is_log(metadata: &Metadata) -> bool {
    metadata.is_file() || metadata.file_type().is_fifo() || standard_streams::is_null(metadata)
}
