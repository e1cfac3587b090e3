//! A daemon that is a child of this process.

use std::cell::{Cell, OnceCell};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitStatus;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::kill;
use nix::unistd::{Pid, getsid};

use super::platform::process;
use super::{signals, wait};

/// The daemon, a child of this process, until its end has been seen.
///
/// No other process can get its pid until this is dropped, unless another thread of the program
/// waits for every child. So [`try_wait`](Self::try_wait) comes before [`end`](Self::end) and
/// [`send`](Self::send).
#[derive(Debug)]
pub(crate) struct OwnChild {
    pid: Pid,
    session: Pid,
    has_ended: Cell<bool>,
    /// Opened at the first use: a start that waits for nothing but the exec does without.
    pidfd: OnceCell<Option<OwnedFd>>,
    /// The intermediate process, if it leads the session and is kept in mind.
    leader: Option<OwnedFd>,
}

impl OwnChild {
    pub(super) fn new(pid: Pid, session: Pid) -> Self {
        Self {
            pid,
            session,
            has_ended: Cell::new(false),
            pidfd: OnceCell::new(),
            leader: None,
        }
    }

    /// The same with the pidfd of the leader of its session.
    #[cfg(all(target_os = "linux", not(daemon_fork)))]
    pub(super) fn with_leader(mut self, leader: Option<OwnedFd>) -> Self {
        self.leader = leader;
        self
    }

    /// What means its process group for ever, where the system has it.
    pub(crate) fn group(&self, group: Pid) -> Option<BorrowedFd<'_>> {
        if group == self.pid {
            self.end()
        } else {
            let leader = self.leader.as_ref().filter(|_| group == self.session);
            leader.map(AsFd::as_fd)
        }
    }

    /// Reaps the zombie: from here on its pid may be that of another process.
    pub(crate) fn reap(&self) {
        if self.has_ended.replace(false) {
            let _ = wait::try_wait(self.pid);
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// What is readable once it has ended, where the system has it.
    pub(crate) fn end(&self) -> Option<BorrowedFd<'_>> {
        let pidfd = self.pidfd.get_or_init(|| process::open(self.pid).ok());
        pidfd.as_ref().map(AsFd::as_fd)
    }

    /// How it ended, if it has. The answer stays the same, and the zombie stays until the drop.
    pub(crate) fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        match wait::peek(self.pid) {
            // A system that knows it as the child of another process knows nothing of its end.
            Err(Errno::ECHILD) if self.is_alive() => Ok(None),
            Err(errno) => Err(errno.into()),
            Ok(status) => {
                self.has_ended.set(status.is_some());
                Ok(status)
            }
        }
    }

    /// A process of this pid in another session is not the daemon.
    fn is_alive(&self) -> bool {
        let is_running = match self.pidfd.get() {
            Some(Some(pidfd)) => {
                let mut end = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
                poll(&mut end, PollTimeout::ZERO) == Ok(0)
            }
            _ => kill(self.pid, None) != Err(Errno::ESRCH),
        };
        is_running && getsid(Some(self.pid)) == Ok(self.session)
    }

    pub(crate) fn send(&self, signal: i32) {
        let sent = match self.end() {
            Some(pidfd) => process::send_signal(pidfd, signal),
            None => Err(Errno::ENOSYS),
        };
        // It may have ended, which is what is wanted. Else a filter may deny the one call.
        if sent.is_err_and(|errno| errno != Errno::ESRCH) {
            let _ = signals::send(self.pid, signal);
        }
    }
}

impl Drop for OwnChild {
    fn drop(&mut self) {
        self.reap();
    }
}
