//! What a launch opens before the daemon exists, so that a failure can still be explained.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::errno::Errno;

use super::config::LaunchConfig;
use super::failure;
use super::passed_files::PassedFiles;
use crate::before_start::Passed;
use crate::descriptors::KeptFds;
use crate::error::Error;
use crate::files::FileId;
use crate::handoff::{self, LauncherEnd, StartStep};
use crate::listen::Sockets;
use crate::log_file::{self, LogFile};
use crate::pid_file::{self, PidFile};
use crate::readiness::{Observe, PreparedWatch};
use crate::settings::Object;
use crate::standard_streams;
use crate::stdin::Stdin;

/// The open files of a launch.
pub(crate) struct Resources {
    pub(super) log: Option<LogFile>,
    /// With the socket at which the daemon announces that it is ready.
    pub(super) watch: PreparedWatch,
    pub(super) launcher_end: LauncherEnd,
    pub(super) inherited: InheritedFds,
}

/// What the daemon inherits. It lies above the descriptors that the caller keeps.
#[derive(Debug)]
pub(super) struct InheritedFds {
    /// For standard input, and for the output of a daemon without a log.
    pub(super) null: OwnedFd,
    /// The launcher's own standard input, if the daemon keeps it.
    pub(super) stdin: Option<OwnedFd>,
    /// For standard output and standard error.
    pub(super) output: Option<OwnedFd>,
    /// The PID file with its lock.
    pub(super) lock: Option<OwnedFd>,
    /// The other lock of the PID file, for a supervisor.
    pub(super) bring_up: Option<OwnedFd>,
    pub(super) daemon_end: OwnedFd,
    /// What `before_start` passes, by name.
    pub(super) passed: Passed,
    /// What `listen` passes.
    pub(super) sockets: Sockets,
}

impl Resources {
    /// For a daemon. `instead` gives another log in the place of one that cannot be opened.
    pub(crate) fn open(
        config: &LaunchConfig,
        kept: &KeptFds,
        pid_file: Option<&PidFile>,
        passed: PassedFiles,
        instead: &mut dyn FnMut(Error) -> Result<LogFile, Error>,
    ) -> Result<Self, Error> {
        let log = open_log(config, pid_file, instead)?;
        let identity = config.record.settings.identity.as_ref();
        let owner = identity.map(|identity| (identity.uid, identity.gid));
        let has_new_root = config.record.paths.chroot.is_some();
        let watch = config.readiness.mode().watch.prepare(has_new_root, owner);
        let watch = watch.map_err(|error| Error::step("make the notification socket", error))?;
        let lock = pid_file.map(PidFile::file);
        let (launcher_end, mut inherited) = InheritedFds::open(kept, lock, passed)?;
        let output = log
            .as_ref()
            .map(|log| clone_above(kept, log.file()))
            .transpose()?;
        inherited.output = output;
        inherited.stdin = match config.stdin {
            Stdin::Null => None,
            Stdin::Keep => {
                let stdin = io::stdin().as_fd().try_clone_to_owned();
                Some(dup_above(kept, stdin.map_err(not_duplicated)?)?)
            }
        };
        Ok(Self {
            log,
            watch,
            launcher_end,
            inherited,
        })
    }

    /// For a supervisor, which opens the log of each run itself.
    pub(crate) fn for_supervisor(
        kept: &KeptFds,
        pid_file: &PidFile,
        passed: PassedFiles,
        watch: Observe,
    ) -> Result<Self, Error> {
        let (launcher_end, mut inherited) =
            InheritedFds::open(kept, Some(pid_file.file()), passed)?;
        inherited.bring_up = Some(clone_above(kept, pid_file.bring_up())?);
        Ok(Self {
            log: None,
            watch: PreparedWatch::Observed(watch),
            launcher_end,
            inherited,
        })
    }

    /// The fd of the other lock of the PID file in the supervisor.
    pub(crate) fn bring_up(&self) -> Option<RawFd> {
        self.inherited.bring_up.as_ref().map(AsRawFd::as_raw_fd)
    }
}

impl InheritedFds {
    /// What every process inherits, and the other end of its hand-off.
    fn open(
        kept: &KeptFds,
        lock: Option<&File>,
        PassedFiles { passed, sockets }: PassedFiles,
    ) -> Result<(LauncherEnd, Self), Error> {
        let null = dup_above(kept, standard_streams::open_null()?)?;
        let lock = lock.map(|file| clone_above(kept, file)).transpose()?;
        let (launcher_end, daemon_end) =
            handoff::pair().map_err(|errno| Error::step("make the hand-off", errno))?;
        let mut inherited = Self {
            null,
            stdin: None,
            output: None,
            lock,
            bring_up: None,
            daemon_end: dup_above(kept, daemon_end)?,
            passed: Vec::new(),
            sockets: Sockets {
                bound: Vec::new(),
                names: sockets.names,
            },
        };
        for (name, fd) in passed {
            inherited.passed.push((name, dup_above(kept, fd)?));
        }
        for (socket, onto) in sockets.bound {
            let socket = dup_above(kept, socket)?;
            inherited.sockets.bound.push((socket, onto));
        }
        Ok((launcher_end, inherited))
    }
}

