//! The launch, from top to bottom.

mod advice;
mod environment;
mod in_place;
mod probe;
mod process;
pub(crate) mod refusals;
pub(crate) mod report;
mod status_line;
mod wait;

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::{Pid, getpid};

use crate::daemon::Readiness;
use crate::descriptors::KeptFds;
use crate::detach::{Program, detach};
use crate::error::{Error, warning};
use crate::files::FileId;
use crate::handoff::{self, Record};
use crate::identity::Identity;
use crate::log_file::{self, LogFile};
use crate::path_template::Resolved;
use crate::pid_file::PidFile;
use crate::post_exec;
use crate::readiness::notify::NotifySocket;
use crate::signal::Signal;
use crate::signals::{DefaultSigchld, Interrupts};
use crate::standard_streams;
use crate::sys;
use crate::sys::image::Image;

pub(crate) use in_place::execute_in_place;
use probe::Probe;
use wait::WaitOutcome;

/// What the launcher has decided: every path absolute, every default filled in.
#[derive(Debug)]
pub(crate) struct LaunchConfig {
    /// The daemon's argv, without the words that this library removes.
    pub(crate) arguments: Vec<OsString>,
    pub(crate) pid_file: Option<Resolved>,
    pub(crate) log_file: Option<Resolved>,
    pub(crate) pid_mode: u32,
    pub(crate) log_mode: u32,
    pub(crate) log_reopen: Option<Signal>,
    pub(crate) chroot: Option<Resolved>,
    /// Who the daemon becomes.
    pub(crate) identity: Option<Identity>,
    pub(crate) workdir: Option<Resolved>,
    pub(crate) umask: Option<u32>,
    pub(crate) keep_fds: Vec<i32>,
    pub(crate) readiness: Readiness,
    pub(crate) ready_timeout: Option<Duration>,
}

/// The start has succeeded.
#[derive(Debug)]
pub(crate) enum Launched {
    /// The daemon is up and ready.
    Up {
        pid: Pid,
        log: Option<PathBuf>,
        /// What it says about itself.
        status: Option<String>,
    },
    /// It was a short job, which ended with status 0 and wrote this.
    Finished { output: Vec<u8> },
}

/// Starts the daemon and waits until it is ready.
///
/// Everything that can fail is done before the first fork, where an error can still be explained.
/// The interrupts stay caught until what comes back is dropped.
pub(crate) fn launch(config: LaunchConfig) -> Result<(Launched, Interrupts), Error> {
    // The signals belong to the process: each start is to find what the one before gave back.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    refusals::check()?;
    let _filled = standard_streams::ensure_std_fds_open()?;
    let kept = KeptFds::new(&config.keep_fds, environment::listen_fds());
    let image = refusals::own_image()?;
    check_pid_and_log_differ(&config)?;
    let advice = advice::of(&config);
    // From before there is anything that an interrupt would leave behind.
    let _waitable = DefaultSigchld::begin().map_err(|errno| Error::step("reset SIGCHLD", errno))?;
    let interrupts =
        Interrupts::catch().map_err(|error| Error::step("make a pipe for signals", error))?;
    create_directories(&config)?;
    let pid_file = match &config.pid_file {
        Some(place) => Some(PidFile::lock(place.path(), config.pid_mode)?),
        None => None,
    };
    let verdict = launch_locked(config, &image, &kept, pid_file.as_ref(), &interrupts);
    match (&verdict, pid_file) {
        (Ok(_), _) => advice.iter().for_each(|text| report::line(text)),
        (Err(_), Some(pid_file)) => pid_file.remove(),
        (Err(_), None) => {}
    }
    verdict.map(|verdict| (verdict, interrupts))
}

