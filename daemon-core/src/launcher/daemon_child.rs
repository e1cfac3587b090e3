//! The daemon as the launcher's child: its end, and how it is stopped.

use std::io;
use std::os::fd::BorrowedFd;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgid};

use crate::handoff::Record;
use crate::kill_mode::KillMode;
use crate::settings::Settings;
use crate::sys;
use crate::sys::launch::Child;

/// How long the daemon may take to end after the stop signal, and again after SIGKILL.
pub(crate) const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the rest of the process group may take to end after SIGKILL.
const GROUP_TIMEOUT: Duration = Duration::from_millis(100);

/// No deadline is later than this, so that no sum overflows.
pub(super) const TIMEOUT_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// How often the end is looked for where the system has no pidfd.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// How often the rest of the process group is looked for.
const GROUP_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// The daemon. Its zombie stays until the drop, so that its pid and its process group stay its own,
/// unless a descriptor means the group.
#[derive(Debug)]
pub(crate) struct DaemonChild {
    child: Child,
    stop_signal: i32,
    kill_mode: KillMode,
    /// How long it may take to end after the stop signal.
    stop_timeout: Duration,
    /// The process group of a daemon that was reaped.
    group_left: Option<Pid>,
}

impl DaemonChild {
    pub(super) fn new(child: Child, record: &Record) -> Self {
        let Settings {
            stop_signal,
            kill_mode,
            stop_timeout,
            ..
        } = record.settings;
        let (stop_signal, stop_timeout) = match record.supervisor {
            None => (stop_signal.as_raw(), KILL_TIMEOUT),
            // A supervisor stops its daemon before it ends.
            Some(_) => (
                Signal::SIGTERM as i32,
                stop_timeout
                    .saturating_add(2 * KILL_TIMEOUT)
                    .min(TIMEOUT_MAX),
            ),
        };
        Self {
            child,
            stop_signal,
            kill_mode,
            stop_timeout,
            group_left: None,
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        self.child.pid()
    }

    /// What is readable once the daemon has ended, where the system has it.
    pub(crate) fn end(&self) -> Option<BorrowedFd<'_>> {
        self.child.end()
    }

    /// How the daemon ended, if it has. The answer stays the same.
    pub(crate) fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// When to look for the end although nothing is readable.
    pub(super) fn next_poll(&self, now: Instant) -> Option<Instant> {
        self.end().is_none().then(|| now + POLL_INTERVAL)
    }

    /// Stops the daemon and what is left of its process group; whether the daemon has ended. One that
    /// is blocked in I/O does not even end by SIGKILL, and root without `CAP_KILL` may not signal one
    /// of another user.
    pub(super) fn stop(self) -> bool {
        let mut stop = Stop::Begin;
        while let Some(wake) = stop.step(&self, Instant::now()) {
            self.wait_until(wake);
        }
        let has_ended = self.has_ended();
        self.end_group();
        has_ended
    }

    /// How long the daemon may take to end after the stop signal.
    pub(crate) fn set_stop_timeout(&mut self, timeout: Duration) {
        self.stop_timeout = timeout;
    }

    /// Asks what is left of the process group of a daemon that has ended to end.
    pub(crate) fn terminate_group(&self) {
        if let Some(group) = self.group() {
            let _ = kill_group(group, Some(Signal::SIGTERM));
        }
    }

    /// Whether the process group of a daemon that has ended is seen to have other members.
    ///
    /// It reaps the daemon where the group needs no zombie: the kernel knows at once that no member is
    /// left. Elsewhere, and if there are some, this looks through all processes.
    pub(crate) fn has_group(&mut self) -> bool {
        let Some(group) = self.group() else {
            return false;
        };
        if self.group_left.is_none() && self.ask_group(group) == Some(Ok(())) {
            self.child.reap();
            self.group_left = Some(group);
        }
        if self.group_left.is_some() && self.ask_group(group) == Some(Err(Errno::ESRCH)) {
            return false;
        }
        let zombie = self.group_left.is_none().then(|| self.pid());
        let mut members = sys::process::members_of(group);
        members.any(|pid| Some(pid) != zombie && !sys::process::is_zombie(pid))
    }

    /// Whether a process of the group can be signalled, by a descriptor that means this group; `None` if
    /// there is none.
    fn ask_group(&self, group: Pid) -> Option<Result<(), Errno>> {
        let leader = self.child.group(group)?;
        Some(sys::process::send_signal_to_group(leader, 0))
    }

    fn signal_group(&self, group: Pid, signal: Option<Signal>) -> Result<(), Errno> {
        if self.group_left.is_none() {
            return kill_group(group, signal);
        }
        let leader = self.child.group(group).ok_or(Errno::ESRCH)?;
        sys::process::send_signal_to_group(leader, signal.map_or(0, |signal| signal as i32))
    }

