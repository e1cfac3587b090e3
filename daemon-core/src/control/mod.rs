//! What can be done with a daemon that is there, by its PID file: asking, stopping, signalling.

mod failure;
mod holder;
mod log_writer;
mod process_group;
mod status;
mod supervised;
mod verdict;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::error::Error;
use crate::files::NO_FOLLOW;
use crate::kill_mode::KillMode;
use crate::lock::{self, RunState};
use crate::path_context::PathContext;
use crate::path_source::PathSource;
use crate::path_template;
use crate::pid_file::{self, PID_WRITE_TIMEOUT};
use crate::settings::Object;
use crate::signal::Signal;
use crate::sys;
use crate::trust;
use holder::{Holder, POLL_INTERVAL, Supervisor};
use process_group::ProcessGroup;

pub(crate) use log_writer::DaemonAsWriter;
pub use status::{Status, Stopped, Supervision};
pub(crate) use verdict::Verdict;

/// How long a killed daemon may take to exit, and its lock to be free.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long another process, a launcher for example, may hold the lock of a daemon that has ended.
const LOCK_OUTLIVES_TIMEOUT: Duration = Duration::from_secs(2);

/// How often a lock is looked at whose daemon has ended.
const ENDED_INTERVAL: Duration = Duration::from_millis(10);

/// How often the process group of a daemon that is ending is looked at: at first, and later.
const SHORTEST_LOOK_INTERVAL: Duration = Duration::from_millis(5);
const LONGEST_LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// The control of a daemon by the path of its PID file, from whatever process.
///
/// The lock of the file decides whether there is a daemon. A process is signalled only when it is seen
/// to hold that lock, never because of the pid in the file; see `pidfd_open(2)`. Where the system does
/// not show the holder, for example of another user's process, no other process may be seen to hold the
/// lock, and the process must have started when the pid was written. Systems other than Linux show
/// neither; there the pid in the locked file is used. Nothing here waits for a pid to vanish, and
/// on Linux nothing but [`stop`](Self::stop) ever takes the lock.
///
/// ```
/// let hello = daemon::Control::new("/run/hello.pid");
/// println!("{}", hello.status()?);
/// # Ok::<(), daemon::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Control {
    pid_file: PathBuf,
    /// A path that cannot be resolved: whatever is done tells why.
    unresolved: Option<PathSource>,
    stop_signal: Signal,
    kill_mode: KillMode,
    expects_supervisor: bool,
}

/// What the PID file shows.
enum Found {
    NoFile,
    /// No process holds the lock.
    Unlocked(File),
    /// A launcher is at work, and perhaps the daemon or its supervisor is there already.
    Starting(Option<Holder>),
    /// The supervisor starts the daemon again, after this delay if it is known.
    Restarting(Holder, Option<Duration>),
    Running(Holder),
}

impl Control {
    /// The daemon with this PID file. No file is opened yet. [`Daemon::control`](crate::Daemon::control)
    /// takes the path from a builder.
    ///
    /// A string is a plain path; [`PathSource::template`] takes placeholders. A path that cannot be
    /// resolved is an error of the kind [`Configuration`](crate::ErrorKind::Configuration) of each
    /// method.
    ///
    /// ```
    /// use daemon::{Control, PathSource};
    ///
    /// let hello = Control::new("/run/hello.pid");
    /// let hello = Control::new(PathSource::template("{pid_dir}/hello.pid"));
    /// ```
    pub fn new(pid_file: impl Into<PathSource>) -> Self {
        let source = pid_file.into();
        let resolved = resolve(source.clone());
        Self {
            unresolved: resolved.is_err().then_some(source),
            pid_file: resolved.unwrap_or_default(),
            stop_signal: Signal::SIGTERM,
            kill_mode: KillMode::default(),
            expects_supervisor: false,
        }
    }

    /// Where it looks for the daemon.
    pub(crate) fn pid_file(&self) -> &Path {
        &self.pid_file
    }

    /// Sets the signal that [`stop`](Self::stop) sends first. Default: SIGTERM.
    ///
    /// ```
    /// use daemon::{Control, Signal};
    ///
    /// let hello = Control::new("/run/hello.pid").stop_signal(Signal::SIGINT);
    /// ```
    #[must_use]
    pub fn stop_signal(mut self, signal: Signal) -> Self {
        self.stop_signal = signal;
        self
    }

