//! The launch, from top to bottom.

pub(crate) mod attempt;
mod config;
pub(crate) mod daemon_child;
pub(crate) mod drive;
mod environment;
pub(crate) mod failure;
mod launched;
mod notice_pace;
pub(crate) mod outcome;
mod passed_files;
pub(crate) mod preflight;
pub(crate) mod report;
pub(crate) mod resources;
pub(crate) mod status_line;
mod turn;
pub(crate) mod wait;

use std::os::fd::OwnedFd;
use std::path::Path;

use crate::before_start::{BeforeStart, Passed};
use crate::capabilities::PidFiles;
use crate::descriptors::KeptFds;
use crate::env_changes::EnvChanges;
use crate::error::Error;
use crate::listen::{Sockets, StartSockets};
use crate::listen_fds;
use crate::pid_file::PidFile;
use crate::signals::Interrupts;
use crate::standard_streams;
use crate::sys::image::Image;

use attempt::{Attempt, ProcessKind};
pub(crate) use config::{LaunchConfig, SupervisorCode};
pub(crate) use launched::Launched;
pub(crate) use passed_files::PassedFiles;
pub(crate) use preflight::{exec_in_place, own_image};
use resources::Resources;
pub(crate) use status_line::StatusLine;
pub(crate) use turn::Signals;
use turn::Turn;

/// Starts the daemon and waits until it is ready.
///
/// What can be done before there is another process is done there. The steps after the exec can
/// still fail, and the daemon reports them.
/// Signals stay caught, and other starts of this process wait, until the returned guard is dropped.
/// After a failure the same start can be tried again.
pub(crate) fn launch(config: &mut LaunchConfig) -> Result<(Launched, Signals), Error> {
    let turn = Turn::begin();
    refuse(config)?;
    let supervision = config.supervision;
    let _filled = standard_streams::ensure_std_fds_open()?;
    let mut kept = kept_fds(config);
    let mut sockets = plan_sockets(config)?;
    if let Some(sockets) = &sockets {
        kept.leave(sockets.fds());
    }
    let image = own_image()?;
    resources::check_pid_and_log_differ(config)?;
    // Signals are caught before there is anything that an interrupt would leave behind.
    let signals = Signals::catch(turn)?;
    resources::create_directories(config)?;
    let locked = match &config.record.paths.pid {
        Some(path) => Some(create_pid_file(path, config)?),
        None => None,
    };
    let (passed, signals) = match prepare(config, sockets.as_deref_mut(), signals) {
        Ok(prepared) => prepared,
        Err(error) => {
            // The sockets close before another start can have the PID file.
            drop(sockets);
            if let Some((file, capability)) = locked {
                (capability.fail)(file, &error);
            }
            return Err(error);
        }
    };
    // The warnings come after `before_start`, which may have read standard input.
    let warnings = preflight::warnings(config);
    let pid_file = locked.as_ref().map(|(file, _)| file);
    let interrupts = signals.interrupts();
    let launched = match supervision.zip(pid_file) {
        Some((supervision, pid_file)) => {
            (supervision.launch)(config, (&image, &kept), pid_file, passed, interrupts)
        }
        None => launch_locked(config, &image, &kept, pid_file, passed, interrupts),
    };
    let is_left = locked.as_ref().is_some_and(|(file, _)| file.is_left());
    let launched = launched.map_err(|error| {
        if is_left {
            error.preceded_by("the daemon could not be stopped and may run on; ")
        } else {
            error
        }
    });
    if launched.is_ok() {
        for text in &warnings {
            report::line(text);
        }
    }
    if let Some(mut sockets) = sockets {
        let is_up = match &launched {
            Ok(Launched::Up { .. }) => true,
            // The supervisor keeps the sockets.
            Ok(Launched::Finished { .. }) => supervision.is_some(),
            Err(_) => is_left,
        };
        if is_up {
            sockets.keep_files();
        }
        // The sockets close before another start can have the PID file.
        drop(sockets);
    }
    match (&launched, locked) {
        // The supervisor keeps the PID file.
        (Ok(_), _) if supervision.is_some() => {}
        (Ok(Launched::Up { .. }), Some((file, capability))) => (capability.hand_over)(file),
        (Ok(Launched::Finished { .. }), Some((file, capability))) => (capability.remove)(file),
        (Err(error), Some((file, capability))) => (capability.fail)(file, error),
        (_, None) => {}
    }
    match launched {
        Ok(launched) => Ok((launched, signals)),
        Err(error) => {
            // A client goes on, and one may have come while the failed daemon was stopped.
            if config.is_for_client {
                signals.give_back();
            }
            Err(error)
        }
    }
}