fn launch_locked(
    config: LaunchConfig,
    image: &Image,
    kept: &KeptFds,
    pid_file: Option<&PidFile>,
    interrupts: &Interrupts,
) -> Result<Launched, Error> {
    let failed = |step| move |errno: Errno| Error::step(step, errno);
    let log = open_log(&config, pid_file)?;
    let notify_socket = bind_notify_socket(&config)?;
    let dup_above = |descriptor: OwnedFd| {
        kept.dup_above(descriptor)
            .map_err(|error| Error::step("duplicate a descriptor", error))
    };
    let clone = |file: &File| {
        let file = file
            .try_clone()
            .map_err(|error| Error::step("duplicate a descriptor", error))?;
        dup_above(file.into())
    };
    let null = dup_above(standard_streams::open_null()?)?;
    let output = log.as_ref().map(|log| clone(log.file())).transpose()?;
    let lock = pid_file
        .map(|pid_file| clone(pid_file.file()))
        .transpose()?;
    let (launcher_end, daemon_end) = handoff::pair().map_err(failed("make the hand-off"))?;
    let daemon_end = dup_above(daemon_end)?;

    let record = Record {
        launcher: getpid().as_raw(),
        comm: sys::image::comm(),
        start_dir: std::env::current_dir().ok(),
        pid_descriptor: lock.as_ref().map(AsRawFd::as_raw_fd),
        pid_file: config.pid_file.map(Resolved::into_path),
        notify_address: notify_socket.as_ref().map(NotifySocket::own_address),
        buffers_output: log.is_some() && config.log_file.is_none(),
        log_file: config.log_file.map(Resolved::into_path),
        log_target: log.as_ref().and_then(LogFile::target),
        log_mode: log.as_ref().map(|_| config.log_mode),
        log_reopen: log.as_ref().and(config.log_reopen).map(Signal::as_raw),
        chroot: config.chroot.map(Resolved::into_path),
        identity: config.identity,
        workdir: config.workdir.map(Resolved::into_path),
        umask: config.umask,
    };
    let sent = launcher_end.send(&record);
    sent.map_err(|error| Error::step("send the hand-off", error))?;

    let daemon = detach(Program {
        image,
        arguments: config.arguments,
        environment: environment::for_daemon(
            &daemon_end,
            notify_socket.as_ref().map(NotifySocket::address).as_deref(),
            record.identity.as_ref(),
        ),
        stdin: null.as_fd(),
        output: output.as_ref().unwrap_or(&null).as_fd(),
        kept: kept
            .open()
            .chain([daemon_end.as_raw_fd()])
            .chain(record.pid_descriptor)
            .collect(),
        pid_file: lock
            .as_ref()
            .zip(pid_file)
            .map(|(lock, file)| (lock.as_fd(), file.old_length())),
    })?;
    drop(daemon_end);
    let pid = daemon.pid();
    let probe = Probe::new(config.readiness, pid, kept.open(), notify_socket);

    let timeout = config
        .ready_timeout
        .unwrap_or_else(|| default_timeout(config.readiness));
    let steps = post_exec::can_fail(&record).then_some(launcher_end);
    let warning = |errno| {
        let log = record.log_file.as_deref().unwrap_or(Path::new(""));
        warning::log_stays(log, errno)
    };
    let outcome = wait::wait(daemon, steps, probe, timeout, interrupts, warning)?;
    let place = log.as_ref().map(LogFile::place);
    let written = || log.as_ref().map(LogFile::output).unwrap_or_default();
    let may_finish = matches!(config.readiness, Readiness::Exec | Readiness::Settled);
    match outcome {
        WaitOutcome::Ready { status } => {
            log.iter().for_each(LogFile::forget);
            Ok(Launched::Up {
                pid,
                log: record.log_file,
                status,
            })
        }
        WaitOutcome::Ended {
            status, was_ready, ..
        } if status.success() && (may_finish || was_ready) => {
            Ok(Launched::Finished { output: written() })
        }
        WaitOutcome::Ended {
            status,
            was_ready,
            errno,
        } => Err(Error::ended_early(status, was_ready, errno, place).with_output(written())),
        WaitOutcome::Lost => Err(Error::ended_unseen(place).with_output(written())),
        WaitOutcome::Refused(step, errno) => Err(Error::post_exec(step, &record, errno)),
        WaitOutcome::Silent => Err(Error::handoff_lost(place).with_output(written())),
        WaitOutcome::Late(time) => Err(Error::not_ready(time, place).with_output(written())),
        WaitOutcome::Interrupted(signal) => Err(Error::interrupted(signal)),
    }
}

fn open_log(config: &LaunchConfig, pid_file: Option<&PidFile>) -> Result<Option<LogFile>, Error> {
    match &config.log_file {
        Some(place) => {
            let daemon = config.identity.as_ref();
            let log = LogFile::open(place.path(), config.log_mode, daemon)?;
            // It was not there when the names were compared.
            let pid_file = pid_file.and_then(|pid_file| FileId::of_open(pid_file.file()).ok());
            if pid_file.is_some() && pid_file == FileId::of_open(log.file()).ok() {
                return Err(log_file::is_pid_file_too(place.path()));
            }
            Ok(Some(log))
        }
        // Where the system denies it, less can be shown of a failure.
        None if config.readiness == Readiness::Notify => Ok(LogFile::in_memory().ok()),
        None => Ok(None),
    }
}

fn bind_notify_socket(config: &LaunchConfig) -> Result<Option<NotifySocket>, Error> {
    if config.readiness != Readiness::Notify {
        return Ok(None);
    }
    let socket = NotifySocket::bind(config.chroot.is_some());
    socket
        .map(Some)
        .map_err(|error| Error::step("make the notification socket", error))
}

/// Creates the directories that the launcher may create. The working directory and that of the log are of no use
/// to a daemon that cannot enter them; that of the PID file stays root's, as the file does.
fn create_directories(config: &LaunchConfig) -> Result<(), Error> {
    let daemon = config.identity.as_ref();
    let daemon = daemon.map(|daemon| (daemon.uid, daemon.gid));
    // Create no directory inside the new root directory.
    let workdir = config.workdir.as_ref().filter(|_| config.chroot.is_none());
    for (place, owner) in [
        (config.pid_file.as_ref(), None),
        (config.log_file.as_ref(), daemon),
        (workdir, daemon),
    ] {
        if let Some(place) = place {
            place.create_directories(owner)?;
        }
    }
    Ok(())
}

/// The longest wait that nobody has chosen.
fn default_timeout(readiness: Readiness) -> Duration {
    Duration::from_secs(if readiness == Readiness::Settled {
        3
    } else {
        30
    })
}

/// The log would be written over the pid. Said before anything is written; of a file that is not
/// there yet it is not known whether two names lead to it.
fn check_pid_and_log_differ(config: &LaunchConfig) -> Result<(), Error> {
    let (Some(pid), Some(log)) = (&config.pid_file, &config.log_file) else {
        return Ok(());
    };
    let pid = FileId::of_target(pid.path()).ok();
    if pid.is_some() && pid == FileId::of_target(log.path()).ok() {
        return Err(log_file::is_pid_file_too(log.path()));
    }
    Ok(())
}