    /// Sets what [`stop`](Self::stop) does with the rest of the daemon's process group. Default:
    /// [`KillMode::Mixed`].
    ///
    /// ```
    /// use daemon::{Control, KillMode};
    ///
    /// let runner = Control::new("/run/runner.pid").kill_mode(KillMode::Process);
    /// ```
    #[must_use]
    pub fn kill_mode(mut self, mode: KillMode) -> Self {
        self.kill_mode = mode;
        self
    }

    /// Looks whether the daemon runs. It takes no lock, and waits at most 2 seconds.
    ///
    /// # Errors
    ///
    /// [`OutOfReach`](crate::ErrorKind::OutOfReach): a process holds the lock that cannot be identified
    /// as the daemon, or the file cannot be read.
    ///
    /// ```
    /// println!("{}", daemon::Control::new("/run/hello.pid").status()?);
    /// # Ok::<(), daemon::Error>(())
    /// ```
    pub fn status(&self) -> Result<Status, Error> {
        Ok(match self.find()? {
            Found::NoFile => Status::NotRunning,
            // Without a pid no daemon has crashed: it has ended, or never begun.
            Found::Unlocked(file) => match lock::read_pid(&file) {
                Some(_) => Status::StalePidFile,
                None => Status::NotRunning,
            },
            Found::Starting(holder) => Status::Starting {
                pid: holder
                    .map(|holder| holder.pid())
                    .filter(|pid| !lock::is_supervisor(*pid))
                    .map(|pid| pid.as_raw().unsigned_abs()),
            },
            Found::Restarting(holder, due) => Status::Restarting {
                due,
                supervision: self.supervision_of(&holder),
            },
            Found::Running(holder) => Status::Running {
                pid: holder.pid().as_raw().unsigned_abs(),
                since: holder.since(),
                supervision: self.supervision_of(&holder),
            },
        })
    }

    /// The file that the standard output of the running daemon leads to, if that can be seen: its log.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    ///
    /// ```no_run
    /// if let Some(log) = daemon::Control::new("/run/hello.pid").log_file()? {
    ///     println!("see {}", log.display());
    /// }
    /// # Ok::<(), daemon::Error>(())
    /// ```
    pub fn log_file(&self) -> Result<Option<PathBuf>, Error> {
        Ok(match self.find()? {
            Found::Starting(Some(holder)) | Found::Running(holder) => {
                sys::process::output_of(holder.pid())
            }
            _ => None,
        })
    }

