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
//! *ended*: the run has ended, and what is left of its process group is ending. Its zombie stays and
//! pins that group, unless a descriptor does. A run fails when it is not ready in time or cannot take
//! a step of its start. A stop is a signal, or the end of a launcher that has no verdict yet. The
//! first run has no next one unless it was ready.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::channel::NoObserver;
use super::log::RunAsWriter;
use super::policy::{End, Ended};
use super::state::{FailedRun, GroupRest, State, StopRequest, Supervisor, Transition};
use crate::error::{CANNOT_START, Error, ErrorKind};
use crate::launcher::attempt::Attempt;
use crate::launcher::daemon_child::{DaemonChild, Stop};
use crate::launcher::drive::rounded_up;
use crate::launcher::outcome::WaitOutcome;
use crate::launcher::status_line::StartObserver;
use crate::syslog::Severity;

/// How often the rest of the process group is looked for, at most.
const LONGEST_GROUP_INTERVAL: Duration = Duration::from_millis(20);

/// How often room for the verdict is looked for.
const VERDICT_INTERVAL: Duration = Duration::from_millis(20);

/// How often room in the log is looked for.
const LINES_INTERVAL: Duration = Duration::from_secs(1);

/// The pause where the system has no memory for a poll.
const NO_MEMORY_INTERVAL: Duration = Duration::from_millis(1);

