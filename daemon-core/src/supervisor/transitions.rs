//! What a supervisor does when it goes from one state to another.

use std::time::{Duration, Instant};

use super::policy::{Decision, End};
use super::state::{FailedRun, GroupRest, State, StopRequest, Supervisor};
use crate::error::{CANNOT_START, Error, ErrorKind, shown};
use crate::launcher::Launched;
use crate::launcher::daemon_child::{DaemonChild, Stop};
use crate::launcher::outcome::WaitOutcome;
use crate::span::Span;
use crate::syslog::Severity;

/// How long the rest of the process group may take to end after SIGTERM.
const GROUP_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause before the second look at that rest; it grows.
const FIRST_GROUP_INTERVAL: Duration = Duration::from_millis(1);

impl Supervisor {
    /// Asks the run to end, because the supervisor was asked to.
    pub(super) fn stop_run(
        &mut self,
        mut process: DaemonChild,
        begun: Instant,
        now: Instant,
    ) -> State {
        let timeout = self.runs.settings().stop_timeout;
        process.set_stop_timeout(timeout);
        State::Ending {
            process,
            stop: match self.stop {
                // The run has got the signal too.
                Some(StopRequest::Shutdown) => Stop::Asked(now + timeout),
                _ => Stop::Begin,
            },
            begun,
            failure: None,
        }
    }

    /// The run that the supervisor has asked to end has ended.
    pub(super) fn stopped(
        &mut self,
        process: DaemonChild,
        begun: Instant,
        failure: Option<Box<FailedRun>>,
        now: Instant,
    ) -> State {
        let Some(failure) = failure else {
            return self.gone(Some(process));
        };
        if self.is_first_run {
            self.report_failure(*failure);
            process.end_group();
            return State::Gone;
        }
        let FailedRun {
            judge,
            outcome,
            mode,
        } = *failure;
        let text = match &outcome {
            WaitOutcome::TimedOut { time, missing } => {
                let missing = missing.as_ref().map(|missing| format!(": {missing}"));
                format!(
                    "not ready within {}{}",
                    Span(*time),
                    missing.unwrap_or_default()
                )
            }
            _ => match judge.judge(self.runs.config(), outcome, mode, Vec::new()) {
                Err(error) => error.to_string(),
                Ok(_) => String::new(),
            },
        };
        self.runs.keep_log(judge.log);
        self.end(process, (End::Failed, text), (begun, None), now)
    }

    /// Tells the launcher that the first run has failed.
    pub(super) fn report_failure(&mut self, failure: FailedRun) {
        let (config, outcome) = (self.runs.config(), failure.outcome);
        let verdict = (failure.judge).judge(config, outcome, failure.mode, Vec::new());
        self.push_verdict(verdict);
    }

    /// A run has ended, and was not asked to, or was because it failed.
    pub(super) fn end(
        &mut self,
        process: DaemonChild,
        (end, mut text): (End, String),
        (begun, ready): (Instant, Option<Instant>),
        now: Instant,
    ) -> State {
        if self.stop.is_some() {
            return self.gone(Some(process));
        }
        if matches!(end, End::Own { .. }) {
            text = format!("{text} after {}", Span(now - begun));
        }
        let ready_for = ready.map_or(Duration::ZERO, |ready| now - ready);
        self.decide(Some(process), end, &text, ready_for, now)
    }

    /// Decides what follows the end of a run, or a launch that has failed.
    pub(super) fn decide(
        &mut self,
        process: Option<DaemonChild>,
        end: End,
        text: &str,
        ready_for: Duration,
        now: Instant,
    ) -> State {
        let decision = self.policy.decide(end, ready_for);
        let due = match decision {
            Decision::RestartIn(delay) => {
                self.file.mark_down(delay);
                self.file.name_supervisor();
                Some(now + delay)
            }
            Decision::Finish | Decision::GiveUp => {
                self.file.empty();
                None
            }
        };
        if let Some(process) = &process {
            process.terminate_group();
        }
        let severity = match decision {
            Decision::Finish => Severity::Notice,
            Decision::RestartIn(_) | Decision::GiveUp => Severity::Error,
        };
        let line = match decision {
            Decision::RestartIn(delay) => format!("{text}; restart in {}", Span(delay)),
            Decision::Finish => format!("{text}; not restarted: this end was intended"),
            Decision::GiveUp => format!("{text}; not restarted: the limit of restarts is reached"),
        };
        self.runs.write_line(severity, &line, false);
        State::Ended {
            process,
            due,
            rest: GroupRest {
                deadline: now + GROUP_TIMEOUT,
                is_gone: None,
                interval: FIRST_GROUP_INTERVAL,
            },
        }
    }

    /// Starts the next run.
    pub(super) fn launch(&mut self) -> State {
        if !self.file.is_in_place() {
            let path = shown(self.file.path());
            let reason = format!("the PID file {path} was removed or replaced");
            if self.is_first_run {
                let error = Error::new(ErrorKind::CannotCreate, CANNOT_START, reason);
                self.push_verdict(Err(error));
            } else {
                let line = format!("{reason}; not restarted");
                self.runs.write_line(Severity::Error, &line, false);
            }
            return State::Gone;
        }
        let begun = Instant::now();
        if !self.is_first_run {
            self.look_at_log_between_runs(begun);
        }
        match self.runs.begin(&self.file, self.is_first_run) {
            Ok(run) => State::Waiting {
                run: Box::new(run),
                begun,
            },
            Err(error) if self.is_first_run => {
                self.push_verdict(Err(error));
                State::Gone
            }
            Err(error) => self.decide(None, End::Failed, &error.to_string(), Duration::ZERO, begun),
        }
    }

    /// The daemon is stopped. Before its first verdict the launcher says that.
    pub(super) fn gone(&self, process: Option<DaemonChild>) -> State {
        if !self.is_first_run {
            let pid = process.as_ref().map(DaemonChild::pid);
            let pid = pid.map_or(String::new(), |pid| format!(", pid {pid}"));
            self.runs.tell(Severity::Notice, &format!("stopped{pid}"));
        }
        if let Some(process) = process {
            process.end_group();
        }
        State::Gone
    }

    pub(super) fn push_verdict(&mut self, verdict: Result<Launched, Error>) {
        if let Some(channel) = &mut self.channel {
            channel.push_verdict(&verdict);
        }
        self.first_failure = verdict.err();
    }
}
