//! The supervisor's loop.
//!
//! | | ready | run ended | run failed | time is up | stop |
//! |---|---|---|---|---|---|
//! | waiting | up | ended | ending | (as run failed) | ending |
//! | up | | ended | | | ending |
//! | ending | | ended | | SIGKILL | SIGKILL after `stop_timeout` |
//! | ended, restart due | | | | waiting | gone |
//! | ended for good | | | | gone | gone |
//!
//! *waiting*: a run was launched and is not ready. *ending*: the supervisor has asked the run to end.
//! *ended*: the run has ended, and its zombie stays, which pins its process group; what is left of that
//! group is ending. A run fails when it is not ready in time or cannot take a step of its start. A stop
//! is a signal, or the end of a launcher that has no verdict yet. The first run has no next one unless
//! it was ready.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::fd::{AsFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::channel::{Channel, NoNews};
use super::log::RunAsWriter;
use super::policy::{Decision, End, Ended, Policy};
use super::runs::Runs;
use super::state::{Failure, State, Step};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, shown};
use crate::handoff::{DaemonEnd, Outcome, Record};
use crate::launcher::Launched;
use crate::launcher::failure::CANNOT_START;
use crate::launcher::process::{Process, Stop};
use crate::launcher::run::Run;
use crate::launcher::wait::{WaitOutcome, rounded_up};
use crate::log_rotation::LogWatch;
use crate::pid_file::supervised::SupervisedFile;
use crate::signals::Interrupts;
use crate::span::Span;
use crate::sys;
use crate::syslog::Severity;

/// How long the rest of the process group may take to end after SIGTERM.
const GROUP_TIMEOUT: Duration = Duration::from_secs(5);

/// How often the rest of the process group is looked for, and room for the verdict.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// What the name of the process has behind the program's.
const COMM_SUFFIX: &[u8] = b"-sup";

/// How long the name of a process can be.
const COMM_MAX: usize = 15;

#[derive(Debug)]
struct Supervisor {
    runs: Runs,
    file: SupervisedFile,
    interrupts: Interrupts,
    policy: Policy,
    /// Until the launcher knows the verdict on the first run.
    channel: Option<Channel>,
    is_first_run: bool,
    stop: Option<StopRequest>,
    log_watch: Option<Box<dyn LogWatch>>,
    /// Why the first run has not come up.
    first_failure: Option<Error>,
}

/// Why the supervisor ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StopRequest {
    /// A signal, or the end of the launcher.
    Asked,
    /// Process 1 shuts the system down, and has sent the signal to every process.
    Shutdown,
}

/// Supervises the daemon until it is stopped or its end was intended; then this process ends.
pub(super) fn become_supervisor(
    record: Record,
    end: DaemonEnd,
    capabilities: Capabilities,
) -> Infallible {
    end.answer(Outcome::Done { log_errno: None });
    let mut channel = Channel::new(end);
    match Supervisor::new(record, capabilities) {
        Ok(mut supervisor) => {
            supervisor.channel = Some(channel);
            supervisor.run();
        }
        Err(error) => {
            channel.push_verdict(&Err(error));
            tell_verdict(&mut channel);
        }
    }
    sys::exit::exit_at_once(0)
}

impl Supervisor {
    fn new(mut record: Record, capabilities: Capabilities) -> Result<Self, Error> {
        let missing = || Error::words(ErrorKind::System, CANNOT_START, "the hand-off is not whole");
        let own = record.supervisor.take().ok_or_else(missing)?;
        let take = |fd: Option<RawFd>| {
            let taken = sys::descriptors::take_over(fd.ok_or_else(missing)?);
            taken.map_err(|errno| Error::step("keep the PID file open", errno))
        };
        let lock = take(record.pid_descriptor)?;
        let bring_up = take(Some(own.bring_up))?;
        let path = record.paths.pid.clone().ok_or_else(missing)?;
        sys::image::set_comm(&name_of_process(&record.comm));
        let interrupts = Interrupts::catch_only(&[
            Signal::SIGTERM,
            Signal::SIGINT,
            Signal::SIGQUIT,
            Signal::SIGCHLD,
        ]);
        let interrupts =
            interrupts.map_err(|error| Error::step("make a pipe for signals", error))?;
        let policy = Policy::new(&record.settings);
        let runs = Runs::new(record, own, capabilities)?.ok_or_else(missing)?;
        Ok(Self {
            log_watch: runs.watch_log(),
            runs,
            file: SupervisedFile::new(lock.into(), bring_up.into(), path),
            interrupts,
            policy,
            channel: None,
            is_first_run: true,
            stop: None,
            first_failure: None,
        })
    }

    fn run(mut self) {
        let mut state = self.launch();
        loop {
            self.look_for_stop();
            match self.step(state, Instant::now()) {
                Step::Next(State::Gone) => break,
                Step::Next(next) => state = next,
                Step::Wait(same, deadline) => {
                    self.wait(&same, deadline);
                    state = same;
                }
            }
        }
        self.file.remove(self.first_failure.as_ref());
        if let Some(channel) = &mut self.channel {
            tell_verdict(channel);
        }
    }