/// Fails where a start would, as far as that shows while the daemon runs that it is to replace.
///
/// Returns the log: if that is a FIFO, its reader ends when no process has it open.
pub(crate) fn rehearse(config: &LaunchConfig) -> Result<Option<OwnedFd>, Error> {
    refuse(config)?;
    let _filled = standard_streams::ensure_std_fds_open()?;
    let kept = kept_fds(config);
    let sockets = plan_sockets(config)?;
    own_image()?;
    let log = resources::rehearse(config, &kept)?;
    if let Some(sockets) = sockets {
        sockets.check_ways(&config.record.settings, &|path| config.makes_later(path))?;
    }
    Ok(log)
}

fn kept_fds(config: &LaunchConfig) -> KeptFds {
    // A client that is a service keeps its sockets for itself.
    let count = if config.is_for_client {
        0
    } else {
        listen_fds::count()
    };
    KeptFds::new(&config.record.settings.keep_fds, count)
}

fn refuse(config: &LaunchConfig) -> Result<(), Error> {
    preflight::check(config.is_for_client)?;
    match config.supervision {
        Some(supervision) => (supervision.check)(config),
        None => Ok(()),
    }
}

/// What `before_start` and `listen` pass to the daemon. A question comes before the sockets, so that no
/// client waits for its answer.
fn prepare(
    config: &mut LaunchConfig,
    sockets: Option<&mut (dyn StartSockets + 'static)>,
    signals: Signals,
) -> Result<(PassedFiles, Signals), Error> {
    let (passed, signals) = match &config.before_start {
        Some(function) => run_before_start(function, signals, &mut config.env)?,
        None => (Vec::new(), signals),
    };
    let sockets = match sockets {
        Some(sockets) => sockets.bind(&config.record.settings)?,
        None => Sockets::default(),
    };
    Ok((PassedFiles { passed, sockets }, signals))
}

fn plan_sockets(config: &LaunchConfig) -> Result<Option<Box<dyn StartSockets>>, Error> {
    if config.record.settings.listen.is_empty() {
        return Ok(None);
    }
    let capability = config.capabilities.listen;
    let capability = capability.ok_or_else(failure::missing_capability)?;
    (capability.plan)(&config.record.settings, !config.is_for_client).map(Some)
}

/// Runs the function of the program while signals act as they did before the start, so that Ctrl-C
/// ends a question, and while another start can have its turn.
fn run_before_start(
    function: &BeforeStart,
    signals: Signals,
    env: &mut EnvChanges,
) -> Result<(Passed, Signals), Error> {
    signals.release()?;
    let passed = function.run(env)?;
    Ok((passed, Signals::catch(Turn::begin())?))
}

fn create_pid_file(
    path: &Path,
    config: &LaunchConfig,
) -> Result<(PidFile, &'static PidFiles), Error> {
    let capability = config.capabilities.pid_file;
    let capability = capability.ok_or_else(failure::missing_capability)?;
    let file = (capability.create)(path, config.record.settings.pid_mode)?;
    Ok((file, capability))
}

/// The launch while the PID file is locked.
fn launch_locked(
    config: &mut LaunchConfig,
    image: &Image,
    kept: &KeptFds,
    pid_file: Option<&PidFile>,
    passed: PassedFiles,
    interrupts: &Interrupts,
) -> Result<Launched, Error> {
    let resources = Resources::open(config, kept, pid_file, passed, &mut Err)?;
    let attempt = Attempt::begin(config, resources, (image, kept), ProcessKind::daemon())?;
    attempt.finish(config, pid_file, interrupts)
}
