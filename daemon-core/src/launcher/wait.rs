//! Waiting for readiness. Whatever happens first, the daemon's end included, ends the wait at once.

use std::os::fd::AsFd;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::probe::Probe;
use super::process::Process;
use super::status_line::StatusLine;
use crate::after_exec::Step;
use crate::error::Error;
use crate::handoff;
use crate::signals::Interrupts;

/// No deadline is later than this, so that no sum overflows.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// What became of the daemon while the launcher waited.
#[derive(Debug)]
pub(super) enum Fate {
    /// It is ready.
    Ready,
    /// It ended by itself.
    Ended(ExitStatus),
    /// A step after its exec failed.
    Refused(Step, Errno),
    /// It was not ready in time, and was stopped.
    Late,
    /// The user gave up waiting, and it was stopped.
    Interrupted(Signal),
}

/// Waits until the daemon is ready, or has failed; then it runs no more.
///
/// With a hand-off the steps after the exec are waited for first.
pub(super) fn wait(
    daemon: Pid,
    mut handoff: Option<handoff::Launcher>,
    mut probe: Probe,
    timeout: Duration,
) -> Result<Fate, Error> {
    let process = Process::new(daemon);
    if handoff.is_none() && matches!(probe, Probe::Exec) {
        return alive(&process);
    }
    let interrupts = Interrupts::catch().map_err(|errno| Error::step("catch signals", errno))?;
    let mut status_line = StatusLine::new();
    let mut deadline = Instant::now() + timeout.min(LONGEST);
    loop {
        // In this order: what the daemon said before its end counts.
        if let Some(answered) = handoff.as_ref().and_then(handoff::Launcher::receive) {
            handoff = None;
            if let Err((step, errno)) = answered {
                process.stop().map_err(waited)?;
                return Ok(Fate::Refused(step, errno));
            }
        }
        let now = Instant::now();
        if handoff.is_none() {
            let looked = probe.look(daemon, now);
            if looked.is_ready {
                return alive(&process);
            }
            if let Some(text) = looked.status {
                status_line.set(text);
            }
            if let Some(time) = looked.extension {
                deadline = now + time;
            }
        }
        if let Some(status) = process.try_wait().map_err(waited)? {
            return Ok(Fate::Ended(status));
        }
        if let Some(signal) = interrupts.first() {
            process.stop().map_err(waited)?;
            return Ok(Fate::Interrupted(signal));
        }
        if now >= deadline {
            if probe.is_satisfied_by_time() && handoff.is_none() {
                return alive(&process);
            }
            process.stop().map_err(waited)?;
            return Ok(Fate::Late);
        }

        status_line.show(now);
        let wake = [
            Some(deadline),
            probe.next_look(now),
            process.next_look(now),
            status_line.next_show(now),
        ];
        let wake = wake.into_iter().flatten().min().unwrap_or(deadline);
        let sources = [
            Some(interrupts.as_fd()),
            process.end(),
            handoff.as_ref().map(AsFd::as_fd),
            probe.source(),
        ];
        let mut sources: Vec<PollFd<'_>> = sources
            .into_iter()
            .flatten()
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        match poll(
            &mut sources,
            rounded_up(wake.saturating_duration_since(now)),
        ) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(waited(errno)),
        }
    }
}

/// Ready, unless it has ended meanwhile.
fn alive(process: &Process) -> Result<Fate, Error> {
    Ok(process
        .try_wait()
        .map_err(waited)?
        .map_or(Fate::Ready, Fate::Ended))
}

fn waited(errno: Errno) -> Error {
    Error::step("wait for the daemon", errno)
}

/// In milliseconds, as poll(2) wants it; never so short that it would look again too early.
fn rounded_up(time: Duration) -> PollTimeout {
    PollTimeout::try_from(time + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX)
}