    fn look_for_stop(&mut self) {
        while let Some((signal, is_from_init)) = self.interrupts.next() {
            if signal != Signal::SIGCHLD {
                let is_shutdown = is_from_init && crate::systemd::is_process_one();
                self.stop.get_or_insert(if is_shutdown {
                    StopRequest::Shutdown
                } else {
                    StopRequest::Asked
                });
            }
        }
        let Some(channel) = &mut self.channel else {
            return;
        };
        if channel.is_done() {
            self.channel = None;
        } else if channel.is_lost() {
            if self.is_first_run {
                self.stop.get_or_insert(StopRequest::Asked);
            }
            self.channel = None;
        }
    }

    /// Waits until something happens, and not longer than that.
    fn wait(&self, state: &State, deadline: Option<Instant>) {
        let now = Instant::now();
        let mut sources = vec![self.interrupts.as_fd()];
        if let State::Waiting { run, .. } = state {
            sources.extend(run.wait.sources());
        }
        let mut deadline = deadline;
        if let Some(channel) = &self.channel {
            sources.push(channel.as_fd());
            if channel.is_waiting() {
                let soon = now + POLL_INTERVAL;
                deadline = Some(deadline.map_or(soon, |deadline| deadline.min(soon)));
            }
        }
        let mut sources: Vec<_> = sources
            .into_iter()
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        let timeout = deadline.map_or(PollTimeout::NONE, |deadline| {
            rounded_up(deadline.saturating_duration_since(now))
        });
        if poll(&mut sources, timeout).is_err() {
            // A signal, or no memory.
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn step(&mut self, state: State, now: Instant) -> Step {
        match state {
            State::Waiting { run, begun } => self.step_waiting(run, begun, now),
            State::Up {
                process,
                begun,
                ready,
            } => {
                if self.stop.is_some() {
                    return Step::Next(self.stop_run(process, begun, now));
                }
                let end = match process.try_wait() {
                    Ok(None) => {
                        let next_look = self.look_at_log(&process, now);
                        let same = State::Up {
                            process,
                            begun,
                            ready,
                        };
                        return Step::Wait(same, next_look);
                    }
                    Ok(Some(status)) => {
                        let was_ready = true;
                        (End::Own { status, was_ready }, Ended(status).to_string())
                    }
                    Err(_) => (End::Failed, "lost".to_owned()),
                };
                Step::Next(self.end(process, end, (begun, Some(ready)), now))
            }
            State::Ending {
                process,
                mut stop,
                begun,
                failure,
            } => {
                let deadline = stop.step(&process, now);
                if deadline.is_none() && process.has_ended() {
                    return Step::Next(self.stopped(process, begun, failure, now));
                }
                let same = State::Ending {
                    process,
                    stop,
                    begun,
                    failure,
                };
                Step::Wait(same, deadline)
            }
            State::Ended {
                process,
                due,
                group_deadline,
            } => self.step_ended(process, due, group_deadline, now),
            State::Gone => Step::Next(State::Gone),
        }
    }

    fn step_waiting(&mut self, mut run: Box<Run>, begun: Instant, now: Instant) -> Step {
        if self.stop.is_some() {
            self.push_verdict(Err(stopped_before_ready()));
            let (process, ..) = run.wait.into_process();
            return Step::Next(self.stop_run(process, begun, now));
        }
        let outcome = match &mut self.channel {
            Some(channel) => run.wait.step(now, channel),
            None => run.wait.step(now, &mut NoNews),
        };
        let outcome = match outcome {
            Ok(None) => {
                let deadline = run.wait.next_step(now);
                return Step::Wait(State::Waiting { run, begun }, Some(deadline));
            }
            Ok(Some(outcome)) => outcome,
            Err(_) => WaitOutcome::Reaped,
        };
        let Run { wait, judge, .. } = *run;
        let (process, mode, announced) = wait.into_process();
        let is_success = outcome.is_success(mode.may_finish_first);
        let next = match outcome {
            WaitOutcome::Ready { .. } => {
                self.file.mark_up();
                self.push_verdict(judge.judge(outcome, mode, announced));
                self.is_first_run = false;
                self.runs.keep_log(judge.log);
                let ready = now;
                State::Up {
                    process,
                    begun,
                    ready,
                }
            }
            WaitOutcome::Ended {
                status, was_ready, ..
            } => {
                if self.is_first_run {
                    self.push_verdict(judge.judge(outcome, mode, announced));
                    if !is_success {
                        process.end_group();
                        return Step::Next(State::Gone);
                    }
                }
                self.is_first_run = false;
                self.runs.keep_log(judge.log);
                let was_ready = was_ready || is_success;
                let end = (End::Own { status, was_ready }, Ended(status).to_string());
                self.end(process, end, (begun, None), now)
            }
            outcome => State::Ending {
                process,
                stop: Stop::Begin,
                begun,
                failure: Some(Box::new(Failure {
                    judge,
                    outcome,
                    mode,
                })),
            },
        };
        Step::Next(next)
    }

    /// Goes on with the rotation of the log; says when to look again.
    fn look_at_log(&mut self, process: &Process, now: Instant) -> Option<Instant> {
        let watch = self.log_watch.as_mut()?;
        let (error, next_look) = watch.look(&mut RunAsWriter(process), now);
        if let Some(error) = error {
            self.runs.write_line(Severity::Error, &error.to_string());
        }
        Some(next_look)
    }

    /// Asks the run to end, because the supervisor was asked to.
    fn stop_run(&mut self, mut process: Process, begun: Instant, now: Instant) -> State {
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
    fn stopped(
        &mut self,
        process: Process,
        begun: Instant,
        failure: Option<Box<Failure>>,
        now: Instant,
    ) -> State {
        let Some(failure) = failure else {
            process.end_group();
            return State::Gone;
        };
        let Failure {
            judge,
            outcome,
            mode,
        } = *failure;
        if self.is_first_run {
            self.push_verdict(judge.judge(outcome, mode, Vec::new()));
            process.end_group();
            return State::Gone;
        }
        let text = match &outcome {
            WaitOutcome::TimedOut { time, missing } => {
                let missing = missing.as_ref().map(|missing| format!(": {missing}"));
                format!(
                    "not ready within {}{}",
                    Span(*time),
                    missing.unwrap_or_default()
                )
            }
            _ => match judge.judge(outcome, mode, Vec::new()) {
                Err(error) => error.to_string(),
                Ok(_) => String::new(),
            },
        };
        self.runs.keep_log(judge.log);
        self.end(process, (End::Failed, text), (begun, None), now)
    }

    /// A run has ended, and was not asked to, or was because it failed.
    fn end(
        &mut self,
        process: Process,
        (end, mut text): (End, String),
        (begun, ready): (Instant, Option<Instant>),
        now: Instant,
    ) -> State {
        if self.stop.is_some() {
            process.end_group();
            return State::Gone;
        }
        if matches!(end, End::Own { .. }) {
            text = format!("{text} after {}", Span(now - begun));
        }
        let ready_for = ready.map_or(Duration::ZERO, |ready| now - ready);
        self.decide(Some(process), end, &text, ready_for, now)
    }

    /// Decides what follows the end of a run, or a launch that has failed.
    fn decide(
        &mut self,
        process: Option<Process>,
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
        self.runs.write_line(severity, &line);
        State::Ended {
            process,
            due,
            group_deadline: now + GROUP_TIMEOUT,
        }
    }

    fn step_ended(
        &mut self,
        process: Option<Process>,
        due: Option<Instant>,
        group_deadline: Instant,
        now: Instant,
    ) -> Step {
        let end_group = |process: Option<Process>| process.map(Process::end_group);
        if self.stop.is_some() {
            end_group(process);
            return Step::Next(State::Gone);
        }
        let has_group = || process.as_ref().is_some_and(Process::has_group);
        let wake = match due {
            Some(due) if now < due => Some(due),
            _ if now < group_deadline && has_group() => {
                Some(group_deadline.min(now + POLL_INTERVAL))
            }
            _ => None,
        };
        if wake.is_some() {
            let same = State::Ended {
                process,
                due,
                group_deadline,
            };
            return Step::Wait(same, wake);
        }
        end_group(process);
        Step::Next(match due {
            Some(_) => self.launch(),
            None => State::Gone,
        })
    }

    /// Starts the next run.
    fn launch(&mut self) -> State {
        if !self.file.is_in_place() {
            let path = shown(self.file.path());
            let reason = format!("the PID file {path} was removed or replaced");
            if self.is_first_run {
                let error = Error::words(ErrorKind::CannotCreate, CANNOT_START, reason);
                self.push_verdict(Err(error));
            } else {
                let line = format!("{reason}; not restarted");
                self.runs.write_line(Severity::Error, &line);
            }
            return State::Gone;
        }
        let begun = Instant::now();
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

    fn push_verdict(&mut self, verdict: Result<Launched, Error>) {
        if let Some(channel) = &mut self.channel {
            channel.push_verdict(&verdict);
        }
        self.first_failure = verdict.err();
    }
}

/// Waits until the launcher knows the verdict, or has gone.
fn tell_verdict(channel: &mut Channel) {
    while !channel.is_done() && !channel.is_lost() {
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// The verb `stop` was faster, or process 1.
fn stopped_before_ready() -> Error {
    let reason = "the daemon was stopped before it was ready";
    Error::words(ErrorKind::Interrupted, CANNOT_START, reason).with_status(143)
}

fn name_of_process(program: &OsString) -> OsString {
    let name = program.as_bytes();
    let length = name.len().min(COMM_MAX - COMM_SUFFIX.len());
    let name = name.get(..length).unwrap_or(name);
    OsString::from_vec([name, COMM_SUFFIX].concat())
}
