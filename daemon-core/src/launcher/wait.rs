//! The wait for readiness: a state machine, and the loop by which the launcher drives it.
//!
//! The first event decides: the daemon is ready, a step of it failed, it ended, or time is up.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::process::Process;
use super::status_line::{News, StatusLine};
use crate::error::{Error, system_message};
use crate::handoff::{LauncherEnd, Outcome, Reply, Report, StartStep};
use crate::readiness::notify::{self, Notification};
use crate::readiness::{self, Mode, Observation, Probe, State};
use crate::signals::Interrupts;

/// No deadline is later than this, so that no sum overflows.
const MAX_TIMEOUT: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// How long a daemon may live on after it closed its end of the hand-off without an answer. It is
/// about to end, most likely, and its exit status says more.
const HANDOFF_LOST_TIMEOUT: Duration = Duration::from_secs(1);

/// The pause after a notice, so that no daemon can keep the launcher busy.
const RECEIVE_INTERVAL: Duration = Duration::from_millis(2);

/// One step ends even if the daemon keeps sending.
const NOTICES_PER_STEP: usize = 64;

/// How much of its announcements is kept.
const ANNOUNCED_MAX: usize = 64 * 1024;

/// What a terminal shows until the daemon says what it is doing.
const WAITING: &str = "waiting until the daemon is ready";

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

/// The wait for one daemon. It never blocks: a loop polls [`sources`](Self::sources) until
/// [`next_step`](Self::next_step), and calls [`step`](Self::step) then.
#[derive(Debug)]
pub(crate) struct Wait {
    process: Process,
    /// Open until the daemon closes its end.
    handoff: Option<LauncherEnd>,
    /// No notice is read until then.
    pause_until: Option<Instant>,
    /// The steps after the exec.
    has_taken_steps: bool,
    mode: &'static Mode,
    probe: Box<dyn Probe>,
    begin: Instant,
    deadline: Instant,
    /// False once the user or the daemon has asked for a time.
    has_default_deadline: bool,
    status: Option<String>,
    addresses: Option<String>,
    errno: Option<Errno>,
    /// What the launcher prints when the daemon is up.
    announced: Vec<u8>,
    /// How a warning names the log.
    log: String,
    /// What the supervisor has told of the output of its daemon. Only a supervisor is asked.
    output: Option<Vec<u8>>,
}

impl Wait {
    /// If a step after the exec can fail, these steps come first.
    pub(super) fn new(
        process: Process,
        handoff: LauncherEnd,
        step_can_fail: bool,
        (mode, probe): (&'static Mode, Box<dyn Probe>),
        timeout: Option<Duration>,
        log: String,
    ) -> Self {
        let begin = Instant::now();
        Self {
            process,
            has_taken_steps: !step_can_fail,
            handoff: Some(handoff),
            pause_until: None,
            mode,
            probe,
            begin,
            deadline: begin + timeout.unwrap_or(mode.default_timeout).min(MAX_TIMEOUT),
            has_default_deadline: timeout.is_none(),
            status: None,
            addresses: None,
            errno: None,
            announced: Vec::new(),
            log,
            output: None,
        }
    }

    /// It is a supervisor that is waited for.
    pub(crate) fn expect_verdict(&mut self) {
        self.output = Some(Vec::new());
    }

    /// The process, the mode that was waited with in the end, and the announcements.
    pub(crate) fn into_process(self) -> (Process, &'static Mode, Vec<u8>) {
        (self.process, self.mode, self.announced)
    }

    /// Looks at everything once; the outcome, if the wait is over.
    pub(crate) fn step(
        &mut self,
        now: Instant,
        news: &mut impl News,
    ) -> io::Result<Option<WaitOutcome>> {
        if let Some(failed) = self.hear_handoff(now, news) {
            return Ok(Some(failed));
        }
        let state = self.poll_probe(now, news);
        if let Some(end) = self.check_exit(state, now, news)? {
            return Ok(Some(end));
        }
        // A daemon that is about to end hides what it shows before.
        if let State::Hidden(text) = state {
            news.warn(text);
            (self.mode, self.probe) = readiness::fall_back(self.process.pid());
            if self.has_default_deadline {
                self.deadline = self.deadline.min(now + self.mode.default_timeout);
            }
        }
        if state == State::Ready {
            // Another client of `sd_notify(3)` may have said so, by another way than the hand-off.
            self.pause_until = None;
            let failed = self.hear_handoff(now, news);
            return Ok(failed.or_else(|| Some(self.ready())));
        }
        Ok((now >= self.deadline).then(|| self.time_is_up(now)))
    }

    /// What becomes readable when a step is due.
    pub(crate) fn sources(&self) -> Vec<BorrowedFd<'_>> {
        let handoff = self.handoff.as_ref().filter(|_| self.pause_until.is_none());
        let handoff = handoff.map(AsFd::as_fd);
        let mut sources: Vec<_> = self.process.end().into_iter().chain(handoff).collect();
        sources.extend(self.probe.sources());
        sources
    }

