//! `stop`: the stop signal, SIGKILL after the timeout, and the rest of the process group.

use std::fs::File;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::kill;

use super::Control;
use super::holder::Holder;
use super::known_supervisor::KnownSupervisor;
use super::pid_file_state::PidFileState;
use super::process_group::ProcessGroup;
use super::status::Stopped;
use crate::error::Error;
use crate::kill_mode::KillMode;
use crate::option_check;
use crate::pid_file;
use crate::signal::Signal;
use crate::trust;

/// How long a killed daemon may take to exit, and its lock to be free.
pub(super) const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a daemon is looked at again that ends while it is looked at.
const UNSTEADY_TIMEOUT: Duration = Duration::from_secs(2);

/// How often the process group of a daemon that is ending is looked at: at first, and later.
const POLL_INTERVAL_MIN: Duration = Duration::from_millis(5);
const POLL_INTERVAL_MAX: Duration = Duration::from_millis(200);

impl Control {
    /// Stops the daemon: the [stop signal](Self::stop_signal), and SIGKILL if the daemon has not
    /// ended within the timeout. Then the rest of its process group gets SIGKILL, see
    /// [`kill_mode`](Self::kill_mode). With [`restart`](crate::Daemon::restart) the supervisor
    /// stops the daemon, with the signal, the mode and the timeout of its own start. A supervisor
    /// that has not ended five seconds after this timeout is killed, and the daemon is stopped as
    /// without a supervisor.
    ///
    /// On success the daemon has ended, its lock is free and its PID file is removed. The file stays if
    /// another daemon has replaced it, or if this process may not remove it.
    ///
    /// # Errors
    ///
    /// [`OutOfReach`](crate::ErrorKind::OutOfReach): the daemon cannot be identified, or this process
    /// may not signal it. [`NotStopped`](crate::ErrorKind::NotStopped): it still runs five seconds after
    /// SIGKILL. [`Configuration`](crate::ErrorKind::Configuration): [`Daemon`](crate::Daemon::stop_signal)
    /// does not take this stop signal either.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// daemon::Control::new("/run/hello.pid").stop(Duration::from_secs(10))?;
    /// # Ok::<(), daemon::Error>(())
    /// ```
    pub fn stop(&self, timeout: Duration) -> Result<Stopped, Error> {
        self.stop_observed(timeout, &mut || ())
    }

    /// As [`stop`](Self::stop), and calls `waits` again and again while it waits.
    pub(crate) fn stop_observed(
        &self,
        timeout: Duration,
        waits: &mut dyn FnMut(),
    ) -> Result<Stopped, Error> {
        if let Some(complaint) = option_check::stop_signal(self.stop_signal) {
            return Err(option_check::refused("stop_signal", &complaint));
        }
        let deadline = Instant::now() + UNSTEADY_TIMEOUT;
        loop {
            let holder = match self.find()? {
                PidFileState::NoFile => {
                    self.remove_stale(None);
                    return Ok(Stopped::NotRunning);
                }
                PidFileState::Unlocked(file) => {
                    self.remove_stale(Some(&file));
                    return Ok(Stopped::NotRunning);
                }
                PidFileState::Starting(None) => return Err(Error::no_pid_yet(&self.pid_file)),
                PidFileState::Ending(None) => {
                    return Err(Error::holder_unproved(&self.pid_file, None, None));
                }
                PidFileState::Starting(Some(holder))
                | PidFileState::Restarting(holder, _)
                | PidFileState::Ending(Some(holder))
                | PidFileState::Running(holder) => holder,
            };
            match self.stop_found(&holder, timeout, waits) {
                // It has ended by itself while it was looked at, and another may be there.
                Err(_) if holder.has_ended() && Instant::now() < deadline => {
                    thread::sleep(POLL_INTERVAL_MIN);
                }
                stopped => return stopped,
            }
        }
    }