impl Supervisor {
    /// Returns when there is no run any more, and there will be none.
    pub(super) fn run(mut self) {
        let mut state = self.launch();
        loop {
            self.look_for_stop();
            match self.step(state, Instant::now()) {
                Transition::Now(State::Gone) => break,
                Transition::Now(next) => state = next,
                Transition::Wait(same, deadline) => {
                    self.wait(&same, deadline);
                    state = same;
                }
            }
        }
        // In this order: the start that has the PID file next binds the same addresses.
        self.runs.close_sockets();
        self.file.remove(self.first_failure.as_ref());
        if let Some(channel) = &mut self.channel {
            channel.deliver();
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
    fn wait(&self, state: &State, mut deadline: Option<Instant>) {
        let now = Instant::now();
        let mut sources = vec![self.interrupts.as_fd()];
        if let State::Waiting { run, .. } = state {
            sources.extend(run.wait.sources());
        }
        if let Some(channel) = &self.channel {
            sources.push(channel.as_fd());
            if channel.is_waiting() {
                let soon = now + VERDICT_INTERVAL;
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
        // A signal has said why in the pipe.
        if poll(&mut sources, timeout).is_err_and(|errno| errno != Errno::EINTR) {
            std::thread::sleep(NO_MEMORY_INTERVAL);
        }
    }

    fn step(&mut self, state: State, now: Instant) -> Transition {
        match state {
            State::Waiting { run, begun } => self.step_waiting(run, begun, now),
            State::Up {
                process,
                begun,
                ready,
            } => {
                if self.stop.is_some() {
                    return Transition::Now(self.stop_run(process, begun, now));
                }
                let end = match process.try_wait() {
                    Ok(None) => {
                        let next_look = self.look_at_log(&process, now);
                        let same = State::Up {
                            process,
                            begun,
                            ready,
                        };
                        return Transition::Wait(same, next_look);
                    }
                    Ok(Some(status)) => {
                        let was_ready = true;
                        (End::Own { status, was_ready }, Ended(status).to_string())
                    }
                    Err(_) => (End::Failed, "lost".to_owned()),
                };
                Transition::Now(self.end(process, end, (begun, Some(ready)), now))
            }
            State::Ending {
                process,
                mut stop,
                begun,
                mut failure,
            } => {
                let deadline = stop.step(&process, now);
                if deadline.is_none() && process.has_ended() {
                    return Transition::Now(self.stopped(process, begun, failure, now));
                }
                // Not even SIGKILL has ended the run, and the launcher must not wait for that.
                if deadline.is_none() && self.is_first_run {
                    if let Some(failure) = failure.take() {
                        self.report_failure(*failure);
                    }
                }
                let same = State::Ending {
                    process,
                    stop,
                    begun,
                    failure,
                };
                Transition::Wait(same, deadline)
            }
            State::Ended { process, due, rest } => self.step_ended(process, due, rest, now),
            State::Gone => Transition::Now(State::Gone),
        }
    }

    fn step_waiting(&mut self, mut run: Box<Attempt>, begun: Instant, now: Instant) -> Transition {
        if self.stop.is_some() {
            self.push_verdict(Err(stopped_before_ready()));
            let (process, ..) = run.wait.into_process();
            return Transition::Now(self.stop_run(process, begun, now));
        }
        let observer: &mut dyn StartObserver = match &mut self.channel {
            Some(channel) => channel,
            None => &mut NoObserver,
        };
        let outcome = match run.wait.step(now, observer) {
            Ok(None) => {
                let deadline = run.wait.next_step(now);
                return Transition::Wait(State::Waiting { run, begun }, Some(deadline));
            }
            Ok(Some(outcome)) => outcome,
            Err(_) => WaitOutcome::Reaped,
        };
        let Attempt { wait, judge, .. } = *run;
        let (process, mode, announced) = wait.into_process();
        let is_success = outcome.is_success(mode.may_finish_first);
        let next = match outcome {
            WaitOutcome::Ready { .. } => {
                self.file.mark_up();
                let verdict = judge.judge(self.runs.config(), outcome, mode, announced);
                self.push_verdict(verdict);
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
                    if is_success {
                        // The start is over, and what follows is a restart.
                        self.file.mark_up();
                    }
                    let verdict = judge.judge(self.runs.config(), outcome, mode, announced);
                    self.push_verdict(verdict);
                    if !is_success {
                        process.end_group();
                        return Transition::Now(State::Gone);
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
                failure: Some(Box::new(FailedRun {
                    judge,
                    outcome,
                    mode,
                })),
            },
        };
        Transition::Now(next)
    }

    /// Goes on with the rotation of the log; says when to look again.
    fn look_at_log(&mut self, process: &DaemonChild, now: Instant) -> Option<Instant> {
        let watch = self.log_watch.as_mut();
        let look = watch.map(|watch| watch.look(&mut RunAsWriter(process), now));
        let (line, next_look) = look.map_or((None, None), |(line, next)| (line, Some(next)));
        if let Some(line) = line {
            self.runs.write_line(Severity::Error, &line, true);
        }
        let has_room = self.runs.write_lines(true);
        let next_try = (!has_room).then(|| now + LINES_INTERVAL);
        let replaced = self.runs.follow_log(now);
        [next_look, next_try, replaced].into_iter().flatten().min()
    }

    /// Rotates the log before a run opens it: the last one may have ended before it was up.
    pub(super) fn look_at_log_between_runs(&mut self, now: Instant) {
        let line = self.log_watch.as_mut();
        if let Some(line) = line.and_then(|watch| watch.look_between_runs(now)) {
            self.runs.write_line(Severity::Error, &line, false);
        }
    }

    fn step_ended(
        &mut self,
        mut process: Option<DaemonChild>,
        due: Option<Instant>,
        mut rest: GroupRest,
        now: Instant,
    ) -> Transition {
        if self.stop.is_some() {
            return Transition::Now(self.gone(process));
        }
        let delay_until = due.filter(|due| now < *due);
        // The look comes in the delay, where it costs no time, and after the delay until the group
        // is gone.
        if rest.is_gone.is_none() || (rest.is_gone == Some(false) && delay_until.is_none()) {
            let has_group = process.as_mut().is_some_and(DaemonChild::has_group);
            rest.is_gone = Some(!has_group);
        }
        let wake = match delay_until {
            Some(due) => Some(due),
            None if now < rest.deadline && rest.is_gone == Some(false) => {
                let look = now + rest.interval;
                rest.interval = (rest.interval * 2).min(LONGEST_GROUP_INTERVAL);
                Some(rest.deadline.min(look))
            }
            None => None,
        };
        if wake.is_some() {
            let same = State::Ended { process, due, rest };
            return Transition::Wait(same, wake);
        }
        if let Some(process) = process {
            process.end_group();
        }
        Transition::Now(match due {
            Some(_) => self.launch(),
            None => State::Gone,
        })
    }
}

/// The verb `stop` was faster, or process 1.
fn stopped_before_ready() -> Error {
    let reason = "the daemon was stopped before it was ready";
    Error::new(ErrorKind::Interrupted, CANNOT_START, reason).with_status(143)
}
