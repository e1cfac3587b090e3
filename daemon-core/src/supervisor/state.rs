//! What a supervisor waits for.

use std::time::Instant;

use crate::launcher::process::{Process, Stop};
use crate::launcher::run::{Judge, Run};
use crate::launcher::wait::WaitOutcome;
use crate::readiness::Mode;

/// The rows of the table in `supervise`.
#[derive(Debug)]
pub(super) enum State {
    Waiting {
        run: Box<Run>,
        begun: Instant,
    },
    Up {
        process: Process,
        begun: Instant,
        ready: Instant,
    },
    Ending {
        process: Process,
        stop: Stop,
        begun: Instant,
        /// Why the run is ended, unless it is a stop.
        failure: Option<Box<Failure>>,
    },
    Ended {
        /// Nothing where no process was made.
        process: Option<Process>,
        /// When the next run is due; nothing if there is none.
        due: Option<Instant>,
        group_deadline: Instant,
    },
    Gone,
}

/// Why a run has failed, before it ended.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) judge: Judge,
    pub(super) outcome: WaitOutcome,
    pub(super) mode: &'static Mode,
}

/// What follows a step.
#[derive(Debug)]
pub(super) enum Step {
    /// Look at once.
    Next(State),
    /// Look when something has happened, and not later than that.
    Wait(State, Option<Instant>),
}
