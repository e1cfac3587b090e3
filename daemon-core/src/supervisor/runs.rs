//! The runs of a daemon, from first to last: how one is launched, and the log that they share.

use std::ffi::OsString;
use std::fs;
use std::mem;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::dup2_stdout;

use crate::before_start::Passed;
use crate::capabilities::Capabilities;
use crate::descriptors::KeptFds;
use crate::env_changes::EnvChanges;
use crate::error::Error;
use crate::files::FileId;
use crate::handoff::{Record, SupervisorRecord};
use crate::launcher::attempt::{Attempt, ProcessKind};
use crate::launcher::failure::{missing_capability, other_readiness};
use crate::launcher::resources::Resources;
use crate::launcher::{self, LaunchConfig, PassedFiles};
use crate::listen::{RunSockets, Sockets};
use crate::log_file::LogFile;
use crate::log_rotation::LogWatch;
use crate::passed::PassedFd;
use crate::pid_file::supervised::SupervisedFile;
use crate::readiness::{Mode, Readiness};
use crate::settings::Settings;
use crate::stdin::Stdin;
use crate::sys;
use crate::sys::image::Image;
use crate::sys::launch;
use crate::syslog::Severity;

use super::lines::Lines;
use super::log;

/// The longest wait for a later run whose `ready_timeout` has no end.
const LATER_READY_TIMEOUT: Duration = Duration::from_secs(30);

/// No record carries a longer time.
const NO_END: Duration = Duration::from_millis(u32::MAX as u64);

/// How often it is looked whether the log was replaced.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// How the runs are launched.
pub(super) struct Runs {
    config: LaunchConfig,
    image: Image,
    kept: KeptFds,
    /// The name of the daemon's process.
    comm: OsString,
    /// What `before_start` has passed to the daemon.
    passed: Passed,
    /// The sockets of `listen`.
    sockets: Option<Box<dyn RunSockets>>,
    /// The names of all sockets that were handed over.
    socket_names: Vec<String>,
    /// The log of the last run.
    log: Option<LogFile>,
    /// The lines that are not in the log yet.
    lines: Lines,
}

