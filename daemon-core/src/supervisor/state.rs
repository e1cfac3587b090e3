//! A supervisor, and what it waits for.

use std::time::{Duration, Instant};

use super::channel::Channel;
use super::policy::Policy;
use super::runs::Runs;
use crate::error::Error;
use crate::launcher::attempt::{Attempt, Judge};
use crate::launcher::daemon_child::{DaemonChild, Stop};
use crate::launcher::outcome::WaitOutcome;
use crate::log_rotation::LogWatch;
use crate::pid_file::supervised::SupervisedFile;
use crate::readiness::Mode;
use crate::signals::Interrupts;

/// The rows of the table in `supervise`.
pub(super) enum State {
    Waiting {
        run: Box<Attempt>,
        begun: Instant,
    },
    Up {
        process: DaemonChild,
        begun: Instant,
        ready: Instant,
    },
    Ending {
        process: DaemonChild,
        stop: Stop,
        begun: Instant,
        /// Why the run is ended, unless it is a stop.
        failure: Option<Box<FailedRun>>,
    },
    Ended {
        /// `None` where no process was made.
        process: Option<DaemonChild>,
        /// When the next run is due; `None` if there is none.
        due: Option<Instant>,
        rest: GroupRest,
    },
    Gone,
}

/// What is left of the process group of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct GroupRest {
    /// When it gets SIGKILL at the latest.
    pub(super) deadline: Instant,
    /// No member lives, so none comes any more. Unknown before the first look.
    pub(super) is_gone: Option<bool>,
    /// The pause before the next look.
    pub(super) interval: Duration,
}

/// Why a run has failed, before it ended.
#[derive(Debug)]
pub(super) struct FailedRun {
    pub(super) judge: Judge,
    pub(super) outcome: WaitOutcome,
    pub(super) mode: &'static Mode,
}

/// What follows a step.
pub(super) enum Transition {
    /// Look at once.
    Now(State),
    /// Look when something has happened, and not later than that.
    Wait(State, Option<Instant>),
}

/// The process that starts a daemon again and again.
pub(super) struct Supervisor {
    pub(super) runs: Runs,
    pub(super) file: SupervisedFile,
    pub(super) interrupts: Interrupts,
    pub(super) policy: Policy,
    /// Until the launcher knows the verdict on the first run.
    pub(super) channel: Option<Channel>,
    pub(super) is_first_run: bool,
    pub(super) stop: Option<StopRequest>,
    pub(super) log_watch: Option<Box<dyn LogWatch>>,
    /// Why the first run has not come up.
    pub(super) first_failure: Option<Error>,
}

/// Why the supervisor ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopRequest {
    /// A signal, or the end of the launcher.
    Asked,
    /// Process 1 shuts the system down, and has sent the signal to every process.
    Shutdown,
}
