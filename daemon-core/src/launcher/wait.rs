//! The wait for readiness: a state machine.
//!
//! The first event decides: the daemon is ready, a step of it failed, it ended, or time is up.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::daemon_child::{DaemonChild, TIMEOUT_MAX};
use super::notice_pace::NoticePace;
use super::outcome::WaitOutcome;
use super::status_line::StartObserver;
use crate::error::system_message;
use crate::handoff::{LauncherEnd, Outcome, Reply, Report};
use crate::readiness::notify::{self, Notification};
use crate::readiness::{Mode, Observation, Probe, ProbeState};
use crate::sys;

/// How long a daemon may live on after it closed its end of the hand-off without an answer. It is
/// about to end, most likely, and its exit status says more.
const HANDOFF_LOST_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the end of a daemon that has crashed may take: its memory is written to a core dump before.
const CORE_DUMP_TIMEOUT: Duration = Duration::from_secs(60);

/// One step ends even if the daemon keeps sending.
const NOTICES_PER_STEP: usize = 64;

/// How much of its announcements is kept.
const ANNOUNCED_MAX: usize = 64 * 1024;

/// What a wait has come to, beside its outcome.
#[derive(Debug)]
pub(crate) struct EndOfWait {
    /// The mode that was waited with in the end.
    pub(crate) mode: &'static Mode,
    pub(crate) announced: Vec<u8>,
    /// The daemon has failed, and could not be ended.
    pub(crate) is_left: bool,
}

/// The wait for one daemon. It never blocks: a loop polls [`sources`](Self::sources) until
/// [`next_step`](Self::next_step), and calls [`step`](Self::step) then.
pub(crate) struct Wait {
    process: DaemonChild,
    /// Open until the daemon closes its end.
    handoff: Option<LauncherEnd>,
    pace: NoticePace,
    /// The steps after the exec.
    has_taken_steps: bool,
    hears_steps_only: bool,
    mode: &'static Mode,
    probe: Box<dyn Probe>,
    begin: Instant,
    deadline: Instant,
    /// False once the user or the daemon has asked for a time.
    has_default_deadline: bool,
    /// The daemon has crashed, and the kernel may write its core dump until then.
    core_dump_until: Option<Instant>,
    status: Option<String>,
    addresses: Option<String>,
    errno: Option<Errno>,
    /// What the launcher prints when the daemon is up.
    announced: Vec<u8>,
    /// How a warning names the log.
    log: String,
    /// What the supervisor has reported of the output of its daemon. Only a supervisor is asked.
    output: Option<Vec<u8>>,
}

