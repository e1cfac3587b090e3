//! Waiting for readiness. Whatever happens first, the daemon's end included, ends the wait at once.

use std::io;
use std::os::fd::AsFd;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::default_timeout;
use super::probe::Probe;
use super::process::Process;
use super::status_line::StatusLine;
use crate::daemon::Readiness;
use crate::error::Error;
use crate::handoff::{self, StartStep};
use crate::signals::Interrupts;
use crate::sys::launch::Child;

/// No deadline is later than this, so that no sum overflows.
const MAX_TIMEOUT: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// How long a daemon may live on that has let go of its hand-off without an answer: it is ending,
/// most likely, and its status says more.
const HANDOFF_LOST_TIMEOUT: Duration = Duration::from_secs(1);

/// What became of the daemon while the launcher waited.
#[derive(Debug)]
pub(super) enum WaitOutcome {
    /// It is ready, and this is the last it said.
    Ready { status: Option<String> },
    /// It ended by itself.
    Ended {
        status: ExitStatus,
        /// It was ready for a moment.
        was_ready: bool,
        /// What it said was the reason.
        errno: Option<Errno>,
    },
    /// It ended, and another thread of this process has taken its status.
    Lost,
    /// A step after its exec failed.
    Refused(StartStep, Errno),
    /// It never took the steps that it was told to take, and was stopped.
    Silent,
    /// It was not ready after so long, and was stopped.
    Late(Duration),
    /// The user gave up waiting, and it was stopped.
    Interrupted(Signal),
}

/// Waits until the daemon is ready, or has failed; then it runs no more, whatever the reason.
///
/// With a hand-off the steps after the exec are waited for first; `warn` is told why the daemon could
/// not reopen its log.
pub(super) fn wait(
    daemon: Child,
    handoff: Option<handoff::LauncherEnd>,
    probe: Probe,
    timeout: Duration,
    interrupts: &Interrupts,
    warning: impl Fn(Errno) -> String,
) -> Result<WaitOutcome, Error> {
    let process = Process::new(daemon);
    let outcome = watch(&process, handoff, probe, timeout, interrupts, warning);
    if !matches!(
        outcome,
        Ok(WaitOutcome::Ready { .. } | WaitOutcome::Ended { .. })
    ) {
        process.stop();
    }
    outcome.map_err(|errno| Error::step("wait for the daemon", errno))
}

fn watch(
    process: &Process,
    mut handoff: Option<handoff::LauncherEnd>,
    mut probe: Probe,
    timeout: Duration,
    interrupts: &Interrupts,
    warning: impl Fn(Errno) -> String,
) -> io::Result<WaitOutcome> {
    let mut status_line = StatusLine::new();
    let begin = Instant::now();
    let mut deadline = begin + timeout.min(MAX_TIMEOUT);
    let mut reason = None;
    let mut steps_are_done = handoff.is_none();
    loop {
        match handoff.as_ref().map(handoff::LauncherEnd::receive) {
            None | Some(Ok(None)) => {}
            Some(Ok(Some(Ok(errno)))) => {
                if let Some(errno) = errno {
                    status_line.clear_then_print(&warning(errno));
                }
                handoff = None;
                steps_are_done = true;
            }
            Some(Ok(Some(Err((step, errno))))) => return Ok(WaitOutcome::Refused(step, errno)),
            Some(Err(_)) => {
                handoff = None;
                deadline = deadline.min(Instant::now() + HANDOFF_LOST_TIMEOUT);
            }
        }
        let now = Instant::now();
        let mut is_ready = false;
        if steps_are_done {
            let observation = probe.poll(process.pid(), now);
            is_ready = observation.is_ready;
            reason = observation.errno.or(reason);
            if let Some(warning) = observation.warning {
                status_line.clear_then_print(warning);
                // From now on it is to settle.
                deadline = deadline.min(now + default_timeout(Readiness::Settled));
            }
            if let Some(text) = observation.status {
                status_line.set(text);
            }
            if let Some(time) = observation.extension {
                deadline = deadline.max(now + time);
            }
        }
        let end = match process.try_wait() {
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => {
                return Ok(WaitOutcome::Lost);
            }
            end => end?,
        };
        if let Some(status) = end {
            // It may have failed, said so and ended since the look above.
            let answer = handoff.as_ref().map(handoff::LauncherEnd::receive);
            if let Some(Ok(Some(Err((step, errno))))) = answer {
                return Ok(WaitOutcome::Refused(step, errno));
            }
            let drain_after_exit = probe.drain_after_exit(process.pid());
            return Ok(WaitOutcome::Ended {
                status,
                was_ready: is_ready || drain_after_exit.is_ready,
                errno: drain_after_exit.errno.or(reason),
            });
        }
        if is_ready {
            let status = status_line.take();
            return Ok(WaitOutcome::Ready { status });
        }
        if let Some(signal) = interrupts.first() {
            return Ok(WaitOutcome::Interrupted(signal));
        }
        if now >= deadline {
            if handoff.is_none() && !steps_are_done {
                return Ok(WaitOutcome::Silent);
            }
            if probe.ready_at_timeout() && steps_are_done {
                return Ok(WaitOutcome::Ready { status: None });
            }
            return Ok(WaitOutcome::Late(deadline - begin));
        }

        status_line.show(now);
        let wake = [
            Some(deadline),
            probe.next_poll(now),
            process.next_poll(now),
            status_line.next_show(),
        ];
        let wake = wake.into_iter().flatten().min().unwrap_or(deadline);
        let sources = [
            Some(interrupts.as_fd()),
            process.end(),
            handoff.as_ref().map(AsFd::as_fd),
        ];
        let mut sources: Vec<PollFd<'_>> = sources
            .into_iter()
            .flatten()
            .chain(probe.sources())
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        match poll(
            &mut sources,
            rounded_up(wake.saturating_duration_since(now)),
        ) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// In milliseconds, as poll(2) wants it; never so short that it would look again too early.
fn rounded_up(time: Duration) -> PollTimeout {
    PollTimeout::try_from(time + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX)
}
