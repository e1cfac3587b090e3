//! The process that holds the lock of a PID file: certainly, and for as long as it is looked at.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::Pid;

use super::daemon_user::{self, DaemonUser};
use super::evidence::Evidence;
use crate::lock;
use crate::program_name;
use crate::signal::Signal;
use crate::sys;

/// How often a lock is looked at; there is no way to wait for it without taking it.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// A daemon whose identity is proved.
#[derive(Debug)]
pub(super) struct Holder {
    pid: Pid,
    evidence: Evidence,
    file: File,
    /// `None` where the system has no pidfds.
    pidfd: Option<OwnedFd>,
    /// When the process started, in clock ticks since the start of the system.
    start: Option<u64>,
}

impl Holder {
    /// The process that holds the lock, if that is certain.
    ///
    /// The pidfd is opened before the process has proved to be the holder. If another process gets
    /// the pid in between, the signal still cannot reach that process.
    pub(super) fn of(file: &File) -> Option<Self> {
        let pid = match lock::read_pid(file) {
            Some(pid) => pid,
            None if lock::is_ending(file) => lock::visible_ending(file)?,
            None => return None,
        };
        let evidence = &|file: &File, pid| lock::proof(file, pid).map(Evidence::from);
        Self::proved(file, pid, evidence)
    }

    /// The supervisor of the daemon with this PID file, if this process is.
    pub(super) fn supervisor(file: &File, pid: Pid) -> Option<Self> {
        // Its name first: to look through its descriptors takes far longer.
        if !lock::is_supervisor(pid) {
            return None;
        }
        Self::proved(file, pid, &|file, pid| {
            let evidence = match lock::holds(pid, file) {
                Ok(holds) => holds.then_some(Evidence::SeenSupervisor),
                Err(_) => Some(Evidence::NamedSupervisor),
            };
            evidence.filter(|_| lock::is_supervisor(pid))
        })
    }

    /// The parent of a run, if it is its supervisor. A run of another user could have made the lock
    /// name the run of another supervisor.
    pub(super) fn parent_supervisor(run: &Self, user: &DaemonUser) -> Option<Self> {
        let parent = sys::process::parent_of(run.pid)?;
        let mut supervisor = Self::supervisor(&run.file, parent)?;
        if supervisor.evidence == Evidence::SeenSupervisor {
            return Some(supervisor);
        }
        // The parent is read again: one that has ended could have left its pid to another process.
        let is_parent = sys::process::parent_of(run.pid) == Some(parent);
        let is_run = || (run.evidence == Evidence::Seen || user.is_own()) && run.is_certain(user);
        supervisor.evidence = Evidence::Parent;
        (is_parent && is_run()).then_some(supervisor)
    }

