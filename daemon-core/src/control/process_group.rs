//! The process group of a daemon: every member is pinned by a pidfd, so that no signal reaches a
//! process that got a recycled pid or a recycled group id.

use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::{Pid, getpgid, getpgrp, getsid, setpgid};

use super::holder::Holder;
use crate::lock;
use crate::signal::Signal;
use crate::sys::process;

/// How often the members are looked at while they end.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// What a launcher has made: the group of a new session, whose leader has ended.
#[derive(Debug)]
pub(super) struct ProcessGroup<'a> {
    id: Pid,
    daemon: &'a Holder,
    members: Vec<(Pid, OwnedFd)>,
}

impl<'a> ProcessGroup<'a> {
    /// The group of this daemon with its members. `None` for one that no launcher has made, and where
    /// the system has no pidfds. A process of the group, other than the daemon, leaves it here.
    pub(super) fn of(daemon: &'a Holder) -> Option<Self> {
        let pid = daemon.pid();
        let id = getpgid(Some(pid)).ok()?;
        let session = getsid(Some(pid)).ok()?;
        // The leader of another session, a shell for example, may have ended too. Only a daemon that
        // a launcher started has stamped the lock.
        let has_no_leader = || kill(session, None) == Err(Errno::ESRCH);
        let is_daemon = || lock::start_stamp(daemon.file()).is_some() && has_no_leader();
        // The daemon may have made a session of its own, or a group.
        let is_own_session = session == pid && id == pid;
        let is_made_by_launcher = is_own_session || (session == id || id == pid) && is_daemon();
        if id.as_raw() < 2 || !is_made_by_launcher {
            return None;
        }
        if id == getpgrp() && (pid == Pid::this() || !leave()) {
            return None;
        }
        let mut group = Self {
            id,
            daemon,
            members: Vec::new(),
        };
        group.pin_members();
        // A daemon that lives now has lived when it was asked for its group.
        (!daemon.has_ended()).then_some(group)
    }

    /// Pins the members that are not pinned yet; false if there was no descriptor for one of them.
    pub(super) fn pin_members(&mut self) -> bool {
        let mut found = Vec::new();
        let mut is_complete = true;
        for pid in process::members_of(self.id) {
            let is_known = |(other, pidfd): &(Pid, OwnedFd)| *other == pid && is_alive(pidfd);
            if pid == self.daemon.pid() || self.members.iter().any(is_known) {
                continue;
            }
            let pidfd = match process::open(pid) {
                Ok(pidfd) => pidfd,
                Err(errno) => {
                    is_complete &= errno != Errno::EMFILE;
                    continue;
                }
            };
            // In this order: a process that lives now is the one that was just asked for its group.
            if getpgid(Some(pid)) == Ok(self.id) && is_alive(&pidfd) {
                found.push((pid, pidfd));
            }
        }
        // The id is the group's as long as one of its members lives.
        if !self.daemon.has_ended() || self.has_members() {
            self.members.append(&mut found);
        }
        is_complete
    }

    /// Kills every member but the daemon, which has ended or does not even end by SIGKILL.
    pub(super) fn kill_members(&mut self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        loop {
            // The daemon may have started another process just before it ended, and so may a member.
            let is_complete = self.pin_members();
            let mut members = mem::take(&mut self.members);
            members.retain(|member| self.has_member(member));
            self.members = members;
            if self.members.is_empty() || Instant::now() >= deadline {
                return;
            }
            // Where the others have to wait for their descriptors, one member keeps the group's id.
            let kept = usize::from(!is_complete);
            for (_, pidfd) in self.members.iter().skip(kept) {
                let _ = process::send_signal(pidfd.as_fd(), Signal::SIGKILL.as_raw());
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    fn has_members(&self) -> bool {
        self.members.iter().any(|member| self.has_member(member))
    }

    /// Whether a process that was pinned lives and is still in the group: it may have left.
    fn has_member(&self, (pid, pidfd): &(Pid, OwnedFd)) -> bool {
        // In this order: the pid of a process that lives now was its own when it was asked.
        getpgid(Some(*pid)) == Ok(self.id) && is_alive(pidfd)
    }
}

/// Puts this process into a group of its own, so that it does not end with its old one.
pub(super) fn leave() -> bool {
    setpgid(Pid::from_raw(0), Pid::from_raw(0)).is_ok()
}

fn is_alive(pidfd: &OwnedFd) -> bool {
    !super::holder::is_readable_within(pidfd, Duration::ZERO)
}
