//! The start of one process, from what it needs to the verdict.

use std::ffi::{OsStr, OsString};
use std::mem;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use nix::unistd::{Pid, getpid};

use super::config::LaunchConfig;
use super::daemon_child::DaemonChild;
use super::drive;
use super::environment;
use super::failure;
use super::launched::Launched;
use super::outcome::WaitOutcome;
use super::resources::{InheritedFds, Resources};
use super::wait::Wait;
use crate::descriptors::KeptFds;
use crate::detach::{Program, SpawnFn, detach};
use crate::error::{Error, shown};
use crate::handoff::{Record, SupervisorRecord};
use crate::log_file::{LogFile, LogPlace};
use crate::passed::PassedFd;
use crate::pid_file::PidFile;
use crate::post_exec;
use crate::readiness::{Mode, Readiness};
use crate::signals::Interrupts;
use crate::sys;
use crate::sys::call_timer::CallTimer;
use crate::sys::child::Strings;
use crate::sys::image::Image;
use crate::sys::launch;
use crate::syslog::Severity;

/// Which process is started: what is different for a daemon, its supervisor and a later run.
#[derive(Debug)]
pub(crate) struct ProcessKind {
    pub(crate) start: SpawnFn,
    /// The name of the process.
    pub(crate) comm: Option<OsString>,
    /// What takes the place of the first argument.
    pub(crate) argv0: Option<OsString>,
    /// What takes the place of the readiness that the daemon is to have.
    pub(crate) readiness: Option<Readiness>,
    /// The length of what its pid replaces in the PID file, if it is written there.
    pub(crate) pid_file_length: Option<u64>,
    /// The environment of the parent is not the daemon's yet.
    pub(crate) changes_environment: bool,
    pub(crate) supervisor: Option<SupervisorRecord>,
    /// How long a supervisor may take to tell how its first run has started.
    pub(crate) verdict_timeout: Option<Duration>,
}

impl ProcessKind {
    /// A daemon without a supervisor.
    pub(crate) fn daemon() -> Self {
        Self {
            start: launch::start,
            comm: None,
            argv0: None,
            readiness: None,
            pid_file_length: Some(0),
            changes_environment: true,
            supervisor: None,
            verdict_timeout: None,
        }
    }
}

/// A process that was started, and is not known to be ready.
pub(crate) struct Attempt {
    pub(crate) wait: Wait,
    pub(crate) judge: Judge,
    /// Interrupts calls of this process during the wait.
    #[expect(dead_code, reason = "it is dropped when the wait is over")]
    call_timer: Option<CallTimer>,
}

/// What it takes to judge the start of a process.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) pid: Pid,
    pub(crate) log: Option<LogFile>,
}

impl Attempt {
    /// Writes the record and starts the process.
    pub(crate) fn begin(
        config: &mut LaunchConfig,
        resources: Resources,
        (image, kept): (&Image, &KeptFds),
        mut process: ProcessKind,
    ) -> Result<Self, Error> {
        complete(&mut config.record, &resources, &mut process);
        let sent = resources.launcher_end.send(&mut config.record);
        sent.map_err(|error| Error::step("send the hand-off", error))?;
        let (record, capabilities) = (&config.record, &config.capabilities);
        let readiness = process.readiness.as_ref().unwrap_or(&config.readiness);
        let mode = readiness.mode();
        let timeout = match &record.supervisor {
            None => record.settings.ready_timeout,
            Some(_) => process.verdict_timeout,
        };
        let address = resources.watch.address();
        let identity = record.settings.identity.as_ref();
        let identity = identity.filter(|_| process.changes_environment);
        let of_identity = capabilities
            .privileges
            .zip(identity)
            .map(|(privileges, identity)| (privileges.variables)(identity));
        let environment = environment::for_daemon(
            &resources.inherited.daemon_end,
            (
                record.is_announced,
                address.as_deref(),
                config.is_for_client,
            ),
            of_identity.unwrap_or_default(),
            &resources.inherited.sockets.names,
            &config.env,
        );
        let arguments = arguments(&config.arguments, process.argv0.as_deref());
        let mut program = program((image, arguments, environment), kept, &resources.inherited);
        let lock = resources.inherited.lock.as_ref();
        let path = record.paths.pid.as_deref();
        let pid_file = lock.zip(path).zip(process.pid_file_length);
        program.pid_file = pid_file.map(|((lock, path), length)| (lock.as_fd(), path, length));
        let child = detach(program, process.start)?;
        let pid = child.pid();
        let is_daemon = record.supervisor.is_none();
        if is_daemon {
            let facility = record.settings.syslog;
            let started = || format!("started, pid {pid}");
            capabilities.tell(facility, Severity::Notice, &started);
        }
        // The daemon can send descriptors whose close hangs. Some filters and limits forbid a timer, and
        // some kill for it. A supervisor has the rights of this process, and needs none.
        let is_heard = !is_daemon || mode.hears_program || config.is_for_client;
        let call_timer = (is_daemon && is_heard).then(CallTimer::start);
        let call_timer = call_timer.and_then(Result::ok);
        let mut handed_over = kept.open().to_vec();
        for passed in &record.passed {
            handed_over.push(passed.fd);
        }
        for (socket, _) in &resources.inherited.sockets.bound {
            handed_over.push(socket.as_raw_fd());
        }
        if let Some(stdin) = &resources.inherited.stdin {
            handed_over.push(stdin.as_raw_fd());
        }
        // The list names the launcher's own descriptors, which are still open.
        let probe = readiness.begin(resources.watch, pid, &handed_over);
        drop(resources.inherited);
        let mut wait = Wait::new(
            DaemonChild::new(child, record),
            resources.launcher_end,
            // A supervisor takes no steps.
            is_daemon && (config.is_for_client || post_exec::can_fail(record)),
            (mode, probe),
            timeout,
            record.paths.log.as_deref().map(shown).unwrap_or_default(),
        );
        if !is_heard {
            wait.hear_steps_only();
        }
        let log = resources.log;
        Ok(Self {
            wait,
            call_timer,
            judge: Judge { pid, log },
        })
    }

