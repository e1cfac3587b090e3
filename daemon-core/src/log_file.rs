//! The log: where standard output and standard error of the daemon are appended to.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::error::{Error, ErrorKind, shown};
use crate::files::{NO_FOLLOW, directory_of, missing_directory, set_mode};
use crate::identity::Identity;
use crate::standard_streams;
use crate::sys;
use crate::trust::{self, Untrusted};

/// How much of the daemon's output the launcher shows.
const OUTPUT_MAX: u64 = 64 * 1024;

/// How often the file may be removed between two steps.
const ATTEMPTS: usize = 50;

/// Where a log is.
#[derive(Clone, Debug)]
pub(crate) enum LogPlace {
    Path(PathBuf),
    /// In memory, until the daemon is ready.
    Memory,
}

/// The open log, and where it ended before the daemon wrote to it.
#[derive(Debug)]
pub(crate) struct LogFile {
    file: File,
    place: LogPlace,
    target: Option<PathBuf>,
    end: u64,
}

impl LogFile {
    /// Opens the log, and creates it if need be, for the user that the daemon becomes.
    pub(crate) fn open(path: &Path, mode: u32, daemon: Option<&Identity>) -> Result<Self, Error> {
        for _ in 0..ATTEMPTS {
            if let Some(log) = Self::try_open(path, mode, daemon)? {
                return Ok(log);
            }
        }
        let reason = "another process keeps replacing it";
        Err(Error::new(
            ErrorKind::CannotCreate,
            cannot_open(path),
            reason,
        ))
    }

    /// Nothing if the path named another file after the open.
    fn try_open(path: &Path, mode: u32, daemon: Option<&Identity>) -> Result<Option<Self>, Error> {
        let failed = |cause: io::Error| not_opened(path, cause);
        let untrusted = |untrusted: Untrusted| match untrusted.cause() {
            Some(cause) => failed(cause),
            None => untrusted.error("log", path),
        };
        let uid = daemon.map(|daemon| daemon.uid);
        let mut target = path.to_owned();
        let mut links = 0;
        let file = loop {
            trust::check_way(&target, uid).map_err(untrusted)?;
            match open(&target, mode, daemon) {
                // No link is followed, and each system has another errno for that. The target may
                // be a link too.
                Err(_) if links < trust::SYMLINKS_MAX && target.is_symlink() => {
                    target = trusted_target(&target)?;
                    links += 1;
                }
                other => break other.map_err(failed)?,
            }
        };
        // It is opened again by a path without links.
        if links > 0 {
            target = fs::canonicalize(&target).map_err(failed)?;
        }
        let metadata = file.metadata().map_err(failed)?;
        if !is_log(&metadata) {
            return Err(wrong_type(path));
        }
        if !trust::check_opened(&target, &metadata, uid).map_err(untrusted)? {
            return Ok(None);
        }
        // The open did not wait for the reader of a FIFO, but writes may.
        append_only(&file).map_err(|errno| failed(errno.into()))?;
        Ok(Some(Self {
            file,
            place: LogPlace::Path(path.to_owned()),
            target: Some(target),
            end: metadata.len(),
        }))
    }

    /// A log in memory, without a path.
    pub(crate) fn in_memory(file: File) -> Result<Self, Errno> {
        append_only(&file)?;
        Ok(Self {
            file,
            place: LogPlace::Memory,
            target: None,
            end: 0,
        })
    }

    /// The same log, by another descriptor of the same description.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self {
            file: self.file.try_clone()?,
            place: self.place.clone(),
            target: self.target.clone(),
            end: self.end,
        })
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn place(&self) -> &LogPlace {
        &self.place
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.place, LogPlace::Memory)
    }

    /// Frees the memory of what was written so far.
    pub(crate) fn forget(&self) {
        if matches!(self.place, LogPlace::Memory) {
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
        let begin = self.end.max(end.saturating_sub(OUTPUT_MAX));
        let mut output = vec![0; usize::try_from(end.saturating_sub(begin)).unwrap_or_default()];
        if !output.is_empty() {
            let log = sys::files::open_for_reading(&self.file, self.target.as_deref())?;
            log.read_exact_at(&mut output, begin)?;
        }
        Ok(output)
    }
}

/// Sets `O_APPEND` alone: each write goes to the end, and `O_NONBLOCK` is cleared.
fn append_only(file: &File) -> Result<(), Errno> {
    fcntl(file, FcntlArg::F_SETFL(OFlag::O_APPEND)).map(drop)
}

