//! The directory of the log, held open: every name is looked up in it, and no link is followed. So
//! another user that can write to it can move this process to no other file.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::fs::fchown;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{Mode, SFlag, fchmod, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::config::RotationConfig;
use crate::error::Error;
use crate::files::{FileId, NO_FOLLOW};
use crate::sys::files::{exchange, rename_unless_taken};
use crate::trust;

/// A directory that was trusted when it was opened.
#[derive(Debug)]
pub(super) struct LogDirectory {
    directory: File,
    name: OsString,
    config: RotationConfig,
}

/// A log as it is found.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoundLog {
    pub(super) id: FileId,
    pub(super) length: u64,
}

impl LogDirectory {
    pub(super) fn open(config: &RotationConfig) -> Result<Self, Error> {
        check_way(config)?;
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        match nix::fcntl::open(directory_of(&config.log), flags, Mode::empty()) {
            Ok(directory) => Self::of(directory.into(), config),
            Err(errno) => Err(config.failed(errno.into())),
        }
    }

    /// Another user may have put another directory in its place before it was opened.
    pub(super) fn of(directory: File, config: &RotationConfig) -> Result<Self, Error> {
        check_way(config)?;
        let there = FileId::of_target(directory_of(&config.log));
        let opened = FileId::of_open(&directory);
        if there.map_err(|cause| config.failed(cause))?
            != opened.map_err(|cause| config.failed(cause))?
        {
            return Err(config.replaced());
        }
        Ok(Self {
            directory,
            name: config.log.file_name().unwrap_or_default().to_owned(),
            config: config.clone(),
        })
    }

    /// The log, if there is a regular file.
    pub(super) fn log(&self) -> Result<Option<FoundLog>, Error> {
        // A FIFO is not opened: its writer would notice.
        if self
            .kind(&self.name)
            .is_some_and(|kind| kind != SFlag::S_IFREG && kind != SFlag::S_IFLNK)
        {
            return Ok(None);
        }
        let metadata = match self.open_at(&self.name) {
            Ok(file) => file.metadata().map_err(|cause| self.config.failed(cause))?,
            Err(Errno::ENOENT) => return Ok(None),
            Err(errno) => return Err(self.config.failed(errno.into())),
        };
        if !metadata.is_file() {
            return Ok(None);
        }
        let uid = self.config.owner.map(|(uid, _)| uid);
        trust::check_file(&self.config.log, &metadata, uid)
            .map_err(|untrusted| untrusted.error("log", &self.config.log))?;
        Ok(Some(FoundLog {
            id: FileId::from(&metadata),
            length: metadata.len(),
        }))
    }

    /// What is `log.1`.
    pub(super) fn rotated(&self) -> Option<FileId> {
        let file = self.open_at(&self.numbered(1)).ok()?;
        FileId::of_open(&file).ok()
    }

    /// Makes room and renames the log; returns what is `log.1` then.
    pub(super) fn rename_log(&self, expected: Option<FileId>) -> Result<FileId, Error> {
        let failed = |errno: Errno| self.config.failed(errno.into());
        let keep = self.config.keep.max(1);
        // Old logs move up to the first name that is free.
        let free = (1..keep).find(|number| self.kind(&self.numbered(*number)).is_none());
        let free = free.unwrap_or(keep);
        for number in (1..free).rev() {
            let (from, to) = (self.numbered(number), self.numbered(number + 1));
            // The oldest log gives way to the next one.
            self.rename(&from, &to, number + 1 == keep)
                .map_err(failed)?;
        }
        let first = self.numbered(1);
        self.rename(&self.name, &first, keep == 1).map_err(failed)?;
        let renamed = self.rotated().filter(|renamed| Some(*renamed) == expected);
        renamed.ok_or_else(|| {
            let _ = rename_unless_taken(&self.directory, &first, &self.name);
            self.config.replaced()
        })
    }

    fn rename(&self, from: &OsStr, to: &OsStr, replaces: bool) -> Result<(), Errno> {
        if replaces {
            renameat(&self.directory, from, &self.directory, to)
        } else {
            rename_unless_taken(&self.directory, from, to)
        }
    }

    /// Creates a log for the user that the daemon has become. `None` if there is one already.
    pub(super) fn create_log(&self) -> Result<Option<FileId>, Error> {
        let failed = |cause: io::Error| self.config.failed(cause);
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC | NO_FOLLOW;
        let file = match openat(
            &self.directory,
            &*self.name,
            flags,
            Mode::S_IRUSR | Mode::S_IWUSR,
        ) {
            Ok(file) => File::from(file),
            Err(_) => return Ok(None),
        };
        let id = FileId::of_open(&file).map_err(failed)?;
        if let Some((uid, gid)) = self.config.owner {
            fchown(&file, Some(uid), Some(gid)).ok();
        }
        let mode = Mode::from_bits_truncate(self.config.mode as libc::mode_t);
        fchmod(&file, mode).ok();
        Ok(Some(id))
    }

    /// Gives `log.1` the name of the log again; false if there is a new log by now.
    pub(super) fn take_back(
        &self,
        old: FileId,
        created: Option<FileId>,
        is_done: impl Fn() -> bool,
    ) -> Result<bool, Error> {
        let first = self.numbered(1);
        if self.rotated() != Some(old) {
            return Err(self.config.replaced());
        }
        match rename_unless_taken(&self.directory, &first, &self.name) {
            Ok(()) => return Ok(true),
            Err(Errno::EEXIST) => {}
            Err(errno) => return Err(self.config.failed(errno.into())),
        }
        let is_created = self.log()?.is_some_and(|log| Some(log.id) == created);
        if is_done() || !is_created {
            return Ok(false);
        }
        // What comes into the new file now is not lost: it is `log.1` then.
        if exchange(&self.directory, &first, &self.name).is_err() {
            let back = self.rename(&first, &self.name, true);
            back.map_err(|errno| self.config.failed(errno.into()))?;
            return Ok(true);
        }
        let left = self.open_at(&first).map(|file| file.metadata());
        if left.is_ok_and(|left| left.is_ok_and(|left| left.len() == 0)) {
            let _ = unlinkat(&self.directory, &*first, UnlinkatFlags::NoRemoveDir);
        }
        Ok(true)
    }

    fn open_at(&self, name: &OsStr) -> Result<File, Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | NO_FOLLOW;
        openat(&self.directory, name, flags, Mode::empty()).map(File::from)
    }

    /// The type of the file of this name, if there is one.
    fn kind(&self, name: &OsStr) -> Option<SFlag> {
        let found = fstatat(&self.directory, name, AtFlags::AT_SYMLINK_NOFOLLOW).ok()?;
        Some(SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT)
    }

    fn numbered(&self, number: u32) -> OsString {
        let mut name = self.name.clone();
        name.push(format!(".{number}"));
        name
    }
}

fn check_way(config: &RotationConfig) -> Result<(), Error> {
    let uid = config.owner.map(|(uid, _)| uid);
    let checked = trust::check_way(&config.log, uid);
    checked.map_err(|untrusted| untrusted.error("log", &config.log))
}

fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
