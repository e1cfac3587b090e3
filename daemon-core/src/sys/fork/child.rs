//! The daemon as a child of the intermediate process.

use std::cell::Cell;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getsid};

use super::message::{ENDED, Message};
use crate::sys::platform::process;
use crate::sys::socket::{NO_SIGNAL, receive, send};
use crate::sys::wait;

/// How long a process may take to end that got SIGKILL.
const KILL_TIMEOUT: Duration = Duration::from_secs(1);

/// How often its end is looked for.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// The daemon, a child of the intermediate process, until its end has been seen.
#[derive(Debug)]
pub(crate) struct ForkedChild {
    daemon: DaemonPid,
    intermediate: Pid,
    socket: UnixStream,
    is_orphan: Cell<bool>,
}

impl ForkedChild {
    pub(super) fn new(daemon: DaemonPid, intermediate: Pid, socket: UnixStream) -> Self {
        Self {
            daemon,
            intermediate,
            socket,
            is_orphan: Cell::new(false),
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        self.daemon.pid
    }

    /// What is readable once it has ended.
    #[expect(clippy::unnecessary_wraps, reason = "not every Linux has it")]
    pub(crate) fn end(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }

    /// How it ended, if it has. The answer stays the same, and the zombie stays until the drop.
    pub(crate) fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        let mut bytes = [0; 8];
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        let received = receive(self.socket.as_fd(), &mut bytes, flags);
        let Message { word, value } = Message::from_bytes(bytes);
        match received {
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
            Ok(8) if word == ENDED => Ok(Some(ExitStatus::from_raw(value))),
            // It could not wait for the daemon.
            Ok(8) => Err(io::Error::from_raw_os_error(value)),
            _ => {
                if !self.is_orphan.replace(true) {
                    self.daemon.kill_orphan();
                }
                Err(io::Error::other("the intermediate process was killed"))
            }
        }
    }

    pub(crate) fn send(&self, signal: i32) {
        let [signal, ..] = signal.to_le_bytes();
        // It may have ended, which is what is wanted.
        let _ = send(self.socket.as_fd(), &[signal], NO_SIGNAL);
    }
}

impl Drop for ForkedChild {
    /// The daemon goes to init: the intermediate process reads to the end, and ends.
    fn drop(&mut self) {
        self.socket.shutdown(Shutdown::Both).ok();
        let _ = wait::wait(self.intermediate);
    }
}

/// The daemon, as it is known without its parent.
#[derive(Debug)]
pub(super) struct DaemonPid {
    pub(super) pid: Pid,
    /// Where the system has it.
    pub(super) pidfd: Option<OwnedFd>,
}

impl DaemonPid {
    /// In this session, which is the intermediate process's, no other process can have its pid.
    pub(super) fn open(pid: Pid, session: Pid) -> Option<Self> {
        let pidfd = process::open(pid).ok();
        match getsid(Some(pid)) {
            Err(Errno::ESRCH) => None,
            Ok(its) if its != session => None,
            // Some systems do not tell it of another session.
            _ => Some(Self { pid, pidfd }),
        }
    }

    /// The intermediate process was killed, so what becomes of the daemon would never be known. To be
    /// called once: without a pidfd the pid may be another process's afterwards.
    pub(super) fn kill_orphan(&self) {
        let sent = match &self.pidfd {
            Some(pidfd) => process::send_signal(pidfd.as_fd(), Signal::SIGKILL as i32),
            None => kill(self.pid, Signal::SIGKILL),
        };
        let deadline = Instant::now() + KILL_TIMEOUT;
        while sent.is_ok() && !self.has_ended() && Instant::now() < deadline {
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// A pidfd tells it of a zombie too, which init may be slow to reap.
    fn has_ended(&self) -> bool {
        match &self.pidfd {
            Some(pidfd) => {
                let mut end = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
                poll(&mut end, PollTimeout::ZERO) != Ok(0)
            }
            None => kill(self.pid, None).is_err(),
        }
    }
}