impl Runs {
    /// As the launcher has decided it. `named` is the readiness that this program names.
    pub(super) fn new(
        mut record: Record,
        own: SupervisorRecord,
        (capabilities, named): (Capabilities, &'static Mode),
        kept: KeptFds,
    ) -> Result<Self, Error> {
        if record.paths.log.is_some() && capabilities.log.is_none() {
            return Err(missing_capability());
        }
        let readiness = Readiness::from_names(&own.readiness, named, capabilities.any_mode);
        let readiness = readiness.ok_or_else(other_readiness)?;
        let sockets = match capabilities.listen {
            _ if record.settings.listen.is_empty() => None,
            Some(capability) => Some((capability.watch)(&record.settings, &record.sockets)),
            None => return Err(missing_capability()),
        };
        let mut arguments = vec![own.argv0];
        arguments.extend(std::env::args_os().skip(1));
        Ok(Self {
            passed: take_passed(&record.passed)?,
            kept,
            image: launcher::own_image()?,
            comm: mem::take(&mut record.comm),
            sockets,
            socket_names: mem::take(&mut record.sockets),
            log: None,
            lines: Lines::default(),
            config: LaunchConfig {
                arguments,
                record,
                // The launcher has made them.
                directories: Vec::new(),
                readiness,
                // The launcher has run the function.
                before_start: None,
                capabilities,
                // The launcher has changed the environment.
                env: EnvChanges::default(),
                stdin: Stdin::Null,
                is_for_client: false,
                supervision: None,
            },
        })
    }

    pub(super) fn config(&self) -> &LaunchConfig {
        &self.config
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.config.record.settings
    }

    /// The rotation of the log, if there is one.
    pub(super) fn watch_log(&self) -> Option<Box<dyn LogWatch>> {
        log::watch(&self.config)
    }

    /// Starts a run.
    pub(super) fn begin(
        &mut self,
        file: &SupervisedFile,
        is_first: bool,
    ) -> Result<Attempt, Error> {
        let config = &mut self.config;
        if !is_first {
            let timeout = &mut config.record.settings.ready_timeout;
            *timeout = timeout.map(later_ready_timeout);
        }
        if let (Some(sockets), false) = (&mut self.sockets, is_first) {
            sockets.bind_lost(&config.record.settings)?;
        }
        let mut not_opened = None;
        // The last log is kept, in case this launch fails too.
        let last = self.log.as_ref();
        let mut instead = |error: Error| match last.map(LogFile::try_clone) {
            Some(Ok(last)) => {
                not_opened = Some(error.to_string());
                Ok(last)
            }
            _ => Err(error),
        };
        let (file, length) = (file.pid_file(), file.length());
        let mut passed = Vec::new();
        for (name, fd) in &self.passed {
            let fd = fd.try_clone();
            let fd = fd.map_err(|error| Error::step("duplicate a descriptor", error))?;
            passed.push((name.clone(), fd));
        }
        // Its own descriptors are those of `LISTEN_FDS`.
        let passed = PassedFiles {
            passed,
            sockets: Sockets {
                bound: Vec::new(),
                names: self.socket_names.clone(),
            },
        };
        let resources = Resources::open(config, &self.kept, Some(file), passed, &mut instead)?;
        let process = ProcessKind {
            start: launch::start_own_child,
            comm: Some(self.comm.clone()),
            pid_file_length: Some(length),
            changes_environment: false,
            ..ProcessKind::daemon()
        };
        let attempt = Attempt::begin(config, resources, (&self.image, &self.kept), process)?;
        if let (Some(error), Some(log)) = (not_opened, &attempt.judge.log) {
            self.lines
                .push(&format!("{error}; the run writes to the previous log"));
            write_to(log, &mut self.lines);
        }
        Ok(attempt)
    }

    /// Closes the sockets of `listen`.
    pub(super) fn close_sockets(&mut self) {
        if let Some(sockets) = &mut self.sockets {
            sockets.close();
        }
    }

    /// Keeps the log of a run, in case it cannot be opened again.
    ///
    /// A FIFO is one of these: its reader ends when no process has it open. What is kept in memory is of no
    /// use.
    ///
    /// It is the standard output of this process too: between two runs the verbs find it there.
    pub(super) fn keep_log(&mut self, log: Option<LogFile>) {
        self.log = log.filter(|log| !log.is_in_memory());
        if let Some(log) = &self.log {
            dup2_stdout(log.file()).ok();
        }
    }

    /// Writes to the system log alone.
    pub(super) fn tell(&self, severity: Severity, text: &str) {
        let facility = self.config.record.settings.syslog;
        self.config
            .capabilities
            .tell(facility, severity, &|| text.to_owned());
    }

    /// Writes one line to the log, and to the system log. While a run is up the log is not created: a
    /// log that the run does not write to would look like its own.
    pub(super) fn write_line(&mut self, severity: Severity, text: &str, is_up: bool) {
        self.tell(severity, text);
        self.lines.push(text);
        self.write_lines(is_up);
    }

    /// Writes what has found no room in the log before; false if there is still none.
    pub(super) fn write_lines(&mut self, is_up: bool) -> bool {
        if self.lines.is_empty() {
            return true;
        }
        let log = self.open_log(is_up).or_else(|| self.log.take());
        if let Some(log) = log.as_ref().filter(|log| has_name(log)) {
            write_to(log, &mut self.lines);
        }
        self.keep_log(log);
        self.lines.is_empty() || self.config.record.paths.log.is_none()
    }

    /// Opens the log by its path: it may have been rotated.
    fn open_log(&self, is_up: bool) -> Option<LogFile> {
        let (paths, settings) = (&self.config.record.paths, &self.config.record.settings);
        let (capability, path) = self.config.capabilities.log.zip(paths.log.as_ref())?;
        if is_up && !path.exists() {
            return None;
        }
        let identity = settings.identity.as_ref();
        (capability.open)(path, settings.log_mode, identity).ok()
    }

    /// Keeps the new log where a rotation has put one in the place of the last: a removed file takes
    /// room on the disk until it is closed. Says when to look again; never without `log_reopen`, since
    /// the run keeps its log too.
    pub(super) fn follow_log(&mut self, now: Instant) -> Option<Instant> {
        let record = &self.config.record;
        record.settings.log_reopen?;
        let last = FileId::of_open(self.log.as_ref()?.file()).ok()?;
        let there = record.paths.log.as_ref().map(fs::metadata);
        let there = there.and_then(Result::ok).filter(fs::Metadata::is_file);
        if there.is_some_and(|there| FileId::from(&there) != last) {
            if let Some(log) = self.open_log(true) {
                self.keep_log(Some(log));
            }
        }
        Some(now + LOG_INTERVAL)
    }
}

/// How long a later run may take: no user waits for it, and could end the wait.
fn later_ready_timeout(first: Duration) -> Duration {
    if first < NO_END {
        first
    } else {
        LATER_READY_TIMEOUT
    }
}

/// Whether what is written there can be read.
fn has_name(log: &LogFile) -> bool {
    log.file().metadata().is_ok_and(|log| log.nlink() > 0)
}

fn take_passed(passed: &[PassedFd]) -> Result<Passed, Error> {
    let mut taken = Vec::new();
    for PassedFd { name, fd } in passed {
        let fd = sys::descriptors::take_over(*fd);
        let fd = fd.map_err(|errno| Error::step("keep a descriptor open for the daemon", errno))?;
        taken.push((name.clone(), fd));
    }
    Ok(taken)
}

/// Says something in the log, unless that would take time.
fn write_to(log: &LogFile, lines: &mut Lines) {
    let mut room = [PollFd::new(log.file().as_fd(), PollFlags::POLLOUT)];
    if poll(&mut room, PollTimeout::ZERO) == Ok(1) {
        lines.write_to(&mut log.file());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_run_is_not_waited_for_without_end() {
        let minute = Duration::from_secs(60);
        assert_eq!(later_ready_timeout(minute), minute);
        let half_minute = Duration::from_secs(30);
        for timeout in [NO_END, Duration::MAX] {
            assert_eq!(later_ready_timeout(timeout), half_minute);
        }
    }
}
