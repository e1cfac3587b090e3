//! The loop by which the launcher drives the wait for readiness.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::outcome::WaitOutcome;
use super::status_line::StatusLine;
use super::wait::{EndOfWait, Wait};
use crate::error::Error;
use crate::signals::Interrupts;

/// What a terminal shows until the daemon says what it is doing.
const WAITING: &str = "waiting until the daemon is ready";

/// Waits until the daemon is ready or has failed, and ends one that has failed.
pub(crate) fn until_decided(
    mut wait: Wait,
    interrupts: &Interrupts,
) -> (Result<WaitOutcome, Error>, EndOfWait) {
    let outcome = drive(&mut wait, interrupts);
    let end = wait.end(&outcome);
    let failed = |errno| Error::step("wait for the daemon", errno);
    (outcome.map_err(failed), end)
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
        let mut sources = vec![PollFd::new(interrupts.as_fd(), PollFlags::POLLIN)];
        for fd in wait.sources() {
            sources.push(PollFd::new(fd, PollFlags::POLLIN));
        }
        let timeout = rounded_up(wake.saturating_duration_since(now));
        match poll(&mut sources, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// In milliseconds, as poll(2) wants it; never so short that the loop would wake up too early.
pub(crate) fn rounded_up(time: Duration) -> PollTimeout {
    PollTimeout::try_from(time + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX)
}
