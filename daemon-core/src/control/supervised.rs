//! The daemon that has a supervisor.

use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::{Pid, getpgid, getpgrp, getsid};

use super::Control;
use super::holder::{Holder, POLL_INTERVAL};
use super::known_supervisor::KnownSupervisor;
use super::process_group;
use super::status::{Status, Stopped, Supervision};
use super::stop::{KILL_TIMEOUT, exits_within};
use crate::error::Error;
use crate::lock;
use crate::signal::Signal;
use crate::sys::process;

impl Control {
    /// The daemon is one with `restart`, so a missing supervisor is worth a word.
    pub(crate) fn expect_supervisor(mut self, is_expected: bool) -> Self {
        self.expects_supervisor = is_expected;
        self
    }

    pub(super) fn supervisor_is_stopped(&self) -> bool {
        let status = self.status();
        let is_stopped = |status| {
            let supervision = Supervision::Stopped;
            matches!(status, Status::Restarting { supervision: it, .. } if it == supervision)
        };
        status.is_ok_and(is_stopped)
    }

    /// How far the daemon is supervised.
    pub(super) fn supervision_of(&self, found: &Holder) -> Supervision {
        match KnownSupervisor::of(found, &self.user) {
            KnownSupervisor::Seen(supervisor) if process::is_stopped(supervisor.pid()) => {
                Supervision::Stopped
            }
            KnownSupervisor::Seen(_) | KnownSupervisor::Unseen => Supervision::Active,
            // A program in the foreground has no supervisor.
            KnownSupervisor::None
                if self.expects_supervisor && process::is_detached(found.pid()) != Some(false) =>
            {
                Supervision::Lost
            }
            KnownSupervisor::None => Supervision::None,
        }
    }

    /// Stops the supervisor, which stops its daemon. `found` is what the PID file names.
    pub(super) fn stop_supervisor(
        &self,
        supervisor: &Holder,
        found: &Holder,
        timeout: Duration,
        waits: &mut dyn FnMut(),
    ) -> Result<Stopped, Error> {
        self.refuse_unless_certain(supervisor)?;
        let send = |signal| match supervisor.send(signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(Error::not_signalled("stop", supervisor.pid(), errno)),
        };
        leave_group_of(found);
        let begin = Instant::now();
        send(Signal::SIGTERM)?;
        // A process that is stopped could not obey.
        send(Signal::SIGCONT)?;
        let mut is_killed = false;
        if !exits_within(
            supervisor,
            timeout.saturating_add(KILL_TIMEOUT),
            None,
            waits,
        ) {
            // Without its supervisor a daemon that this process may not signal would run on.
            if kill(found.pid(), None) == Err(Errno::EPERM) {
                return Err(Error::not_signalled("stop", found.pid(), Errno::EPERM));
            }
            // The supervisor is killed before its daemon, which it would start again.
            send(Signal::SIGKILL)?;
            is_killed = true;
            if !supervisor.ends_within(KILL_TIMEOUT) {
                return Err(Error::would_not_end(supervisor.pid()));
            }
        }
        is_killed |= begin.elapsed() >= timeout;
        if let Some(Stopped::Killed { .. }) = self.end_rest(supervisor, timeout, waits)? {
            is_killed = true;
        }
        self.remove_stale(Some(supervisor.file()));
        let pid = found.pid().as_raw().unsigned_abs();
        Ok(if is_killed {
            Stopped::Killed { pid }
        } else {
            Stopped::Terminated { pid }
        })
    }

    /// Ends the daemon of a supervisor that was killed, and waits until the lock is free. Where it is
    /// not, something starts the daemon again, and it is not stopped.
    fn end_rest(
        &self,
        supervisor: &Holder,
        timeout: Duration,
        waits: &mut dyn FnMut(),
    ) -> Result<Option<Stopped>, Error> {
        let file = supervisor.file();
        let mut deadline = Instant::now() + KILL_TIMEOUT;
        let mut ended = None;
        while lock::is_held(file) != Ok(false) {
            let rest = Holder::of(file).filter(|_| ended.is_none());
            let rest = rest.filter(|rest| rest.pid() != supervisor.pid() && !rest.has_ended());
            if let Some(rest) = rest {
                let stopped = self.end_holder(&rest, timeout, waits)?;
                ended = Some((rest, stopped));
                deadline = Instant::now() + KILL_TIMEOUT;
                continue;
            }
            if Instant::now() >= deadline {
                let last = ended.as_ref().map_or(supervisor, |(rest, _)| rest);
                return Err(self.lock_outlives(last));
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(ended.map(|(_, stopped)| stopped))
    }
}

/// The supervisor ends what its run leaves in its process group. A verb that the daemon or a child of it
/// has started is in that group too, and goes on: `restart` starts the next daemon.
///
/// Between two runs the PID file does not name the run. Its group is that of a session whose leader has
/// ended.
fn leave_group_of(run: &Holder) {
    let group = getpgrp();
    let is_own_group = getpgid(Some(run.pid())) == Ok(group);
    let is_left_over = || getsid(None) == Ok(group) && has_ended(group);
    if is_own_group && run.pid() != Pid::this() || is_left_over() {
        process_group::leave();
    }
}

pub(super) fn has_ended(process: Pid) -> bool {
    kill(process, None) == Err(Errno::ESRCH) || process::is_zombie(process)
}