    /// When a step is due although no source is readable.
    pub(crate) fn next_step(&self, now: Instant) -> Instant {
        let probe = self.probe.next_poll(now).filter(|_| self.has_taken_steps);
        let process = self.process.next_poll(now);
        let wanted = [probe, process, self.pause_until]
            .into_iter()
            .flatten()
            .min();
        wanted.map_or(self.deadline, |wanted| wanted.min(self.deadline))
    }

    fn hear_handoff(&mut self, now: Instant, news: &mut impl News) -> Option<WaitOutcome> {
        if self.pause_until.is_some_and(|end| now < end) {
            return None;
        }
        self.pause_until = None;
        for _ in 0..NOTICES_PER_STEP {
            match self.handoff.as_mut()?.receive() {
                Reply::Pending => break,
                Reply::Outcome(Outcome::Failed(step, errno)) => {
                    return Some(WaitOutcome::StepFailed(step, errno));
                }
                Reply::Outcome(Outcome::Done { log_errno }) => {
                    if let Some(errno) = log_errno {
                        news.warn(&log_stays(&self.log, errno));
                    }
                    self.has_taken_steps = true;
                }
                Reply::Notice(text) => {
                    self.pause_until = Some(now + RECEIVE_INTERVAL);
                    self.hear_notice(&text, now, news);
                }
                Reply::Announcement(bytes) => {
                    self.pause_until = Some(now + RECEIVE_INTERVAL);
                    let room = ANNOUNCED_MAX - self.announced.len();
                    self.announced.extend(bytes.iter().take(room));
                }
                Reply::Report(report) => {
                    if let Some(verdict) = self.hear_report(report, news) {
                        return Some(verdict);
                    }
                }
                Reply::Lost => {
                    self.handoff = None;
                    if !self.has_taken_steps {
                        self.deadline = self.deadline.min(now + HANDOFF_LOST_TIMEOUT);
                    }
                }
            }
        }
        None
    }

    fn hear_report(&mut self, report: Report, news: &mut impl News) -> Option<WaitOutcome> {
        let output = self.output.as_mut()?;
        match report {
            Report::Warning(text) => news.warn(&String::from_utf8_lossy(&text)),
            Report::Output(bytes) => output.extend(bytes),
            Report::Verdict(verdict) => {
                return Some(WaitOutcome::Judged {
                    has_failed: verdict.first() != Some(&Report::SUCCESS),
                    verdict,
                    output: std::mem::take(output),
                });
            }
        }
        None
    }

    /// What the daemon says about itself by the functions of this library.
    fn hear_notice(&mut self, text: &[u8], now: Instant, news: &mut impl News) {
        for notification in notify::parse(text) {
            let mut observation = Observation::default();
            match notification {
                Notification::Ready => self.probe.announce(now),
                Notification::Status(text) => observation.status = Some(text),
                Notification::Errno(errno) => observation.errno = Some(Errno::from_raw(errno)),
                Notification::ExtendTimeout(time) => observation.extension = Some(time),
                Notification::Barrier | Notification::Stopping => {}
            }
            self.note(&mut observation, now, news);
        }
    }

    fn note(&mut self, observation: &mut Observation, now: Instant, news: &mut impl News) {
        self.errno = observation.errno.or(self.errno);
        if let Some(text) = observation.status.take() {
            news.set_status(&text);
            self.status = Some(text).filter(|text| !text.is_empty());
        }
        if let Some(time) = observation.extension {
            self.deadline = self.deadline.max(now + time);
            self.has_default_deadline = false;
        }
    }

