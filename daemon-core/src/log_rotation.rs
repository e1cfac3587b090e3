//! Rotation of the log by its size: `log.1` to `log.N` get the next name, the log becomes `log.1`, and
//! the run opens a new log on the reopen signal. No byte is copied, so no line is lost.
//!
//! [`Rotation::step`] does not wait, so a loop that has other things to do can drive it.
//!
//! - *Nothing is lost.* No file is renamed over another one but the oldest, and old logs are renamed
//!   only up to the first name that is free. So a rotation that fails again and again drops nothing.
//! - *Nothing is left half done.* The next step after a kill finds a run that still writes to `log.1`,
//!   and sends the signal again. So it does for a run whose log was removed.
//! - *One at a time.* What changes names holds the mutex of the PID file, so no daemon starts
//!   between the look at the run and the signal.

mod config;
mod directory;
mod failure;
mod periodic;

use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::error::Error;
use crate::files::FileId;
use crate::pid_file::Mutex;
use crate::signal::Signal;
use directory::{FoundLog, LogDirectory, OldLog};

pub(crate) use config::{RotationConfig, refuse_shared_log};
pub(crate) use periodic::{LogWatch, watch};

/// How long a run usually may take to open a new log.
pub(crate) const REOPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the verb waits for other starts, stops and rotations.
const MUTEX_TIMEOUT: Duration = Duration::from_secs(2);

const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The run that writes to the log, as the owner of its PID file knows it.
pub(crate) trait RotatedProcess {
    /// Looks at it.
    fn find(&mut self) -> Result<ProcessState, Error>;

    /// Whether what was found has a handler for the signal.
    fn catches(&self, signal: Signal) -> bool;

    /// Whether what was found has this file as a standard stream, if that can be seen.
    fn writes_to(&self, file: FileId) -> Option<bool>;

    /// Whether what was found has any regular file as a standard stream, if that can be seen.
    fn writes_to_any_file(&self) -> Option<bool>;

    /// Sends the signal to what was found.
    fn send(&self, signal: Signal) -> Result<(), Errno>;

    /// Whether what was found has ended.
    fn has_ended(&self) -> bool;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessState {
    NotRunning,
    /// There is no verdict yet.
    Starting,
    /// The supervisor is about to start it again.
    Restarting,
    Up(Pid),
}

/// What a step has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// There is nothing to rotate.
    Idle,
    /// Another process holds the mutex; nothing was changed.
    Busy,
    /// The run has to open its new log.
    Waiting,
    Rotated,
    /// The log was missing, and this run has opened a new one.
    Reopened(Pid),
}

/// What there is to do.
enum Due {
    Nothing,
    Rotation(FoundLog),
    /// The run still writes to the old log.
    Signal(OldLog),
    /// There is no log, and the run writes to a file that was removed or moved.
    NewLog,
}

/// A rotation, before it begins or while the run has to open its new log.
#[derive(Debug)]
pub(crate) struct Rotation {
    config: RotationConfig,
    renamed: Option<Renamed>,
}

/// The log was renamed or is missing, and the signal was sent.
#[derive(Debug)]
struct Renamed {
    directory: LogDirectory,
    pid: Pid,
    /// What is `log.1` now, if the log was renamed.
    old: Option<OldLog>,
    /// What this process has put in the place of the log.
    created: Option<FileId>,
    deadline: Instant,
}

/// Rotates the log if it has the size, and waits until that is done. Returns what is worth a line.
pub(crate) fn rotate(
    config: RotationConfig,
    writer: &mut dyn RotatedProcess,
) -> Result<Option<String>, Error> {
    let mut rotation = Rotation::new(config);
    // The moment since which no step has got further.
    let mut begin = Instant::now();
    loop {
        let error = match rotation.step(writer) {
            Ok(Progress::Idle | Progress::Rotated) => return Ok(None),
            Ok(Progress::Reopened(pid)) => return Ok(Some(rotation.config.reopened(pid))),
            Ok(Progress::Waiting) => {
                begin = Instant::now();
                None
            }
            Ok(Progress::Busy) => Some(rotation.config.busy()),
            Err(error) if rotation.renamed.is_none() => return Err(error),
            Err(error) => Some(error),
        };
        if let Some(error) = error.filter(|_| begin.elapsed() >= MUTEX_TIMEOUT) {
            return Err(error);
        }
        thread::sleep(POLL_INTERVAL);
    }
}

impl Rotation {
    pub(crate) fn new(config: RotationConfig) -> Self {
        Self {
            config,
            renamed: None,
        }
    }

    /// Does what can be done without waiting. After an error the log has its name, and the run
    /// writes to it; or the next step continues.
    pub(crate) fn step(&mut self, writer: &mut dyn RotatedProcess) -> Result<Progress, Error> {
        match self.renamed.take() {
            None => self.begin(writer),
            Some(renamed) => self.go_on(renamed, writer),
        }
    }