    /// Why this process may not stop the daemon: it may not signal it.
    pub(crate) fn refusal_of_stop(&self) -> Option<Error> {
        let state = self.find().ok()?;
        let holder = state.holder()?;
        let pid = match KnownSupervisor::of(holder, &self.user) {
            KnownSupervisor::Seen(supervisor) => supervisor.pid(),
            KnownSupervisor::Unseen | KnownSupervisor::None => holder.pid(),
        };
        let is_refused = kill(pid, None) == Err(Errno::EPERM);
        is_refused.then(|| Error::not_signalled("stop", pid, Errno::EPERM))
    }

    fn stop_found(
        &self,
        holder: &Holder,
        timeout: Duration,
        waits: &mut dyn FnMut(),
    ) -> Result<Stopped, Error> {
        let stopped = match KnownSupervisor::of(holder, &self.user) {
            KnownSupervisor::Seen(supervisor) => {
                return self.stop_supervisor(&supervisor, holder, timeout, waits);
            }
            KnownSupervisor::Unseen => return Err(self.unproved(holder.file(), Some(holder.pid()))),
            KnownSupervisor::None => self.end_holder(holder, timeout, waits)?,
        };
        if !holder.lets_go_within(KILL_TIMEOUT) {
            return Err(self.lock_outlives(holder));
        }
        self.remove_stale(Some(holder.file()));
        Ok(stopped)
    }

    /// As [`stop`](Self::stop), but the lock stays held, and the file where it is: this process shares
    /// them with the daemon.
    pub(crate) fn end_process(&self, timeout: Duration) -> Result<(), Error> {
        match self.find()? {
            PidFileState::Starting(Some(holder)) | PidFileState::Running(holder) => {
                self.end_holder(&holder, timeout, &mut || ()).map(drop)
            }
            // No process was started, or the supervisor ends it.
            _ => Ok(()),
        }
    }

    /// Ends the process, and what is left of its group.
    pub(super) fn end_holder(
        &self,
        holder: &Holder,
        timeout: Duration,
        waits: &mut dyn FnMut(),
    ) -> Result<Stopped, Error> {
        self.refuse_unless_certain(holder)?;
        let pid = holder.pid();
        let mut group = match self.kill_mode {
            KillMode::Mixed => ProcessGroup::of(holder),
            KillMode::Process => None,
        };
        let send = |signal| match holder.send(signal) {
            // It has ended by itself, which is what is wanted.
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(Error::not_signalled("stop", pid, errno)),
        };
        send(self.stop_signal)?;
        // A process that is stopped could not obey.
        send(Signal::SIGCONT)?;
        let is_killed = !exits_within(holder, timeout, group.as_mut(), waits);
        if is_killed {
            send(Signal::SIGKILL)?;
        }
        let has_ended = !is_killed || exits_within(holder, KILL_TIMEOUT, group.as_mut(), waits);
        if let Some(group) = &mut group {
            group.kill_members(KILL_TIMEOUT);
        }
        if !has_ended {
            return Err(Error::would_not_end(pid));
        }
        let pid = pid.as_raw().unsigned_abs();
        Ok(if is_killed {
            Stopped::Killed { pid }
        } else {
            Stopped::Terminated { pid }
        })
    }

    /// Removes what an ended daemon has left, or a killed start. What stays means nothing.
    pub(super) fn remove_stale(&self, left: Option<&File>) {
        // In a directory of another user a name may lead anywhere.
        if trust::check_way(&self.pid_file, None).is_ok() {
            pid_file::remove_stale(&self.pid_file, left);
        }
    }
}

/// Waits for the end of the daemon, and pins the processes that it starts on its way out.
pub(super) fn exits_within(
    holder: &Holder,
    timeout: Duration,
    mut group: Option<&mut ProcessGroup<'_>>,
    waits: &mut dyn FnMut(),
) -> bool {
    let begin = Instant::now();
    let mut interval = POLL_INTERVAL_MIN;
    loop {
        let left = timeout.saturating_sub(begin.elapsed());
        if holder.ends_within(left.min(interval)) {
            return true;
        }
        if let Some(group) = &mut group {
            group.pin_members();
        }
        if left.is_zero() {
            return false;
        }
        waits();
        interval = (interval * 2).min(POLL_INTERVAL_MAX);
    }
}
