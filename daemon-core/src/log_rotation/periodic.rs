//! The rotation of a log that a supervisor looks at from time to time.

use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::config::RotationConfig;
use super::{ProcessState, Progress, RotatedProcess, Rotation};
use crate::error::{Error, ErrorKind};
use crate::files::FileId;
use crate::signal::Signal;

/// How often a log that grows is looked at.
const SHORT_INTERVAL: Duration = Duration::from_secs(10);

/// The same for a log that does not grow.
const LONG_INTERVAL: Duration = Duration::from_secs(60);

/// How often the supervisor looks for the new log.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// When a rotation is tried again that a run has not followed.
const RETRY_INTERVAL: Duration = Duration::from_secs(3600);

/// The looks at a log. None of them waits. They return what is worth a line in the log.
pub(crate) trait LogWatch {
    /// Looks while a run is up, if it is time to; also returns when to look again.
    fn look(&mut self, writer: &mut dyn RotatedProcess, now: Instant) -> (Option<String>, Instant);

    /// Looks before the next run opens the log: a run may have ended before any look.
    fn look_between_runs(&mut self, now: Instant) -> Option<String>;
}

#[derive(Debug)]
struct Periodic {
    rotation: Rotation,
    next: Instant,
    length: u64,
    /// What was said last. It is not said at each look.
    said: Option<String>,
}

/// Watches a log. The first look comes at once: the log may be an old one.
pub(crate) fn watch(config: RotationConfig) -> Box<dyn LogWatch> {
    Box::new(Periodic {
        rotation: Rotation::new(config),
        next: Instant::now(),
        length: 0,
        said: None,
    })
}

impl LogWatch for Periodic {
    fn look(&mut self, writer: &mut dyn RotatedProcess, now: Instant) -> (Option<String>, Instant) {
        if now < self.next {
            return (None, self.next);
        }
        let step = self.rotation.step(writer);
        let length = self.rotation.log_length();
        let grows = std::mem::replace(&mut self.length, length) != length;
        let interval = match &step {
            Ok(Progress::Idle) if !grows => LONG_INTERVAL,
            Ok(Progress::Idle | Progress::Rotated | Progress::Reopened(_)) => SHORT_INTERVAL,
            Ok(Progress::Busy | Progress::Waiting) => POLL_INTERVAL,
            Err(error) if error.kind() == ErrorKind::NotReady => RETRY_INTERVAL,
            Err(_) => LONG_INTERVAL,
        };
        self.next = now + interval;
        (self.line(step), self.next)
    }

    fn look_between_runs(&mut self, now: Instant) -> Option<String> {
        // The next run gets a look as soon as it is up.
        self.next = now;
        let mut step = self.rotation.step(&mut NoRun);
        if matches!(step, Ok(Progress::Rotated | Progress::Reopened(_))) {
            // That was the rotation which the last run has not finished.
            step = self.rotation.step(&mut NoRun);
        }
        self.line(step)
    }
}

impl Periodic {
    /// What is to be said of a step.
    fn line(&mut self, step: Result<Progress, Error>) -> Option<String> {
        let is_repeated = match &step {
            Err(error) => error.kind() != ErrorKind::NotReady,
            Ok(Progress::Reopened(_)) => false,
            Ok(Progress::Busy | Progress::Waiting) => return None,
            Ok(Progress::Idle | Progress::Rotated) => {
                self.said = None;
                return None;
            }
        };
        let line = match step {
            Ok(Progress::Reopened(pid)) => Some(self.rotation.config.reopened(pid)),
            step => step.err().map(|error| error.to_string()),
        };
        let said = std::mem::replace(&mut self.said, line.clone());
        line.filter(|_| !is_repeated || said != self.said)
    }
}

/// Between two runs no process writes to the log.
struct NoRun;

impl RotatedProcess for NoRun {
    fn find(&mut self) -> Result<ProcessState, Error> {
        Ok(ProcessState::NotRunning)
    }

    fn catches(&self, _signal: Signal) -> bool {
        false
    }

    fn writes_to(&self, _file: FileId) -> Option<bool> {
        Some(false)
    }

    fn writes_to_any_file(&self) -> Option<bool> {
        Some(false)
    }

    fn send(&self, _signal: Signal) -> Result<(), Errno> {
        Err(Errno::ESRCH)
    }

    fn has_ended(&self) -> bool {
        true
    }
}