    /// This process, if it proves to be what it is taken for.
    fn proved(
        file: &File,
        pid: Pid,
        evidence: &dyn Fn(&File, Pid) -> Option<Evidence>,
    ) -> Option<Self> {
        let pidfd = match sys::process::open(pid) {
            Ok(pidfd) => Some(pidfd),
            // An old kernel, or a container whose filter does not know the call.
            Err(Errno::ENOSYS | Errno::EPERM) => None,
            Err(_) => return None,
        };
        // In a container `/proc` may show another PID namespace, where another process has this pid.
        let shown = pidfd.as_ref();
        let shown = shown.and_then(|pidfd| sys::process::pid_in_proc(pidfd.as_fd()));
        if shown.is_some_and(|shown| shown != pid) {
            return None;
        }
        let start = sys::process::start_of(pid);
        let file = file.try_clone().ok()?;
        let evidence = evidence(&file, pid)?;
        Some(Self {
            pid,
            evidence,
            file,
            pidfd,
            start,
        })
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Whether the process, or the supervisor whose child it is, is seen to hold the lock.
    pub(super) fn is_seen(&self) -> bool {
        self.evidence == Evidence::Seen
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Whether the process may be signalled: it was seen to hold the lock and can be the daemon, or all
    /// that is known of it fits.
    ///
    /// Where the system does not show the holder, the process belongs to the user of the daemon, and
    /// it started when the lock or the file says that the daemon started; a supervisor that is named
    /// between two runs may have started before the last run. A process that got a recycled pid
    /// started later. Another user that has the lock can change the pid and the time, but gains
    /// nothing: it may signal its own processes anyway. Where the system tells nothing, the pid in the
    /// locked file is enough.
    pub(super) fn is_certain(&self, user: &DaemonUser) -> bool {
        if self.start.is_none() && !sys::process::STARTS_ARE_KNOWN {
            return true;
        }
        match self.evidence {
            Evidence::Seen => self.can_be_daemon(user),
            Evidence::SeenSupervisor => true,
            Evidence::Parent => self.has_user(user) == Some(true),
            Evidence::Named | Evidence::NamedSupervisor => {
                self.has_user(user) == Some(true) && self.has_started_in_time()
            }
        }
    }

    /// Whether the process that is seen to hold the lock, or a run of it, can be the daemon.
    ///
    /// A daemon of another user can send its lock to any process that takes descriptors, such as a message
    /// bus, and name that process in the file. So root asks for the user of the daemon: such a daemon may
    /// signal its own processes anyway. Before it has dropped the rights of root it runs this program.
    /// Where the user is not known, the process is in a session that a launcher has made, or it runs this
    /// program too, which may be in the foreground.
    fn can_be_daemon(&self, user: &DaemonUser) -> bool {
        let own = daemon_user::own();
        // What has ended gets no signal.
        if own != 0 || self.has_ended() {
            return true;
        }
        let runs_this_program = || program_name::shared_with(self.pid).is_some();
        match user.uid() {
            Some(uid) if uid != own => match sys::process::users_of(self.pid) {
                Some(users) if users == [own; 3] => {
                    lock::is_supervisor(self.pid) || runs_this_program()
                }
                users => users == Some([uid; 3]),
            },
            _ => sys::process::is_detached(self.pid) == Some(true) || runs_this_program(),
        }
    }

    /// Whether the process has the user that the daemon has, or its supervisor, in all its ids, if that
    /// is known. True also if this process may not signal it: then the kernel refuses the signal.
    pub(super) fn has_user(&self, user: &DaemonUser) -> Option<bool> {
        let expected = match self.evidence {
            Evidence::Seen | Evidence::SeenSupervisor => return Some(true),
            Evidence::Named => user.uid(),
            Evidence::Parent => Some(daemon_user::own()),
            // A daemon of another user could name any supervisor.
            Evidence::NamedSupervisor => user.uid().filter(|_| user.is_own()),
        };
        let users = sys::process::users_of(self.pid)?;
        let has_expected = expected.is_some_and(|user| users == [user; 3]);
        Some(has_expected || sys::signals::send(self.pid, 0) == Err(Errno::EPERM))
    }

    fn has_started_in_time(&self) -> bool {
        let Some(start) = self.start else {
            return false;
        };
        // Both count from the start of the system, and no change of the clock changes them.
        if let Some(stamp) = lock::start_stamp(&self.file) {
            let since_boot = sys::process::since_boot(start);
            return since_boot.is_some_and(|it| self.evidence.fits(it, stamp));
        }
        // Version 0.1 makes no stamp, nor does a system without locks on ranges of bytes.
        let written = self.file.metadata().and_then(|file| file.modified());
        let since_epoch = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).ok();
        let written = written.ok().and_then(since_epoch);
        let since = self.since().and_then(since_epoch);
        let both = since.zip(written);
        both.is_some_and(|(since, written)| self.evidence.fits(since, written))
    }

    /// When the process started.
    pub(super) fn since(&self) -> Option<SystemTime> {
        sys::process::time_of(self.start?)
    }

    /// Whether the process has a handler for this signal, if that is known.
    pub(super) fn catches(&self, signal: Signal) -> Option<bool> {
        sys::process::catches(self.pid, signal.as_raw())
    }

    #[inline(never)] // each use would have its own copy
    pub(super) fn send(&self, signal: Signal) -> Result<(), Errno> {
        let mut refusal = Errno::ESRCH;
        if let Some(pidfd) = &self.pidfd {
            match sys::process::send_signal(pidfd.as_fd(), signal.as_raw()) {
                Err(errno @ (Errno::ENOSYS | Errno::EPERM)) => refusal = errno,
                other => return other,
            }
        }
        // The signal goes to a pid, which may belong to another process by now.
        if lock::proof(&self.file, self.pid).is_none()
            || sys::process::start_of(self.pid) != self.start
        {
            // A process of another user that lives: its lock is not visible, and it may not be signalled.
            let is_forbidden = refusal == Errno::EPERM && !self.has_ended();
            return Err(if is_forbidden {
                Errno::EPERM
            } else {
                Errno::ESRCH
            });
        }
        sys::signals::send(self.pid, signal.as_raw())
    }

    /// Whether the process has ended, as far as that is known: its parent has not reaped it.
    pub(super) fn has_ended(&self) -> bool {
        (self.pidfd.as_ref()).is_some_and(|pidfd| is_readable_within(pidfd, Duration::ZERO))
    }

    /// Waits for the end of the process.
    pub(super) fn ends_within(&self, timeout: Duration) -> bool {
        wait(timeout, &|left| match &self.pidfd {
            Some(pidfd) => is_readable_within(pidfd, left),
            None => self.has_let_go() || self.is_gone(),
        })
    }

    /// Waits until the lock is free or held by another process. The daemon must have ended.
    pub(super) fn lets_go_within(&self, timeout: Duration) -> bool {
        wait(timeout, &|_| self.has_let_go())
    }

    /// Whether no process has its pid any more.
    fn is_gone(&self) -> bool {
        sys::signals::send(self.pid, 0) == Err(Errno::ESRCH)
    }

    fn has_let_go(&self) -> bool {
        lock::is_held(&self.file) == Ok(false)
            || lock::holder(&self.file).is_some_and(|holder| holder != self.pid)
    }
}

/// Polls; `look` may itself wait for as long as it is given.
#[inline(never)] // each use would have its own copy
fn wait(timeout: Duration, look: &dyn Fn(Duration) -> bool) -> bool {
    let start = Instant::now();
    loop {
        let left = timeout.saturating_sub(start.elapsed());
        if look(left) {
            return true;
        }
        if left.is_zero() {
            return false;
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

pub(super) fn is_readable_within(pidfd: &OwnedFd, timeout: Duration) -> bool {
    let mut ended = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
    poll(&mut ended, timeout).is_ok_and(|ready| ready > 0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests;
