//! How a wait for readiness ended.

use std::process::ExitStatus;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;

use crate::handoff::StartStep;

/// How the wait ended.
#[derive(Debug)]
pub(crate) enum WaitOutcome {
    /// The daemon is ready, and this is its last status text.
    Ready {
        status: Option<String>,
        /// Where it serves, if that was the condition.
        addresses: Option<String>,
    },
    /// The daemon ended.
    Ended {
        status: ExitStatus,
        /// It was ready for a moment.
        was_ready: bool,
        /// The reason that it announced.
        errno: Option<Errno>,
    },
    /// The daemon ended, and another thread of this process has reaped it.
    Reaped,
    /// A step after its exec failed.
    StepFailed(StartStep, Errno),
    /// The daemon closed the hand-off without taking its steps, and was stopped.
    HandoffLost,
    /// The daemon was not ready after this time, and was stopped.
    TimedOut {
        time: Duration,
        /// What the launcher has waited for.
        missing: Option<String>,
    },
    /// The user gave up waiting, and the daemon was stopped.
    Interrupted(Signal),
    /// The supervisor has said how the first run has started.
    Judged {
        has_failed: bool,
        verdict: Vec<u8>,
        /// What the run has written.
        output: Vec<u8>,
    },
}

impl WaitOutcome {
    /// Whether the daemon was a short job that succeeded.
    pub(crate) fn is_success(&self, may_finish_first: bool) -> bool {
        match self {
            Self::Ended {
                status, was_ready, ..
            } => status.success() && (may_finish_first || *was_ready),
            _ => false,
        }
    }
}
