//! The daemon, as the launcher watches and stops it.

use std::io;
use std::os::fd::BorrowedFd;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::sys::launch::Child;

/// How long a daemon that was told to end may take, before it is killed.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// How often its end is observation for where the system has no pidfd.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The daemon, until its end has been seen.
#[derive(Debug)]
pub(super) struct Process(Child);

impl Process {
    pub(super) fn new(daemon: Child) -> Self {
        Self(daemon)
    }

    pub(super) fn pid(&self) -> Pid {
        self.0.pid()
    }

    /// What is readable once the daemon has ended, where the system has it.
    pub(super) fn end(&self) -> Option<BorrowedFd<'_>> {
        self.0.end()
    }

    /// How the daemon ended, if it has.
    pub(super) fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }

    /// Tells the daemon to end, and makes it end when it does not. Afterwards it is gone, unless not
    /// even the system can end it, because it waits for a device for example.
    pub(super) fn stop(&self) {
        // Once another part of the program has reaped it, the pid may belong to another process.
        if self.end_is_taken() {
            return;
        }
        self.0.send(Signal::SIGTERM);
        // A process that is stopped could not obey.
        self.0.send(Signal::SIGCONT);
        if !self.exits_within(KILL_TIMEOUT) {
            self.0.send(Signal::SIGKILL);
            self.exits_within(KILL_TIMEOUT);
        }
        // Reaps the zombie, unless another part of the program has reaped it.
        self.try_wait().ok();
    }

    /// When to look for its end without being told.
    pub(super) fn next_poll(&self, now: Instant) -> Option<Instant> {
        self.end().is_none().then(|| now + POLL_INTERVAL)
    }

    fn exits_within(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            if self.exits_soon(left) {
                return true;
            }
        }
        false
    }

    /// Waits for its end, for so long at most, and perhaps not so long.
    fn exits_soon(&self, longest: Duration) -> bool {
        if let Some(end) = self.end() {
            let mut end = [PollFd::new(end, PollFlags::POLLIN)];
            match poll(
                &mut end,
                PollTimeout::try_from(longest).unwrap_or(PollTimeout::MAX),
            ) {
                Ok(ended) => return ended > 0,
                Err(Errno::EINTR) => return false,
                // The system has no room for a poll; it may still have some for less.
                Err(_) => {}
            }
        }
        std::thread::sleep(longest.min(POLL_INTERVAL));
        self.end_is_taken()
    }

    /// Whether it has been reaped, here or by another part of the program. A wait that the system
    /// denies gives no answer.
    fn end_is_taken(&self) -> bool {
        match self.try_wait() {
            Ok(status) => status.is_some(),
            Err(error) => error.raw_os_error() == Some(Errno::ECHILD as i32),
        }
    }
}
