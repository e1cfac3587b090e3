//! The launch, from top to bottom.

mod config;
mod environment;
pub(crate) mod failure;
pub(crate) mod preflight;
mod process;
pub(crate) mod report;
mod resources;
mod status_line;
mod turn;
mod wait;

use std::ffi::OsString;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;

use nix::unistd::{Pid, getpid};

use crate::before_start::{BeforeStart, Passed};
use crate::capabilities::{Capabilities, PidFiles};
use crate::descriptors::KeptFds;
use crate::detach::{EnvEntry, Program, detach};
use crate::env_changes::EnvChanges;
use crate::error::{Error, shown};
use crate::handoff::Record;
use crate::log_file::LogFile;
use crate::passed::PassedFd;
use crate::path_template::Resolved;
use crate::pid_file::PidFile;
use crate::post_exec;
use crate::readiness::Mode;
use crate::signals::Interrupts;
use crate::standard_streams;
use crate::sys;
use crate::sys::call_timer::CallTimer;
use crate::sys::image::Image;
use crate::sys::launch::Child;
use crate::syslog::Severity;

pub(crate) use config::LaunchConfig;
pub(crate) use preflight::exec_in_place;
use process::Process;
use resources::{Inherited, Resources};
pub(crate) use status_line::StatusLine;
use turn::{Signals, Turn};
use wait::{Wait, WaitOutcome};

/// The start has succeeded.
#[derive(Debug)]
pub(crate) enum Launched {
    /// The daemon is up and ready.
    Up {
        pid: Pid,
        log: Option<PathBuf>,
        /// What it says about itself.
        status: Option<String>,
        /// Where it serves, if the launcher has waited for that.
        addresses: Option<String>,
        /// What it has for standard output.
        announced: Vec<u8>,
    },
    /// It was a short job, which ended with status 0 and wrote this.
    Finished { output: Vec<u8>, announced: Vec<u8> },
}

/// Starts the daemon and waits until it is ready.
///
/// Everything that can fail is done before the first fork, where an error can still be explained.
/// Signals stay caught until the returned guard is dropped.
pub(crate) fn launch(mut config: LaunchConfig) -> Result<(Launched, Interrupts), Error> {
    let turn = Turn::begin();
    preflight::check(config.is_for_client)?;
    let _filled = standard_streams::ensure_std_fds_open()?;
    let kept = KeptFds::new(&config.settings.keep_fds, environment::listen_fds());
    let image = preflight::own_image()?;
    resources::check_pid_and_log_differ(&config)?;
    let warnings = preflight::warnings(&config);
    // Caught before there is anything that an interrupt would leave behind.
    let signals = Signals::catch(turn)?;
    resources::create_directories(&config)?;
    let locked = match &config.paths.pid {
        Some(place) => Some(create_pid_file(place, &config)?),
        None => None,
    };
    let prepared = match config.before_start.take() {
        Some(function) => run_before_start(&function, signals, &mut config.env),
        None => Ok((Vec::new(), signals)),
    };
    let (passed, signals) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            if let Some((file, capability)) = locked {
                (capability.fail)(file, &error);
            }
            return Err(error);
        }
    };
    let pid_file = locked.as_ref().map(|(file, _)| file);
    let interrupts = &signals.interrupts;
    let launched = launch_locked(config, &image, &kept, pid_file, passed, interrupts);
    if launched.is_ok() {
        for text in &warnings {
            report::line(text);
        }
    }
    match (&launched, locked) {
        (Ok(Launched::Up { .. }), Some((file, capability))) => (capability.hand_over)(file),
        (Ok(Launched::Finished { .. }), Some((file, capability))) => (capability.remove)(file),
        (Err(error), Some((file, capability))) => (capability.fail)(file, error),
        (_, None) => {}
    }
    launched.map(|launched| (launched, signals.interrupts))
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
    place: &Resolved,
    config: &LaunchConfig,
) -> Result<(PidFile, &'static PidFiles), Error> {
    let capability = config.capabilities.pid_file;
    let capability = capability.ok_or_else(failure::missing_capability)?;
    let file = (capability.create)(place.path(), config.settings.pid_mode)?;
    Ok((file, capability))
}

