//! Finds the daemon by its PID file, and proves that it is the daemon.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::unistd::Pid;

use super::holder::{Holder, POLL_INTERVAL};
use super::known_supervisor::KnownSupervisor;
use super::pid_file_state::PidFileState;
use super::supervised::has_ended;
use super::{Control, resolve};
use crate::error::Error;
use crate::files::NO_FOLLOW;
use crate::lock::{self, RunState};
use crate::pid_file::PID_WRITE_TIMEOUT;
use crate::trust;

/// How long another process, a launcher for example, may hold the lock of a daemon that has ended.
const LOCK_OUTLIVES_TIMEOUT: Duration = Duration::from_secs(2);

/// How often a lock is looked at whose daemon has ended.
const ENDED_INTERVAL: Duration = Duration::from_millis(10);

impl Control {
    /// Whether a process holds the lock, whichever it is.
    pub(crate) fn is_locked(&self) -> Result<bool, Error> {
        let failed = |errno: Errno| Error::pid_file_unread(&self.pid_file, errno.into());
        match self.open()? {
            Some(file) => lock::is_held(&file).map_err(failed),
            None => Ok(false),
        }
    }

    /// Opens the PID file to look at it, if there is one.
    pub(super) fn open(&self) -> Result<Option<File>, Error> {
        if let Some(source) = &self.unresolved {
            resolve(source)?;
        }
        let failed = |cause: io::Error| Error::pid_file_unread(&self.pid_file, cause);
        let file = match options().open(&self.pid_file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failed)?,
        };
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(Error::pid_file_irregular(&self.pid_file));
        }
        Ok(Some(file))
    }

    pub(super) fn find(&self) -> Result<PidFileState, Error> {
        let failed = |cause: io::Error| Error::pid_file_unread(&self.pid_file, cause);
        let Some(file) = self.open()? else {
            return Ok(PidFileState::NoFile);
        };
        let begin = Instant::now();
        let mut deadline = begin + PID_WRITE_TIMEOUT;
        let mut named = None;
        let mut has_changed = false;
        let mut is_late = false;
        loop {
            let seen = Seen::of(&file);
            let state = lock::run_state(&file).map_err(|errno| failed(errno.into()))?;
            if state == RunState::Over {
                return Ok(PidFileState::Unlocked(file));
            }
            let is_ending = state == RunState::Up && lock::is_supervisor_ending(&file);
            if is_ending {
                // The supervisor may end during the search.
                let supervisor = KnownSupervisor::visible(&file);
                if supervisor.is_some() || is_late {
                    return Ok(PidFileState::Ending(supervisor));
                }
            }
            // A pid that has come at the last moment was not looked at yet.
            if is_late && (named.is_some() || seen.named.is_none()) {
                return match state {
                    RunState::Starting if named.is_none() => {
                        let holder = lock::visible_unnamed(&file);
                        let holder = holder.and_then(|pid| Holder::supervisor(&file, pid));
                        Ok(PidFileState::Starting(holder))
                    }
                    _ => match supervisor_of_ended(&file, named, has_changed) {
                        Some(supervisor) => Ok(PidFileState::Restarting(supervisor, state.due())),
                        None => Err(self.unproved(&file, named)),
                    },
                };
            }
            has_changed |= named.is_some() && seen.named.is_some() && named != seen.named;
            named = seen.named;
            let holder = if is_ending { None } else { Holder::of(&file) };
            // What the locks say and the pid belong together.
            let after = Seen::of(&file);
            let is_settled = after == seen;
            let mut interval = if is_ending {
                ENDED_INTERVAL
            } else {
                POLL_INTERVAL
            };
            match holder.filter(|_| is_settled) {
                Some(holder) if holder.has_ended() => {
                    // Its parent, a launcher for example, still holds the lock.
                    if Instant::now() >= begin + LOCK_OUTLIVES_TIMEOUT {
                        return Err(self.lock_outlives(&holder));
                    }
                    interval = ENDED_INTERVAL;
                    deadline = begin + LOCK_OUTLIVES_TIMEOUT;
                }
                Some(holder) if state == RunState::Starting => {
                    return Ok(PidFileState::Starting(Some(holder)));
                }
                Some(holder) => {
                    return Ok(match state {
                        RunState::Restarting(due) => PidFileState::Restarting(holder, due),
                        _ => PidFileState::Running(holder),
                    });
                }
                None => {}
            }
            std::thread::sleep(interval);
            // While it was looked at, which can take all the time there is, a daemon may have become ready,
            // or it may have ended and its supervisor may have started it again.
            let now = Instant::now();
            let is_supervised = seen.lowest.is_some_and(|lowest| lowest > 1);
            let is_moving = !is_settled && (is_supervised || after.named == seen.named);
            is_late = now >= deadline && (!is_moving || now >= begin + LOCK_OUTLIVES_TIMEOUT);
        }
    }

    /// What is signalled must be the daemon, for certain.
    pub(super) fn refuse_unless_certain(&self, holder: &Holder) -> Result<(), Error> {
        if holder.has_user(&self.user) == Some(false) {
            return Err(Error::holder_of_other_user(&self.pid_file, holder.pid()));
        }
        if !holder.is_certain(&self.user) {
            return Err(if holder.is_seen() {
                Error::lock_passed_on(&self.pid_file, holder.pid())
            } else {
                self.unproved(holder.file(), Some(holder.pid()))
            });
        }
        self.refuse_if_planted(holder.file())
    }

    pub(super) fn unproved(&self, file: &File, named: Option<Pid>) -> Error {
        if let Some(launcher) = lock::stopped_starter(file) {
            return Error::launcher_stopped(&self.pid_file, launcher);
        }
        let holder = lock::visible_holder(file);
        Error::holder_unproved(&self.pid_file, named, holder)
    }

    pub(super) fn lock_outlives(&self, ended: &Holder) -> Error {
        let other = lock::visible_holder(ended.file());
        Error::lock_outlives(&self.pid_file, ended.pid(), other)
    }

    /// Others could have made any process hold the lock of their file: a set-user-ID program that
    /// they start, for example. So root does not signal what such a file names.
    pub(super) fn refuse_if_planted(&self, file: &File) -> Result<(), Error> {
        let metadata = file
            .metadata()
            .map_err(|cause| Error::pid_file_unread(&self.pid_file, cause))?;
        trust::check_way(&self.pid_file, None)
            .and_then(|()| trust::check_pid_file(&self.pid_file, &metadata))
            .map_err(|untrusted| Error::pid_file_distrusted(&self.pid_file, &untrusted))
    }
}

/// What changes with each run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    lowest: Option<i64>,
    named: Option<Pid>,
}

impl Seen {
    fn of(file: &File) -> Self {
        Self {
            lowest: lock::lowest_of_bring_up(file),
            named: lock::read_pid(file),
        }
    }
}

/// The supervisor of a run that has ended, or of runs that end while they are looked at.
fn supervisor_of_ended(file: &File, named: Option<Pid>, has_changed: bool) -> Option<Holder> {
    if !has_changed && !named.is_some_and(has_ended) {
        return None;
    }
    let supervisor = KnownSupervisor::visible(file)?;
    // A file that was written by hand may name any pid while a run is there.
    (has_changed || lock::is_held_by_one(file)).then_some(supervisor)
}

/// For an open that follows no link and waits for no FIFO.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(NO_FOLLOW.bits());
    options
}
