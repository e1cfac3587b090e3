//! What a launch opens before the daemon exists, so that a failure can still be explained.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use super::config::LaunchConfig;
use super::failure;
use crate::before_start::Passed;
use crate::descriptors::KeptFds;
use crate::error::Error;
use crate::files::FileId;
use crate::handoff::{self, LauncherEnd};
use crate::log_file::{self, LogFile};
use crate::path_template::Resolved;
use crate::pid_file::PidFile;
use crate::readiness::{Announcements, Watch};
use crate::standard_streams;
use crate::stdin::Stdin;

/// The open files of a launch.
#[derive(Debug)]
pub(super) struct Resources {
    pub(super) log: Option<LogFile>,
    /// The socket at which the daemon announces that it is ready.
    pub(super) announcements: Option<Box<dyn Announcements>>,
    pub(super) launcher_end: LauncherEnd,
    pub(super) inherited: Inherited,
}

/// What the daemon inherits. It lies above the descriptors that the caller keeps.
#[derive(Debug)]
pub(super) struct Inherited {
    /// For standard input, and for the output of a daemon without a log.
    pub(super) null: OwnedFd,
    /// The launcher's own standard input, if the daemon keeps it.
    pub(super) stdin: Option<OwnedFd>,
    /// For standard output and standard error.
    pub(super) output: Option<OwnedFd>,
    /// The PID file with its lock.
    pub(super) lock: Option<OwnedFd>,
    pub(super) daemon_end: OwnedFd,
    /// What `before_start` passes, by name.
    pub(super) passed: Passed,
}

impl Resources {
    pub(super) fn open(
        config: &LaunchConfig,
        kept: &KeptFds,
        pid_file: Option<&PidFile>,
        passed: Passed,
    ) -> Result<Self, Error> {
        let log = open_log(config, pid_file)?;
        let identity = config.settings.identity.as_ref();
        let owner = identity.map(|identity| (identity.uid, identity.gid));
        let announcements = match config.readiness.mode().watch {
            Watch::Announced(bind) => Some(
                bind(config.paths.chroot.is_some(), owner)
                    .map_err(|error| Error::step("make the notification socket", error))?,
            ),
            Watch::Observed(_) => None,
        };
        let not_duplicated = |error: io::Error| Error::step("duplicate a descriptor", error);
        let dup_above = |fd: OwnedFd| kept.dup_above(fd).map_err(not_duplicated);
        let clone = |file: &File| dup_above(file.try_clone().map_err(not_duplicated)?.into());
        let null = dup_above(standard_streams::open_null()?)?;
        let stdin = match config.stdin {
            Stdin::Null => None,
            Stdin::Keep => {
                let stdin = io::stdin().as_fd().try_clone_to_owned();
                Some(dup_above(stdin.map_err(not_duplicated)?)?)
            }
        };
        let output = log.as_ref().map(|log| clone(log.file())).transpose()?;
        let lock = pid_file.map(|file| clone(file.file())).transpose()?;
        let passed = passed.into_iter();
        let passed = passed.map(|(name, fd)| Ok((name, dup_above(fd)?)));
        let passed = passed.collect::<Result<_, Error>>()?;
        let (launcher_end, daemon_end) =
            handoff::pair().map_err(|errno| Error::step("make the hand-off", errno))?;
        let daemon_end = dup_above(daemon_end)?;
        Ok(Self {
            log,
            announcements,
            launcher_end,
            inherited: Inherited {
                null,
                stdin,
                output,
                lock,
                daemon_end,
                passed,
            },
        })
    }
}

fn open_log(config: &LaunchConfig, pid_file: Option<&PidFile>) -> Result<Option<LogFile>, Error> {
    let Some(place) = &config.paths.log else {
        // Where the system has no such file, a failure is reported without its output.
        return Ok(config
            .readiness
            .mode()
            .buffers_output
            .then(LogFile::in_memory)
            .and_then(Result::ok));
    };
    let settings = &config.settings;
    let capability = config
        .capabilities
        .log
        .ok_or_else(failure::missing_capability)?;
    let log = (capability.open)(place.path(), settings.log_mode, settings.identity.as_ref())?;
    // The log did not exist yet, perhaps, when the names were compared.
    let pid_file = pid_file.and_then(|pid_file| FileId::of_open(pid_file.file()).ok());
    if pid_file.is_some() && pid_file == FileId::of_open(log.file()).ok() {
        return Err(log_file::is_pid_file_too(place.path()));
    }
    Ok(Some(log))
}

/// Refuses one file for both: the log would be written over the pid.
///
/// Checked before anything is written. Files that do not exist yet are compared again after opening.
pub(super) fn check_pid_and_log_differ(config: &LaunchConfig) -> Result<(), Error> {
    let (Some(pid), Some(log)) = (&config.paths.pid, &config.paths.log) else {
        return Ok(());
    };
    let file_id = |place: &Resolved| FileId::of_target(place.path()).ok();
    let pid = file_id(pid);
    if pid.is_some() && pid == file_id(log) {
        return Err(log_file::is_pid_file_too(log.path()));
    }
    Ok(())
}

/// Creates the directories that the launcher may create. The working directory and that of the log
/// belong to the daemon's user; that of the PID file stays root's, as the file does.
pub(super) fn create_directories(config: &LaunchConfig) -> Result<(), Error> {
    let daemon = config.settings.identity.as_ref();
    let daemon = daemon.map(|daemon| (daemon.uid, daemon.gid));
    // Create no directory inside the new root directory.
    let workdir = config
        .paths
        .workdir
        .as_ref()
        .filter(|_| config.paths.chroot.is_none());
    for (place, owner) in [
        (config.paths.pid.as_ref(), None),
        (config.paths.log.as_ref(), daemon),
        (workdir, daemon),
    ] {
        if let Some(place) = place {
            place.create_directories(owner)?;
        }
    }
    Ok(())
}