    fn begin(&mut self, writer: &mut dyn RotatedProcess) -> Result<Progress, Error> {
        let directory = LogDirectory::open(&self.config)?;
        if !self.is_due(&directory, writer)? {
            return Ok(Progress::Idle);
        }
        let Some(_mutex) = Mutex::try_acquire(&self.config.pid_file)? else {
            return Ok(Progress::Busy);
        };
        let pid = match writer.find()? {
            ProcessState::NotRunning => None,
            ProcessState::Starting => return Err(self.config.starting()),
            ProcessState::Restarting => return Err(self.config.restarting()),
            ProcessState::Up(pid) => Some(pid),
        };
        let signal = self.config.signal;
        if let Some(pid) = pid {
            if !writer.catches(signal) {
                return Err(self.config.not_caught(pid));
            }
        }
        // Another rotation may have been faster.
        let old = match self.due(&directory, pid.is_some(), writer)? {
            Due::Nothing => return Ok(Progress::Idle),
            Due::Rotation(log) => Some(directory.rename_log(log)?),
            Due::Signal(old) => Some(old),
            Due::NewLog => None,
        };
        let Some(pid) = pid else {
            // The next start makes a new log.
            return Ok(Progress::Rotated);
        };
        let created = match self.config.owner {
            Some(_) => directory.create_log()?,
            None => None,
        };
        let renamed = Renamed {
            directory,
            pid,
            old,
            created,
            deadline: Instant::now() + self.config.reopen_timeout,
        };
        match writer.send(signal) {
            Ok(()) => {
                self.renamed = Some(renamed);
                Ok(Progress::Waiting)
            }
            Err(Errno::ESRCH) => Ok(Progress::Rotated),
            Err(errno) => {
                renamed.take_back(writer)?;
                Err(Error::not_signalled("rotate the log of", pid, errno))
            }
        }
    }

    /// The size of the log, as far as it is there.
    fn log_length(&self) -> u64 {
        let log = std::fs::symlink_metadata(&self.config.log);
        log.map_or(0, |log| log.len())
    }

    /// Whether it is worth to look closer. Takes no lock.
    fn is_due(
        &self,
        directory: &LogDirectory,
        writer: &mut dyn RotatedProcess,
    ) -> Result<bool, Error> {
        let is_up = match directory.log()? {
            Some(log) if log.length >= self.config.size => return Ok(true),
            Some(log) if log.length > 0 => return Ok(false),
            _ => matches!(writer.find()?, ProcessState::Up(_)),
        };
        Ok(!matches!(self.due(directory, is_up, writer)?, Due::Nothing))
    }

    fn due(
        &self,
        directory: &LogDirectory,
        is_up: bool,
        writer: &dyn RotatedProcess,
    ) -> Result<Due, Error> {
        let log = directory.log()?;
        let is_missing = log.is_none();
        match log {
            Some(log) if log.length >= self.config.size => return Ok(Due::Rotation(log)),
            Some(log) if log.length > 0 => return Ok(Due::Nothing),
            _ if !is_up => return Ok(Due::Nothing),
            _ => {}
        }
        let old = directory.rotated()?;
        if let Some(old) = old.filter(|old| writer.writes_to(old.id()) == Some(true)) {
            return Ok(Due::Signal(old));
        }
        let is_missing = is_missing && directory.has_no_log()?;
        Ok(if is_missing && writer.writes_to_any_file() == Some(true) {
            Due::NewLog
        } else {
            Due::Nothing
        })
    }

    fn go_on(
        &mut self,
        renamed: Renamed,
        writer: &mut dyn RotatedProcess,
    ) -> Result<Progress, Error> {
        if renamed.is_done(writer) {
            return Ok(renamed.done());
        }
        if writer.has_ended() {
            return Ok(Progress::Rotated);
        }
        if Instant::now() < renamed.deadline {
            self.renamed = Some(renamed);
            return Ok(Progress::Waiting);
        }
        let mutex = Mutex::try_acquire(&self.config.pid_file);
        let Ok(Some(_mutex)) = mutex else {
            self.renamed = Some(renamed);
            return mutex.map(|_| Progress::Busy);
        };
        if renamed.take_back(writer)? {
            return Err(self.config.not_followed(renamed.pid));
        }
        Ok(renamed.done())
    }
}

impl Renamed {
    fn done(&self) -> Progress {
        match &self.old {
            Some(_) => Progress::Rotated,
            None => Progress::Reopened(self.pid),
        }
    }

    /// Whether the path names a new log, and the run has it.
    fn is_done(&self, writer: &dyn RotatedProcess) -> bool {
        let Ok(Some(log)) = self.directory.log() else {
            return false;
        };
        if Some(log.id()) != self.created {
            return self.old.as_ref().is_none_or(|old| log.id() != old.id());
        }
        // Where it cannot be seen, the signal has to be enough.
        log.length > 0 || writer.writes_to(log.id()) != Some(false)
    }

    /// Gives the log its name back; false if the run has opened a new log at the last moment.
    fn take_back(&self, writer: &dyn RotatedProcess) -> Result<bool, Error> {
        match &self.old {
            Some(old) => {
                let is_done = || self.is_done(writer);
                self.directory.take_back(old.id(), self.created, is_done)
            }
            None if self.is_done(writer) => Ok(false),
            None => {
                // The next attempt must find no log.
                self.directory.remove_empty(self.created)?;
                Ok(true)
            }
        }
    }
}

#[cfg(test)]
#[allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken expectation is how a test fails"
)]
mod tests;