/// The launch while the PID file is locked: open what it needs, write the record, spawn the daemon,
/// wait, and judge the outcome.
fn launch_locked(
    mut config: LaunchConfig,
    image: &Image,
    kept: &KeptFds,
    pid_file: Option<&PidFile>,
    passed: Passed,
    interrupts: &Interrupts,
) -> Result<Launched, Error> {
    let readiness = config.readiness.clone();
    let mode = readiness.mode();
    let timeout = config.settings.ready_timeout;
    let capabilities = config.capabilities;
    let arguments = std::mem::take(&mut config.arguments);
    let is_for_client = config.is_for_client;
    let env = std::mem::take(&mut config.env);
    let resources = Resources::open(&config, kept, pid_file, passed)?;
    let record = record(config, &resources);
    let sent = resources.launcher_end.send(&record);
    sent.map_err(|error| Error::step("send the hand-off", error))?;
    let address = resources.announcements.as_ref().and_then(|it| it.address());
    let identity = record.settings.identity.as_ref();
    let of_identity = capabilities
        .privileges
        .zip(identity)
        .map(|(privileges, identity)| (privileges.variables)(identity));
    let environment = environment::for_daemon(
        &resources.inherited.daemon_end,
        (record.is_announced, address.as_deref()),
        of_identity.unwrap_or_default(),
        &env,
    );
    let program = (image, arguments, environment);
    let daemon = spawn(program, kept, &resources.inherited)?;
    let facility = record.settings.syslog;
    let tell = |severity, text: &dyn Fn() -> String| capabilities.tell(facility, severity, text);
    tell(Severity::Notice, &|| {
        format!("started, pid {}", daemon.pid())
    });
    // The daemon can send descriptors whose close hangs. Some filters and limits forbid a timer.
    let _call_timer = CallTimer::start().ok();
    let passed = record.passed.iter().map(|passed| passed.fd);
    let handed_over: Vec<_> = kept.open().iter().copied().chain(passed).collect();
    let pid = daemon.pid();
    let probe = match resources.announcements {
        Some(announcements) => announcements.watch(pid),
        // By the launcher's own descriptors, which are open still.
        None => readiness.observe(pid, &handed_over),
    };
    drop(resources.inherited);
    let wait = Wait::new(
        Process::new(daemon, &record.settings),
        resources.launcher_end,
        is_for_client || post_exec::can_fail(&record),
        (mode, probe),
        timeout,
        record.paths.log.as_deref().map(shown).unwrap_or_default(),
    );
    let (outcome, mode, announced) = wait::run(wait, interrupts)?;
    let launched = judge(
        outcome,
        pid,
        mode,
        &capabilities,
        record,
        resources.log.as_ref(),
        announced,
    );
    match &launched {
        Ok(Launched::Up { .. }) => tell(Severity::Notice, &|| format!("ready, pid {pid}")),
        Ok(Launched::Finished { .. }) => {
            tell(Severity::Notice, &|| {
                format!("ended with status 0, pid {pid}")
            });
        }
        Err(error) => tell(Severity::Error, &|| format!("{error}, pid {pid}")),
    }
    launched
}

/// What the launcher sends to the daemon.
fn record(config: LaunchConfig, resources: &Resources) -> Record {
    let log = resources.log.as_ref();
    Record {
        launcher: getpid().as_raw(),
        comm: sys::image::comm(),
        start_dir: std::env::current_dir().ok(),
        paths: config.paths.map(Resolved::into_path),
        settings: config.settings,
        pid_descriptor: resources.inherited.lock.as_ref().map(AsRawFd::as_raw_fd),
        passed: passed_fds(&resources.inherited),
        log_target: log.and_then(LogFile::target),
        is_announced: resources.announcements.is_some(),
        buffers_output: log.is_some_and(LogFile::is_in_memory),
    }
}

fn passed_fds(inherited: &Inherited) -> Vec<PassedFd> {
    let passed = inherited.passed.iter().map(|(name, fd)| PassedFd {
        name: name.clone(),
        fd: fd.as_raw_fd(),
    });
    passed.collect()
}

/// Starts the daemon.
fn spawn(
    (image, arguments, environment): (&Image, Vec<OsString>, Vec<EnvEntry>),
    kept: &KeptFds,
    inherited: &Inherited,
) -> Result<Child, Error> {
    let lock = inherited.lock.as_ref();
    detach(Program {
        image,
        arguments,
        environment,
        stdin: inherited.stdin.as_ref().unwrap_or(&inherited.null).as_fd(),
        output: inherited.output.as_ref().unwrap_or(&inherited.null).as_fd(),
        kept: kept
            .open()
            .iter()
            .copied()
            .chain([inherited.daemon_end.as_raw_fd()])
            .chain(lock.map(AsRawFd::as_raw_fd))
            .chain(inherited.passed.iter().map(|(_, fd)| fd.as_raw_fd()))
            .collect(),
        pid_file: lock.map(|lock| (lock.as_fd(), PidFile::OLD_LENGTH)),
    })
}

/// Whether the start has succeeded, and if not, why.
fn judge(
    outcome: WaitOutcome,
    pid: Pid,
    mode: &Mode,
    capabilities: &Capabilities,
    record: Record,
    log: Option<&LogFile>,
    announced: Vec<u8>,
) -> Result<Launched, Error> {
    let place = log.map(LogFile::place);
    let output = || log.map(LogFile::output).unwrap_or_default();
    if outcome.is_success(mode.may_finish_first) {
        return Ok(Launched::Finished {
            output: output(),
            announced,
        });
    }
    let error = match outcome {
        WaitOutcome::Ready { status, addresses } => {
            log.into_iter().for_each(LogFile::forget);
            return Ok(Launched::Up {
                pid,
                log: record.paths.log,
                status,
                addresses,
                announced,
            });
        }
        WaitOutcome::StepFailed(step, errno) => {
            return Err(failure::step_failed(step, errno, &record, capabilities));
        }
        WaitOutcome::Interrupted(signal) => return Err(failure::interrupted(signal)),
        WaitOutcome::Ended {
            status,
            was_ready,
            errno,
        } => failure::ended_early(status, was_ready, errno, place),
        WaitOutcome::Reaped => failure::reaped(place),
        WaitOutcome::HandoffLost => failure::handoff_lost(place),
        WaitOutcome::TimedOut { time, missing } => failure::not_ready(time, missing, place),
    };
    Err(error.with_output(output()))
}
