//! The directory of the log, held open: every name is looked up in it, and no link is followed. So
//! another user that can write to it can move this process to no other file.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::fs::fchown;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::config::RotationConfig;
use crate::error::Error;
use crate::files::{FileId, NO_FOLLOW, directory_of, kind_of};
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
#[derive(Debug)]
pub(super) struct FoundLog {
    file: OldLog,
    pub(super) length: u64,
}

impl FoundLog {
    pub(super) fn id(&self) -> FileId {
        self.file.id
    }
}

/// What is `log.1`.
#[derive(Debug)]
pub(super) struct OldLog {
    id: FileId,
    /// While it is open, no other file gets its inode.
    _open: Option<File>,
}

impl OldLog {
    pub(super) fn id(&self) -> FileId {
        self.id
    }
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
        if !matches!(
            self.kind(&self.name)?,
            Some(SFlag::S_IFREG | SFlag::S_IFLNK)
        ) {
            return Ok(None);
        }
        let file = match self.open_at(&self.name) {
            Ok(file) => file,
            Err(Errno::ENOENT) => return Ok(None),
            Err(errno) => return Err(self.config.failed(errno.into())),
        };
        let metadata = file.metadata().map_err(|cause| self.config.failed(cause))?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let uid = self.config.owner.map(|(uid, _)| uid);
        trust::check_file(&self.config.log, &metadata, uid)
            .map_err(|untrusted| untrusted.error("log", &self.config.log))?;
        Ok(Some(FoundLog {
            file: OldLog {
                id: FileId::from(&metadata),
                _open: Some(file),
            },
            length: metadata.len(),
        }))
    }

    /// Whether nothing has the name of the log.
    pub(super) fn has_no_log(&self) -> Result<bool, Error> {
        Ok(self.kind(&self.name)?.is_none())
    }

    /// What is `log.1`, if it is a regular file.
    pub(super) fn rotated(&self) -> Result<Option<OldLog>, Error> {
        let name = self.numbered(1);
        let found = self.look_at(&name)?;
        Ok(found
            .filter(|found| kind_of(found) == SFlag::S_IFREG)
            .map(|found| {
                let id = FileId::from(&found);
                let open = self.open_at(&name).ok();
                let open = open.filter(|open| FileId::of_open(open).is_ok_and(|open| open == id));
                OldLog { id, _open: open }
            }))
    }

    /// Makes room and renames the log; returns what is `log.1` then.
    pub(super) fn rename_log(&self, log: FoundLog) -> Result<OldLog, Error> {
        let failed = |errno: Errno| self.config.failed(errno.into());
        let (last, is_taken) = self.last_name()?;
        for number in (1..last).rev() {
            let (from, to) = (self.numbered(number), self.numbered(number + 1));
            // The oldest log gives way to the next one.
            self.rename(&from, &to, is_taken && number + 1 == last)
                .map_err(failed)?;
        }
        let first = self.numbered(1);
        match self.rename(&self.name, &first, is_taken && last == 1) {
            Err(Errno::ENOENT) => return Err(self.config.overtaken()),
            other => other.map_err(failed)?,
        }
        let renamed = self.look_at(&first)?.map(|found| FileId::from(&found));
        if renamed != Some(log.id()) {
            let _ = rename_unless_taken(&self.directory, &first, &self.name);
            return Err(self.config.overtaken());
        }
        Ok(log.file)
    }

    /// The number of the last old log after the next rotation, and whether there is one by now: old
    /// logs move up to the first name that is free, and no log is renamed over a directory.
    fn last_name(&self) -> Result<(u32, bool), Error> {
        for number in 1..=self.config.keep {
            match self.kind(&self.numbered(number))? {
                None => return Ok((number, false)),
                Some(SFlag::S_IFDIR) if number == 1 => {
                    return Err(self.config.blocked(&self.numbered(1)));
                }
                Some(SFlag::S_IFDIR) => return Ok((number - 1, true)),
                Some(_) => {}
            }
        }
        Ok((self.config.keep, true))
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

    /// Removes the log that this process has created, if nothing was written to it.
    pub(super) fn remove_empty(&self, created: Option<FileId>) -> Result<(), Error> {
        let is_ours = |log: FoundLog| Some(log.id()) == created && log.length == 0;
        if self.log()?.is_some_and(is_ours) {
            let _ = unlinkat(&self.directory, &*self.name, UnlinkatFlags::NoRemoveDir);
        }
        Ok(())
    }

    /// Gives `log.1` the name of the log again; false if there is a new log by now.
    pub(super) fn take_back(
        &self,
        old: FileId,
        created: Option<FileId>,
        is_done: impl Fn() -> bool,
    ) -> Result<bool, Error> {
        let first = self.numbered(1);
        if self.rotated()?.map(|rotated| rotated.id) != Some(old) {
            // Another rotation may have taken it back.
            if self.log()?.is_some_and(|log| log.id() == old) {
                return Ok(true);
            }
            return if is_done() {
                Ok(false)
            } else {
                Err(self.config.replaced())
            };
        }
        match rename_unless_taken(&self.directory, &first, &self.name) {
            Ok(()) => return Ok(true),
            Err(Errno::EEXIST) => {}
            Err(errno) => return Err(self.config.failed(errno.into())),
        }
        let is_created = self.log()?.is_some_and(|log| Some(log.id()) == created);
        if is_done() || !is_created {
            return Ok(false);
        }
        // What the run writes to the new file now is not lost: that file becomes `log.1`.
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
    fn kind(&self, name: &OsStr) -> Result<Option<SFlag>, Error> {
        Ok(self.look_at(name)?.as_ref().map(kind_of))
    }

    fn look_at(&self, name: &OsStr) -> Result<Option<FileStat>, Error> {
        match fstatat(&self.directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(self.config.failed(errno.into())),
        }
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
    checked.map_err(|untrusted| match untrusted.cause() {
        Some(cause) => config.failed(cause),
        None => untrusted.error("log", &config.log),
    })
}