    fn poll_probe(&mut self, now: Instant, news: &mut impl News) -> State {
        if !self.has_taken_steps {
            return State::Pending;
        }
        let mut observation = self.probe.poll(now, self.deadline);
        self.note(&mut observation, now, news);
        self.addresses = observation.addresses;
        match observation.state {
            State::ReadyAt(at) => self.deadline = self.deadline.max(at),
            State::Pending | State::Ready | State::Hidden(_) => {}
        }
        observation.state
    }

    fn check_exit(
        &mut self,
        state: State,
        now: Instant,
        news: &mut impl News,
    ) -> io::Result<Option<WaitOutcome>> {
        let status = match self.process.try_wait() {
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => {
                return Ok(Some(WaitOutcome::Reaped));
            }
            status => status?,
        };
        let Some(status) = status else {
            return Ok(None);
        };
        // The daemon may have reported something and ended since the hand-off was read.
        self.pause_until = None;
        if let Some(failed) = self.hear_handoff(now, news) {
            return Ok(Some(failed));
        }
        let last = self.probe.drain_after_exit();
        Ok(Some(WaitOutcome::Ended {
            status,
            was_ready: state == State::Ready || last.is_ready(),
            errno: last.errno.or(self.errno),
        }))
    }

    fn ready(&mut self) -> WaitOutcome {
        WaitOutcome::Ready {
            status: self.status.take(),
            addresses: self.addresses.take(),
        }
    }

    fn time_is_up(&mut self, now: Instant) -> WaitOutcome {
        if self.handoff.is_none() && !self.has_taken_steps {
            return WaitOutcome::HandoffLost;
        }
        let checked = if self.has_taken_steps {
            self.probe.check_at_timeout(now)
        } else {
            Err(None)
        };
        match checked {
            Ok(()) => self.ready(),
            Err(missing) => WaitOutcome::TimedOut {
                time: self.deadline - self.begin,
                missing,
            },
        }
    }
}

/// Waits until the daemon is ready or has failed. Of a daemon that failed nothing is left when this
/// returns. The mode is the one that was waited with in the end; the bytes are the announcements.
pub(crate) fn run(
    mut wait: Wait,
    interrupts: &Interrupts,
) -> Result<(WaitOutcome, &'static Mode, Vec<u8>), Error> {
    let outcome = drive(&mut wait, interrupts);
    match &outcome {
        Ok(
            WaitOutcome::Ready { .. }
            | WaitOutcome::Judged {
                has_failed: false, ..
            },
        ) => {}
        Ok(ended @ WaitOutcome::Ended { .. }) if ended.is_success(wait.mode.may_finish_first) => {}
        Ok(WaitOutcome::Ended { .. }) => wait.process.end_group(),
        _ => wait.process.stop(),
    }
    let outcome = outcome.map_err(|errno| Error::step("wait for the daemon", errno))?;
    Ok((outcome, wait.mode, wait.announced))
}

fn drive(wait: &mut Wait, interrupts: &Interrupts) -> io::Result<WaitOutcome> {
    let mut status_line = StatusLine::new(WAITING);
    loop {
        let now = Instant::now();
        if let Some(outcome) = wait.step(now, &mut status_line)? {
            return Ok(outcome);
        }
        if let Some(signal) = interrupts.first() {
            return Ok(WaitOutcome::Interrupted(signal));
        }
        status_line.show(now);
        let next_step = wait.next_step(now);
        let wake = status_line
            .next_show()
            .map_or(next_step, |show| show.min(next_step));
        let mut sources: Vec<PollFd<'_>> = wait
            .sources()
            .into_iter()
            .chain([interrupts.as_fd()])
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        let timeout = rounded_up(wake.saturating_duration_since(now));
        match poll(&mut sources, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// The daemon has other rights or another root directory than the launcher had.
fn log_stays(log: &str, cause: Errno) -> String {
    let reason = system_message(&cause.into());
    format!("the daemon cannot reopen the log {log}: {reason}; rotate it by copying (copytruncate)")
}

/// In milliseconds, as poll(2) wants it; never so short that the loop would wake up too early.
pub(crate) fn rounded_up(time: Duration) -> PollTimeout {
    PollTimeout::try_from(time + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX)
}
