//! The daemon as the launcher's own child.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::sys;

/// How long a daemon that was told to end may take, before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// How often its end is looked for where the system has no pidfd.
const LOOK: Duration = Duration::from_millis(10);

/// The daemon, until its end has been seen.
///
/// Nobody else can be given its pid meanwhile, since nobody else waits for it.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: Pid,
    pidfd: Option<OwnedFd>,
}

impl Process {
    pub(super) fn new(pid: Pid) -> Self {
        Self {
            pid,
            pidfd: sys::pidfd::open(pid).ok(),
        }
    }

    /// What is readable once the daemon has ended, where the system has it.
    pub(super) fn end(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(AsFd::as_fd)
    }

    /// How the daemon ended, if it has.
    pub(super) fn try_wait(&self) -> Result<Option<ExitStatus>, Errno> {
        sys::wait::try_wait(self.pid)
    }

    /// Tells the daemon to end, and makes it end when it does not.
    pub(super) fn stop(&self) -> Result<ExitStatus, Errno> {
        self.send(Signal::SIGTERM);
        // A process that is stopped could not obey.
        self.send(Signal::SIGCONT);
        let deadline = Instant::now() + GRACE;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            self.sleep(left);
        }
        self.send(Signal::SIGKILL);
        sys::wait::wait(self.pid)
    }

    fn send(&self, signal: Signal) {
        // It may have ended, which is what is wanted.
        let _ = match &self.pidfd {
            Some(pidfd) => sys::pidfd::send_signal(pidfd.as_fd(), signal as i32),
            None => nix::sys::signal::kill(self.pid, signal),
        };
    }

    /// When to look for its end without being told.
    pub(super) fn next_look(&self, now: Instant) -> Option<Instant> {
        self.pidfd.is_none().then(|| now + LOOK)
    }

    fn sleep(&self, longest: Duration) {
        let mut ends: Vec<PollFd<'_>> = self
            .end()
            .map(|end| PollFd::new(end, PollFlags::POLLIN))
            .into_iter()
            .collect();
        let longest = if ends.is_empty() {
            longest.min(LOOK)
        } else {
            longest
        };
        // Woken early or not, the caller looks again.
        let _ = poll(
            &mut ends,
            PollTimeout::try_from(longest).unwrap_or(PollTimeout::MAX),
        );
    }
}