impl Wait {
    /// If a step after the exec can fail, these steps come first.
    pub(super) fn new(
        process: DaemonChild,
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
            hears_steps_only: false,
            handoff: Some(handoff),
            pace: NoticePace::default(),
            mode,
            probe,
            begin,
            deadline: begin + timeout.unwrap_or(mode.default_timeout).min(TIMEOUT_MAX),
            has_default_deadline: timeout.is_none(),
            core_dump_until: None,
            status: None,
            addresses: None,
            errno: None,
            announced: Vec::new(),
            log,
            output: None,
        }
    }

    /// Nothing is received that the program itself can say.
    pub(super) fn hear_steps_only(&mut self) {
        self.hears_steps_only = true;
    }

    /// It is a supervisor that is waited for.
    pub(crate) fn expect_verdict(&mut self) {
        self.output = Some(Vec::new());
    }

    /// The process, the mode that was waited with in the end, and the announcements.
    pub(crate) fn into_process(self) -> (DaemonChild, &'static Mode, Vec<u8>) {
        (self.process, self.mode, self.announced)
    }

    /// Of a daemon that failed nothing is left when this returns, unless it could not be ended.
    pub(super) fn end(self, outcome: &io::Result<WaitOutcome>) -> EndOfWait {
        let mut is_left = false;
        match outcome {
            Ok(
                WaitOutcome::Ready { .. }
                | WaitOutcome::Judged {
                    has_failed: false, ..
                },
            ) => {}
            Ok(ended @ WaitOutcome::Ended { .. })
                if ended.is_success(self.mode.may_finish_first) => {}
            Ok(WaitOutcome::Ended { .. }) => self.process.end_group(),
            _ => is_left = !self.process.stop(),
        }
        EndOfWait {
            mode: self.mode,
            announced: self.announced,
            is_left,
        }
    }

    /// Looks at everything once; the outcome, if the wait is over.
    pub(crate) fn step(
        &mut self,
        now: Instant,
        observer: &mut dyn StartObserver,
    ) -> io::Result<Option<WaitOutcome>> {
        if let Some(failed) = self.receive_handoff(now, observer) {
            return Ok(Some(failed));
        }
        let state = self.poll_probe(now, observer);
        if let Some(end) = self.check_exit(state, now, observer)? {
            return Ok(Some(end));
        }
        // A daemon that is about to end hides what it shows before.
        if let (ProbeState::Hidden(text), Some(fall_back)) = (state, self.mode.fall_back) {
            observer.warn(text);
            (self.mode, self.probe) = fall_back(self.process.pid());
            if self.has_default_deadline {
                self.deadline = self.deadline.min(now + self.mode.default_timeout);
            }
        }
        if state == ProbeState::Ready {
            // The word may have come from another client of `sd_notify(3)`, while the hand-off
            // holds more.
            self.pace.end_pause();
            let failed = self.receive_handoff(now, observer);
            return Ok(failed.or_else(|| Some(self.ready())));
        }
        if now < self.deadline {
            return Ok(None);
        }
        // It ends soon, and its status says more than a timeout.
        if self.core_dump_until.is_none() && sys::process::dumps_core(self.process.pid()) {
            self.deadline = now + CORE_DUMP_TIMEOUT;
            observer.extend_timeout(CORE_DUMP_TIMEOUT);
            self.core_dump_until = Some(self.deadline);
            return Ok(None);
        }
        Ok(Some(self.time_is_up(now)))
    }

    /// What becomes readable when a step is due.
    pub(crate) fn sources(&self) -> Vec<BorrowedFd<'_>> {
        let mut sources = Vec::new();
        if self.core_dump_until.is_none() {
            sources = self.probe.sources();
        }
        if let Some(end) = self.process.end() {
            sources.push(end);
        }
        if let (Some(handoff), None) = (&self.handoff, self.pace.pause_end()) {
            sources.push(handoff.as_fd());
        }
        sources
    }

    /// When a step is due although no source is readable.
    pub(crate) fn next_step(&self, now: Instant) -> Instant {
        let probe = self.probe.next_poll(now).filter(|_| self.asks_probe());
        let process = self.process.next_poll(now);
        let or_deadline = |due: Option<Instant>| due.unwrap_or(self.deadline);
        self.deadline
            .min(or_deadline(probe))
            .min(or_deadline(process))
            .min(or_deadline(self.pace.pause_end()))
    }

    fn receive_handoff(
        &mut self,
        now: Instant,
        observer: &mut dyn StartObserver,
    ) -> Option<WaitOutcome> {
        if self.pace.pause_end().is_some_and(|end| now < end) {
            return None;
        }
        self.pace.end_pause();
        for _ in 0..NOTICES_PER_STEP {
            if self.hears_steps_only && self.has_taken_steps {
                return None;
            }
            match self.handoff.as_mut()?.receive() {
                Reply::Pending => break,
                Reply::Outcome(Outcome::Failed(step, errno)) => {
                    return Some(WaitOutcome::StepFailed(step, errno));
                }
                Reply::Outcome(Outcome::Done { log_errno }) => {
                    if let Some(errno) = log_errno {
                        observer.warn(&log_stays(&self.log, errno));
                    }
                    self.has_taken_steps = true;
                }
                Reply::Notice(text) => {
                    self.pace.count(now);
                    self.receive_notice(&text, now, observer);
                }
                Reply::Announcement(bytes) => {
                    self.pace.count(now);
                    let room = ANNOUNCED_MAX - self.announced.len();
                    self.announced.extend(bytes.iter().take(room));
                }
                Reply::Report(report) => {
                    if let Some(verdict) = self.receive_report(report, observer) {
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

    fn receive_report(
        &mut self,
        report: Report,
        observer: &mut dyn StartObserver,
    ) -> Option<WaitOutcome> {
        let output = self.output.as_mut()?;
        match report {
            Report::Warning(text) => observer.warn(&String::from_utf8_lossy(&text)),
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
    fn receive_notice(&mut self, text: &[u8], now: Instant, observer: &mut dyn StartObserver) {
        for notification in notify::parse(text) {
            let mut observation = Observation::default();
            match notification {
                Notification::Ready => self.probe.announce(now),
                Notification::Status(text) => observation.status = Some(text),
                Notification::Errno(errno) => observation.errno = Some(Errno::from_raw(errno)),
                Notification::ExtendTimeout(time) => observation.extension = Some(time),
                Notification::Barrier | Notification::Stopping => {}
            }
            self.note(&mut observation, now, observer);
        }
    }

    fn note(
        &mut self,
        observation: &mut Observation,
        now: Instant,
        observer: &mut dyn StartObserver,
    ) {
        self.errno = observation.errno.or(self.errno);
        if let Some(text) = observation.status.take() {
            observer.set_status(&text);
            self.status = Some(text).filter(|text| !text.is_empty());
        }
        if let Some(time) = observation.extension {
            observer.extend_timeout(time);
            self.deadline = self.deadline.max(now + time);
            self.has_default_deadline = false;
        }
    }

    /// Neither before the steps nor once the daemon has crashed.
    fn asks_probe(&self) -> bool {
        self.has_taken_steps && self.core_dump_until.is_none()
    }

    fn poll_probe(&mut self, now: Instant, observer: &mut dyn StartObserver) -> ProbeState {
        if !self.asks_probe() {
            return ProbeState::Pending;
        }
        let mut observation = self.probe.poll(now, self.deadline);
        self.note(&mut observation, now, observer);
        self.addresses = observation.addresses;
        match observation.state {
            ProbeState::ReadyAt(at) => self.deadline = self.deadline.max(at),
            ProbeState::Pending | ProbeState::Ready | ProbeState::Hidden(_) => {}
        }
        observation.state
    }

    fn check_exit(
        &mut self,
        state: ProbeState,
        now: Instant,
        observer: &mut dyn StartObserver,
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
        self.pace.end_pause();
        if let Some(failed) = self.receive_handoff(now, observer) {
            return Ok(Some(failed));
        }
        let last = self.probe.drain_after_exit();
        Ok(Some(WaitOutcome::Ended {
            status,
            was_ready: state == ProbeState::Ready || last.is_ready(),
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
        let checked = if self.core_dump_until.is_some() {
            Err(Some("it has crashed, and writes its core dump".to_owned()))
        } else if self.has_taken_steps {
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

/// The daemon has other rights or another root directory than the launcher had.
fn log_stays(log: &str, cause: Errno) -> String {
    let reason = system_message(&cause.into());
    format!("the daemon cannot reopen the log {log}: {reason}; rotate it by copying (copytruncate)")
}