    /// Ends what is left of the process group of a daemon that has ended, or that not even SIGKILL
    /// has ended.
    pub(crate) fn end_group(self) {
        let Some(group) = self.group() else {
            return;
        };
        if self.signal_group(group, Some(Signal::SIGKILL)).is_err() {
            return;
        }
        // The daemon or its zombie pinned the group. Without it a group that can still be asked has
        // members.
        let reaped = self.group_left.is_some().then_some(self);
        let is_left = || match &reaped {
            Some(daemon) => daemon.signal_group(group, None).is_ok(),
            None => kill_group(group, None).is_ok(),
        };
        let deadline = Instant::now() + GROUP_TIMEOUT;
        while is_left() && !is_dead(group) && Instant::now() < deadline {
            thread::sleep(GROUP_POLL_INTERVAL);
        }
    }

    /// The process group of the daemon, if the rest of it may be ended.
    fn group(&self) -> Option<Pid> {
        if self.group_left.is_some() {
            return self.group_left;
        }
        // Once another part of the program has reaped it, the pid may belong to another process, and
        // nothing pins the group.
        if self.try_wait().is_err() || self.kill_mode == KillMode::Process {
            return None;
        }
        let group = getpgid(Some(self.pid())).ok()?;
        (group.as_raw() > 1 && Ok(group) != getpgid(None)).then_some(group)
    }

    /// Waits for the end of the daemon, until then at most.
    fn wait_until(&self, wake: Instant) {
        let longest = wake.saturating_duration_since(Instant::now());
        if let Some(end) = self.end() {
            let mut end = [PollFd::new(end, PollFlags::POLLIN)];
            let timeout = PollTimeout::try_from(longest).unwrap_or(PollTimeout::MAX);
            match poll(&mut end, timeout) {
                // Where the system has no memory for a poll, it may still have some for a sleep.
                Err(errno) if errno != Errno::EINTR => {}
                _ => return,
            }
        }
        thread::sleep(longest.min(POLL_INTERVAL));
    }

    /// Whether the daemon has ended.
    pub(crate) fn has_ended(&self) -> bool {
        let is_end_readable = || {
            self.end().is_some_and(|end| {
                let mut end = [PollFd::new(end, PollFlags::POLLIN)];
                poll(&mut end, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
            })
        };
        match self.try_wait() {
            Ok(status) => status.is_some(),
            // With ECHILD another part of the program has reaped it, so the pid may belong to another
            // process. A filter may deny the wait, and a killed intermediate process tells nothing.
            Err(error) => error.raw_os_error() == Some(Errno::ECHILD as i32) || is_end_readable(),
        }
    }
}

/// As `killpg(3)`, by a function that is linked anyway.
fn kill_group(group: Pid, signal: Option<Signal>) -> Result<(), Errno> {
    kill(Pid::from_raw(-group.as_raw()), signal)
}

/// Whether only zombies are seen in the group. Process 1 may reap none, as in many containers.
fn is_dead(group: Pid) -> bool {
    let mut has_members = false;
    for member in sys::process::members_of(group) {
        if !sys::process::is_zombie(member) {
            return false;
        }
        has_members = true;
    }
    has_members
}

/// The stop of a daemon: the stop signal, and SIGKILL after a while. It never blocks.
#[derive(Debug)]
pub(crate) enum Stop {
    Begin,
    /// The stop signal may take effect until then.
    Asked(Instant),
    /// So may SIGKILL, after which nothing more can be done.
    Killed(Instant),
}

impl Stop {
    /// Takes the next step; when the step after it is due, unless the stop is over.
    pub(crate) fn step(&mut self, process: &DaemonChild, now: Instant) -> Option<Instant> {
        if process.has_ended() {
            return None;
        }
        let deadline = match *self {
            Self::Begin => {
                process.child.send(process.stop_signal);
                // A process that is stopped cannot obey.
                process.child.send(Signal::SIGCONT as i32);
                let deadline = now + process.stop_timeout;
                *self = Self::Asked(deadline);
                deadline
            }
            Self::Asked(end) | Self::Killed(end) if now < end => end,
            Self::Asked(_) => {
                process.child.send(Signal::SIGKILL as i32);
                let deadline = now + KILL_TIMEOUT;
                *self = Self::Killed(deadline);
                deadline
            }
            Self::Killed(_) => return None,
        };
        Some(deadline)
    }
}

#[cfg(test)]
#[cfg(all(target_os = "linux", not(daemon_fork)))]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use nix::sys::wait::{Id, WaitPidFlag, waitid};

    use super::*;

    /// A process 1 that reaps nothing must not make each stop wait.
    #[test]
    fn group_of_zombies_is_dead() {
        let mut child = Command::new("sleep")
            .arg("600")
            .process_group(0)
            .spawn()
            .unwrap();
        let group = Pid::from_raw(child.id().try_into().unwrap());
        let is_dead_alive = is_dead(group);
        child.kill().unwrap();
        waitid(Id::Pid(group), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
        let is_dead_as_zombie = is_dead(group);
        child.wait().unwrap();
        assert!(!is_dead_alive);
        assert!(is_dead_as_zombie);
        assert!(!is_dead(group), "it is unknown");
    }
}
