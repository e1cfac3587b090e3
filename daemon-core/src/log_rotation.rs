//! Rotation of the log by its size: `log.1` to `log.N` get the next name, the log becomes `log.1`, and
//! the run opens a new log on the reopen signal. No byte is copied, so no line is lost.
//!
//! [`Rotation::step`] does not wait, so a loop that has other things to do can drive it.
//!
//! - *Nothing is lost.* No file is renamed over another one but the oldest, and old logs are renamed
//!   only up to the first name that is free. So a rotation that fails again and again drops nothing.
//! - *Nothing is left half done.* The next step after a kill finds a run that still writes to `log.1`,
//!   and sends the signal again.
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
use directory::LogDirectory;

pub(crate) use config::RotationConfig;
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
}

/// A rotation, before it begins or while the run has to open its new log.
#[derive(Debug)]
pub(crate) struct Rotation {
    config: RotationConfig,
    renamed: Option<Renamed>,
}

/// The log was renamed, and the signal was sent.
#[derive(Debug)]
struct Renamed {
    directory: LogDirectory,
    pid: Pid,
    /// What is `log.1` now.
    old: FileId,
    /// What this process has put in the place of the log.
    created: Option<FileId>,
    deadline: Instant,
}

/// Rotates the log if it has the size, and waits until that is done.
pub(crate) fn rotate(config: RotationConfig, writer: &mut dyn RotatedProcess) -> Result<(), Error> {
    let mut rotation = Rotation::new(config);
    let begin = Instant::now();
    loop {
        match rotation.step(writer)? {
            Progress::Idle | Progress::Rotated => return Ok(()),
            Progress::Busy if rotation.renamed.is_none() && begin.elapsed() >= MUTEX_TIMEOUT => {
                return Err(rotation.config.busy());
            }
            Progress::Busy | Progress::Waiting => thread::sleep(POLL_INTERVAL),
        }
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
    /// writes to it.
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
            ProcessState::Up(pid) => Some(pid),
        };
        let signal = self.config.signal;
        if let Some(pid) = pid {
            if !writer.catches(signal) {
                return Err(self.config.not_caught(pid));
            }
        }
        // Another rotation may have been faster.
        let log = directory.log()?;
        let is_large = log.is_some_and(|log| log.length >= self.config.size);
        let is_unfinished = || match (pid, directory.rotated()) {
            (Some(_), Some(old)) => writer.writes_to(old) == Some(true),
            _ => false,
        };
        let old = if is_large {
            directory.rename_log(log.map(|log| log.id))?
        } else if log.is_none_or(|log| log.length == 0) && is_unfinished() {
            match directory.rotated() {
                Some(old) => old,
                None => return Ok(Progress::Idle),
            }
        } else {
            return Ok(Progress::Idle);
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
    fn is_due(&self, directory: &LogDirectory, writer: &dyn RotatedProcess) -> Result<bool, Error> {
        Ok(match directory.log()? {
            Some(log) if log.length >= self.config.size => true,
            Some(log) if log.length > 0 => false,
            // A run may still write to the old log.
            _ => directory
                .rotated()
                .is_some_and(|old| writer.writes_to(old) != Some(false)),
        })
    }

    fn go_on(
        &mut self,
        renamed: Renamed,
        writer: &mut dyn RotatedProcess,
    ) -> Result<Progress, Error> {
        if renamed.is_done(writer) || writer.has_ended() {
            return Ok(Progress::Rotated);
        }
        if Instant::now() < renamed.deadline {
            self.renamed = Some(renamed);
            return Ok(Progress::Waiting);
        }
        let Some(_mutex) = Mutex::try_acquire(&self.config.pid_file)? else {
            self.renamed = Some(renamed);
            return Ok(Progress::Busy);
        };
        if renamed.take_back(writer)? {
            return Err(self.config.not_followed(renamed.pid));
        }
        Ok(Progress::Rotated)
    }
}

impl Renamed {
    /// Whether the path names a new log, and the run has it.
    fn is_done(&self, writer: &dyn RotatedProcess) -> bool {
        let Ok(Some(log)) = self.directory.log() else {
            return false;
        };
        if Some(log.id) != self.created {
            return log.id != self.old;
        }
        // Where it cannot be seen, the signal has to be enough.
        log.length > 0 || writer.writes_to(log.id) != Some(false)
    }

    /// Gives the log its name back; false if the run has opened a new log at the last moment.
    fn take_back(&self, writer: &dyn RotatedProcess) -> Result<bool, Error> {
        self.directory
            .take_back(self.old, self.created, || self.is_done(writer))
    }
}

#[cfg(test)]
#[allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken expectation is how a test fails"
)]
mod tests;