    /// Waits until the daemon is ready or has failed. A daemon that could not be ended keeps its lock.
    pub(crate) fn finish(
        self,
        config: &LaunchConfig,
        pid_file: Option<&PidFile>,
        interrupts: &Interrupts,
    ) -> Result<Launched, Error> {
        let (outcome, end) = drive::until_decided(self.wait, interrupts);
        if let Some(pid_file) = pid_file.filter(|_| end.is_left) {
            pid_file.leave_to_daemon();
        }
        self.judge.judge(config, outcome?, end.mode, end.announced)
    }
}

/// Adds what is known only now to what the launcher sends to the daemon.
fn complete(record: &mut Record, resources: &Resources, process: &mut ProcessKind) {
    let log = resources.log.as_ref();
    *record = Record {
        launcher: getpid().as_raw(),
        comm: process.comm.take().unwrap_or_else(sys::image::comm),
        start_dir: std::env::current_dir().ok(),
        paths: mem::take(&mut record.paths),
        settings: mem::take(&mut record.settings),
        pid_descriptor: resources.inherited.lock.as_ref().map(AsRawFd::as_raw_fd),
        passed: passed_fds(&resources.inherited),
        log_target: log.and_then(LogFile::target),
        is_announced: resources.watch.is_announced(),
        buffers_output: log.is_some_and(LogFile::is_in_memory),
        sockets: resources.inherited.sockets.names.clone(),
        supervisor: process.supervisor.take(),
        carried: None,
    };
}

fn arguments(words: &[OsString], argv0: Option<&OsStr>) -> Strings {
    let first = argv0.or(words.first().map(OsString::as_os_str));
    let mut arguments = Strings::new();
    for word in first
        .into_iter()
        .chain(words.iter().skip(1).map(OsString::as_os_str))
    {
        arguments.push(word.as_bytes().to_vec());
    }
    arguments
}

fn passed_fds(inherited: &InheritedFds) -> Vec<PassedFd> {
    let mut passed = Vec::new();
    for (name, fd) in &inherited.passed {
        passed.push(PassedFd {
            name: name.clone(),
            fd: fd.as_raw_fd(),
        });
    }
    passed
}

/// What is executed, and what it inherits.
fn program<'a>(
    (image, arguments, environment): (&'a Image, Strings, Strings),
    kept: &KeptFds,
    inherited: &'a InheritedFds,
) -> Program<'a> {
    let mut kept = kept.open().to_vec();
    kept.push(inherited.daemon_end.as_raw_fd());
    for lock in [&inherited.lock, &inherited.bring_up].into_iter().flatten() {
        kept.push(lock.as_raw_fd());
    }
    for (_, fd) in &inherited.passed {
        kept.push(fd.as_raw_fd());
    }
    let mut sockets = Vec::new();
    for (socket, onto) in &inherited.sockets.bound {
        sockets.push((socket.as_fd(), *onto));
    }
    Program {
        image,
        arguments,
        environment,
        stdin: inherited.stdin.as_ref().unwrap_or(&inherited.null).as_fd(),
        output: inherited.output.as_ref().unwrap_or(&inherited.null).as_fd(),
        kept,
        sockets,
        pid_file: None,
    }
}

impl Judge {
    /// Whether the start has succeeded, and if not, why. The system log learns it too.
    pub(crate) fn judge(
        &self,
        config: &LaunchConfig,
        outcome: WaitOutcome,
        mode: &Mode,
        announced: Vec<u8>,
    ) -> Result<Launched, Error> {
        let launched = self.verdict(config, outcome, mode, announced);
        let (facility, pid) = (config.record.settings.syslog, self.pid);
        let tell = |severity, text: &dyn Fn() -> String| {
            config.capabilities.tell(facility, severity, text);
        };
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

    fn verdict(
        &self,
        config: &LaunchConfig,
        outcome: WaitOutcome,
        mode: &Mode,
        announced: Vec<u8>,
    ) -> Result<Launched, Error> {
        let record = &config.record;
        let log = self.log.as_ref();
        // A supervisor opens the log itself.
        let path = || record.paths.log.clone().map(LogPlace::Path);
        let place = log.map(LogFile::place).cloned().or_else(path);
        let place = place.as_ref();
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
                    pid: self.pid,
                    log: record.paths.log.clone(),
                    status,
                    addresses,
                    announced,
                });
            }
            WaitOutcome::StepFailed(step, errno) => {
                let capabilities = &config.capabilities;
                return Err(failure::step_failed(step, errno, record, capabilities));
            }
            WaitOutcome::Interrupted(signal) => return Err(failure::interrupted(signal)),
            WaitOutcome::Ended {
                status,
                was_ready,
                errno,
            } => failure::ended_early(status, was_ready, errno, place),
            WaitOutcome::Reaped => failure::reaped(place),
            WaitOutcome::HandoffLost | WaitOutcome::Judged { .. } => failure::handoff_lost(place),
            WaitOutcome::TimedOut { time, missing } => failure::not_ready(time, missing, place),
        };
        Err(error.with_output(output()))
    }
}