    /// Stops the daemon: the [stop signal](Self::stop_signal), and SIGKILL if the daemon has not ended
    /// within the timeout. Then the rest of its process group gets SIGKILL, see
    /// [`kill_mode`](Self::kill_mode). Where a supervisor does this, with
    /// [`restart`](crate::Daemon::restart), it takes the signal, the mode and the timeout of its start.
    /// If it has not ended five seconds after this timeout, it is killed, and the daemon is stopped as
    /// one without it.
    ///
    /// On success the daemon has ended, its lock is free and its PID file is removed. The file stays if
    /// another daemon has replaced it, or if this process may not remove it.
    ///
    /// # Errors
    ///
    /// [`OutOfReach`](crate::ErrorKind::OutOfReach): the daemon cannot be identified, or this process
    /// may not signal it. [`NotStopped`](crate::ErrorKind::NotStopped): it still runs five seconds after
    /// SIGKILL.
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
        let holder = match self.find()? {
            Found::NoFile => {
                self.remove_stale(None);
                return Ok(Stopped::NotRunning);
            }
            Found::Unlocked(file) => {
                self.remove_stale(Some(&file));
                return Ok(Stopped::NotRunning);
            }
            Found::Starting(None) => return Err(self.no_pid_yet()),
            Found::Starting(Some(holder))
            | Found::Restarting(holder, _)
            | Found::Running(holder) => holder,
        };
        let stopped = match Supervisor::of(&holder) {
            Supervisor::Seen(supervisor) => {
                return self.stop_supervisor(&supervisor, &holder, timeout, waits);
            }
            Supervisor::Unseen => return Err(self.unproved(holder.file(), Some(holder.pid()))),
            Supervisor::None => self.end_holder(&holder, timeout, waits)?,
        };
        if !holder.lets_go_within(KILL_TIMEOUT) {
            return Err(self.lock_outlives(&holder));
        }
        self.remove_stale(Some(holder.file()));
        Ok(stopped)
    }

    /// As [`stop`](Self::stop), but the lock stays held, and the file where it is: this process shares
    /// them with the daemon.
    pub(crate) fn end_process(&self, timeout: Duration) -> Result<(), Error> {
        match self.find()? {
            Found::Starting(Some(holder)) | Found::Running(holder) => {
                self.end_holder(&holder, timeout, &mut || ()).map(drop)
            }
            // Nothing was started, or it is the supervisor's.
            _ => Ok(()),
        }
    }

    /// Ends the process, and what is left of its group.
    fn end_holder(
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

    /// Sends a signal without checking that the daemon handles it.
    ///
    /// # Errors
    ///
    /// [`NotRunning`](crate::ErrorKind::NotRunning);
    /// [`OutOfReach`](crate::ErrorKind::OutOfReach): the daemon cannot be identified, or this process
    /// may not signal it.
    ///
    /// ```no_run
    /// use daemon::{Control, Signal};
    ///
    /// Control::new("/run/hello.pid").signal(Signal::SIGUSR2)?;
    /// # Ok::<(), daemon::Error>(())
    /// ```
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        self.send("signal", signal, |_| Ok(()))
    }

    /// Tells the daemon to read its configuration again: SIGHUP, if it has a handler for it. A
    /// program without one would die of it.
    ///
    /// A program that takes the signal by `sigwait(3)` or `signalfd(2)` has no handler that can be
    /// seen: SIGHUP kills it if one of its threads does not block the signal. Install a handler that
    /// does nothing, or use [`signal`](Self::signal), which does not ask.
    ///
    /// # Errors
    ///
    /// As [`signal`](Self::signal); [`OutOfReach`](crate::ErrorKind::OutOfReach) also where there
    /// is no handler.
    ///
    /// ```no_run
    /// daemon::Control::new("/run/hello.pid").reload()?;
    /// # Ok::<(), daemon::Error>(())
    /// ```
    pub fn reload(&self) -> Result<(), Error> {
        self.signal_if_caught("reload", Signal::SIGHUP)
    }

    /// Sends a signal that the daemon must have a handler for.
    pub(crate) fn signal_if_caught(&self, step: &str, signal: Signal) -> Result<(), Error> {
        self.send(step, signal, |holder| match holder.catches(signal) {
            Some(true) => Ok(()),
            is_caught => Err(Error::not_caught(holder.pid(), signal, is_caught)),
        })
    }

    fn send(
        &self,
        step: &str,
        signal: Signal,
        check: impl FnOnce(&Holder) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let holder = match self.find()? {
            Found::NoFile | Found::Unlocked(_) => {
                return Err(Error::not_running(step, &self.pid_file));
            }
            Found::Starting(None) => return Err(self.no_pid_yet()),
            Found::Restarting(_, due) => {
                return Err(Error::restart_due(step, &self.pid_file, due));
            }
            Found::Starting(Some(holder)) => match Supervisor::of(&holder) {
                Supervisor::None => holder,
                Supervisor::Seen(_) | Supervisor::Unseen => {
                    return Err(Error::being_started(step, &self.pid_file));
                }
            },
            Found::Running(holder) => holder,
        };
        self.refuse_unless_certain(&holder)?;
        check(&holder)?;
        match holder.send(signal) {
            Ok(()) => Ok(()),
            Err(Errno::ESRCH) => Err(Error::not_running(step, &self.pid_file)),
            Err(errno) => Err(Error::not_signalled(step, holder.pid(), errno)),
        }
    }

    /// Whether a process holds the lock, whichever it is.
    pub(crate) fn is_locked(&self) -> Result<bool, Error> {
        let failed = |errno: Errno| Error::pid_file_unread(&self.pid_file, errno.into());
        match self.open()? {
            Some(file) => lock::is_held(&file).map_err(failed),
            None => Ok(false),
        }
    }

    /// Opens the PID file to look at it, if there is one.
    fn open(&self) -> Result<Option<File>, Error> {
        if let Some(source) = &self.unresolved {
            resolve(source.clone())?;
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

    fn find(&self) -> Result<Found, Error> {
        let failed = |cause: io::Error| Error::pid_file_unread(&self.pid_file, cause);
        let Some(file) = self.open()? else {
            return Ok(Found::NoFile);
        };
        let begin = Instant::now();
        let mut deadline = begin + PID_WRITE_TIMEOUT;
        let mut named = None;
        let mut is_late = false;
        loop {
            let state = lock::run_state(&file).map_err(|errno| failed(errno.into()))?;
            if state == RunState::Over {
                return Ok(Found::Unlocked(file));
            }
            // A pid that has come at the last moment was not looked at yet.
            if is_late && (named.is_some() || lock::read_pid(&file).is_none()) {
                return match state {
                    RunState::Starting if named.is_none() => {
                        let supervisor = lock::visible_supervisor(&file);
                        let supervisor = supervisor.and_then(|pid| Holder::supervisor(&file, pid));
                        Ok(Found::Starting(supervisor))
                    }
                    _ => Err(self.unproved(&file, named)),
                };
            }
            named = lock::read_pid(&file);
            let mut interval = POLL_INTERVAL;
            match Holder::of(&file) {
                Some(holder) if holder.has_ended() => {
                    // Its parent, a launcher for example, still holds the lock.
                    if Instant::now() >= begin + LOCK_OUTLIVES_TIMEOUT {
                        return Err(self.lock_outlives(&holder));
                    }
                    interval = ENDED_INTERVAL;
                    deadline = begin + LOCK_OUTLIVES_TIMEOUT;
                }
                Some(holder) if state == RunState::Starting => {
                    return Ok(Found::Starting(Some(holder)));
                }
                Some(holder) => {
                    return Ok(match state {
                        RunState::Restarting(due) => Found::Restarting(holder, due),
                        _ => Found::Running(holder),
                    });
                }
                None => {}
            }
            std::thread::sleep(interval);
            // A daemon may have ended while it was looked at, which can take all the time there is.
            is_late = Instant::now() >= deadline;
        }
    }

    /// What is signalled must be the daemon, for certain.
    fn refuse_unless_certain(&self, holder: &Holder) -> Result<(), Error> {
        if !holder.is_certain() {
            return Err(self.unproved(holder.file(), Some(holder.pid())));
        }
        self.refuse_if_planted(holder.file())
    }

    fn unproved(&self, file: &File, named: Option<Pid>) -> Error {
        if let Some(launcher) = lock::stopped_starter(file) {
            return Error::launcher_stopped(&self.pid_file, launcher);
        }
        let holder = lock::visible_holder(file);
        Error::holder_unproved(&self.pid_file, named, holder)
    }

    fn lock_outlives(&self, ended: &Holder) -> Error {
        let other = lock::visible_holder(ended.file());
        Error::lock_outlives(&self.pid_file, ended.pid(), other)
    }

    fn no_pid_yet(&self) -> Error {
        Error::no_pid_yet(&self.pid_file)
    }

    /// Others could have made any process hold the lock of their file: a set-user-ID program that
    /// they start, for example. So root does not signal what such a file names.
    fn refuse_if_planted(&self, file: &File) -> Result<(), Error> {
        let metadata = file
            .metadata()
            .map_err(|cause| Error::pid_file_unread(&self.pid_file, cause))?;
        trust::check_way(&self.pid_file, None)
            .and_then(|()| trust::check_pid_file(&self.pid_file, &metadata))
            .map_err(|untrusted| Error::pid_file_distrusted(&self.pid_file, &untrusted))
    }

    /// Removes what an ended daemon has left, or a killed start. What stays means nothing.
    fn remove_stale(&self, left: Option<&File>) {
        // In a directory of another user a name may lead anywhere.
        if trust::check_way(&self.pid_file, None).is_ok() {
            pid_file::remove_stale(&self.pid_file, left);
        }
    }
}

/// Waits for the end of the daemon, and pins the processes that it starts on its way out.
fn exits_within(
    holder: &Holder,
    timeout: Duration,
    mut group: Option<&mut ProcessGroup<'_>>,
    waits: &mut dyn FnMut(),
) -> bool {
    let begin = Instant::now();
    let mut interval = SHORTEST_LOOK_INTERVAL;
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
        interval = (interval * 2).min(LONGEST_LOOK_INTERVAL);
    }
}

fn resolve(pid_file: PathSource) -> Result<PathBuf, Error> {
    let argv0 = std::env::args_os().next().unwrap_or_default();
    let context = PathContext::of_this_process(&argv0, !sys::image::is_secure());
    let path = path_template::resolve(Object::PidFile, pid_file, &context)?;
    Ok(path.into_path())
}

/// No link is followed, no FIFO waited for.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(NO_FOLLOW.bits());
    options
}