/// For appending, without waiting for the reader of a FIFO.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true).custom_flags(NO_FOLLOW.bits());
    options
}

/// Opens a log for appending. A new one gets this mode, and belongs to the user that the daemon
/// becomes, because the daemon must be able to reopen it after a rotation.
fn open(path: &Path, mode: u32, daemon: Option<&Identity>) -> io::Result<File> {
    for _ in 0..ATTEMPTS {
        // The first open is without O_CREAT, which `protected_regular` refuses before the launcher
        // could say why.
        match options().open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        match options().create_new(true).mode(mode).open(path) {
            // Another process has created it in between.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(file) => {
                if let Some(daemon) = daemon {
                    // Where this is refused, the daemon finds out whether it matters.
                    fchown(&file, Some(daemon.uid), Some(daemon.gid)).ok();
                }
                set_mode(&file, path, mode)?;
                return Ok(file);
            }
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// What a symbolic link says, if it is to be trusted: only root or this user could have made it.
fn trusted_target(link: &Path) -> Result<PathBuf, Error> {
    let failed = |cause: io::Error| not_opened(link, cause);
    let user = nix::unistd::geteuid().as_raw();
    let is_ours = |owner| owner == 0 || owner == user;
    let itself = fs::symlink_metadata(link).map_err(failed)?;
    let maker = itself.uid();
    if itself.nlink() > 1 && trust::is_shared(link) {
        return Err(Untrusted::HardLink.error("log", link));
    }
    if !is_ours(maker) {
        let reason = format!("it is a symbolic link made by user {maker}");
        return Err(link_refused(link, reason));
    }
    let owner = fs::metadata(directory_of(link)).map_err(failed)?.uid();
    if !is_ours(owner) {
        let reason = format!("it is a symbolic link in a directory of user {owner}");
        return Err(link_refused(link, reason));
    }
    // `/dev/stdout` and its like lead to what the caller has open, by way of `/proc`.
    let leads_from = fs::canonicalize(directory_of(link)).map_err(failed)?;
    let leads_to = fs::read_link(link).map_err(failed)?;
    if leads_from.starts_with("/proc") || leads_to.starts_with("/proc") {
        return Err(wrong_type(link));
    }
    Ok(directory_of(link).join(leads_to))
}

/// Where a log is that may be behind symbolic links; each of them is to be trusted.
pub(crate) fn target_of(path: &Path) -> Result<PathBuf, Error> {
    let mut target = path.to_owned();
    let mut links = 0;
    while links < trust::SYMLINKS_MAX && target.is_symlink() {
        target = trusted_target(&target)?;
        links += 1;
    }
    Ok(target)
}

fn is_log(metadata: &Metadata) -> bool {
    metadata.is_file() || metadata.file_type().is_fifo() || standard_streams::is_null(metadata)
}

fn not_opened(path: &Path, cause: io::Error) -> Error {
    let (kind, what) = (ErrorKind::CannotCreate, cannot_open(path));
    match cause.raw_os_error() {
        Some(libc::ENXIO) if is_fifo(path) => {
            Error::explained(kind, what, "it is a FIFO that no process reads", cause)
        }
        // A socket, or a device without its counterpart.
        Some(libc::ENXIO) => Error::explained(kind, what, LOG_TYPES, cause),
        _ => match missing_directory(path, &cause) {
            Some(reason) => Error::new(kind, what, reason),
            None => Error::system(kind, what, cause),
        },
    }
}

fn link_refused(link: &Path, reason: String) -> Error {
    Error::new(ErrorKind::CannotCreate, cannot_open(link), reason)
}

fn cannot_open(path: &Path) -> String {
    format!("cannot open the log {}", shown(path))
}

fn wrong_type(path: &Path) -> Error {
    not_usable(path, LOG_TYPES)
}

const LOG_TYPES: &str = "it must be a regular file, a FIFO or /dev/null";

/// The daemon would write its output over its pid.
pub(crate) fn is_pid_file_too(path: &Path) -> Error {
    not_usable(path, "it is the PID file too")
}

fn not_usable(path: &Path, reason: &'static str) -> Error {
    let what = format!("cannot use the log {}", shown(path));
    Error::new(ErrorKind::Configuration, what, reason)
}

fn is_fifo(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| there.file_type().is_fifo())
}