fn dup_above(kept: &KeptFds, fd: OwnedFd) -> Result<OwnedFd, Error> {
    kept.dup_above(fd).map_err(not_duplicated)
}

fn clone_above(kept: &KeptFds, file: &File) -> Result<OwnedFd, Error> {
    dup_above(kept, file.try_clone().map_err(not_duplicated)?.into())
}

fn not_duplicated(error: io::Error) -> Error {
    Error::step("duplicate a descriptor", error)
}

fn open_log(
    config: &LaunchConfig,
    pid_file: Option<&PidFile>,
    instead: &mut dyn FnMut(Error) -> Result<LogFile, Error>,
) -> Result<Option<LogFile>, Error> {
    let Some(path) = &config.record.paths.log else {
        // Where the system has no such file, a failure is reported without its output.
        let buffer = config.readiness.mode().buffer;
        return Ok(buffer.and_then(|new| LogFile::in_memory(new().ok()?).ok()));
    };
    let settings = &config.record.settings;
    let capability = config
        .capabilities
        .log
        .ok_or_else(failure::missing_capability)?;
    let log =
        (capability.open)(path, settings.log_mode, settings.identity.as_ref()).or_else(instead)?;
    // The log did not exist yet, perhaps, when the names were compared.
    let pid_file = pid_file.and_then(|pid_file| FileId::of_open(pid_file.file()).ok());
    if pid_file.is_some() && pid_file == FileId::of_open(log.file()).ok() {
        return Err(log_file::is_pid_file_too(path));
    }
    Ok(Some(log))
}

/// Does to the files what a start does, but leaves the PID file as it is.
pub(super) fn rehearse(config: &LaunchConfig, kept: &KeptFds) -> Result<Option<OwnedFd>, Error> {
    check_pid_and_log_differ(config)?;
    create_directories(config)?;
    if let Some(path) = &config.record.paths.pid {
        pid_file::rehearse(path)?;
    }
    let log = config.record.paths.log.as_deref();
    let directory = log.and_then(Path::parent);
    let log = match directory {
        Some(directory) if config.makes_later(directory) => None,
        _ => open_log(config, None, &mut Err)?,
    };
    check_directory(config)?;
    // The fd that the file has got may be one that the daemon gets.
    log.map(|log| clone_above(kept, log.file())).transpose()
}

/// Fails where the daemon cannot enter its directory, as far as this process sees that: the user that
/// the daemon becomes may have other rights.
fn check_directory(config: &LaunchConfig) -> Result<(), Error> {
    let record = &config.record;
    let (directory, step) = match (&record.paths.chroot, &record.paths.workdir) {
        (Some(root), _) => (root, StartStep::Chroot),
        (None, Some(directory)) => (directory, StartStep::Workdir),
        (None, None) => return Ok(()),
    };
    let Err(cause) = fs::metadata(directory.join(".")) else {
        return Ok(());
    };
    match cause.raw_os_error().map(Errno::from_raw) {
        _ if config.makes_later(directory) => Ok(()),
        Some(Errno::EACCES) if record.settings.identity.is_some() => Ok(()),
        Some(errno) => Err(failure::step_failed(
            step,
            errno,
            record,
            &config.capabilities,
        )),
        None => Ok(()),
    }
}

/// Refuses one file for both: the log would be written over the pid.
///
/// Checked before anything is written. Files that do not exist yet are compared again after opening.
pub(super) fn check_pid_and_log_differ(config: &LaunchConfig) -> Result<(), Error> {
    let (Some(pid), Some(log)) = (&config.record.paths.pid, &config.record.paths.log) else {
        return Ok(());
    };
    let pid = FileId::of_target(pid).ok();
    if pid.is_some() && pid == FileId::of_target(log).ok() {
        return Err(log_file::is_pid_file_too(log));
    }
    Ok(())
}

/// Creates the directories that the launcher may create. The working directory, that of the log
/// and those of sockets belong to the daemon's user; that of the PID file stays root's, as the file
/// does.
pub(super) fn create_directories(config: &LaunchConfig) -> Result<(), Error> {
    let daemon = config.record.settings.identity.as_ref();
    let daemon = daemon.map(|daemon| (daemon.uid, daemon.gid));
    for directories in &config.directories {
        directories.create(daemon.filter(|_| directories.object != Object::PidFile))?;
    }
    Ok(())
}
