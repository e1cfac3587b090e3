//! What can be done with a daemon that is there, by its PID file: asking, stopping, signalling.

mod daemon_user;
mod evidence;
mod failure;
mod find;
mod holder;
mod known_supervisor;
mod pid_file_state;
mod process_group;
mod rotated;
mod status;
mod stop;
mod supervised;
mod verdict;

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::error::Error;
use crate::kill_mode::KillMode;
use crate::lock;
use crate::path_context::PathContext;
use crate::path_source::PathSource;
use crate::path_template;
use crate::settings::Object;
use crate::signal::Signal;
use crate::sys;
use holder::Holder;
use known_supervisor::KnownSupervisor;
use pid_file_state::PidFileState;

pub(crate) use daemon_user::DaemonUser;
pub(crate) use rotated::ControlledDaemon;
pub use status::{Status, Stopped, Supervision};
pub(crate) use verdict::Verdict;

/// The control of a daemon by the path of its PID file, from any process.
///
/// The lock of the file decides whether there is a daemon. A process is signalled only when it is
/// seen to hold that lock, never because of the pid in the file; see `pidfd_open(2)`. Where the
/// system does not show the holder, for example to root in a container, no other process may be
/// seen to hold the lock, the process must have started when the pid was written, and it must
/// belong to the user of this process; [`Daemon::control`](crate::Daemon::control) knows the user
/// that the option `user` gives to the daemon. Systems other than Linux show neither; there the pid
/// in the locked file is used. Nothing here waits for a pid to vanish, and on Linux nothing but
/// [`stop`](Self::stop) ever takes the lock.
///
/// ```
/// let hello = daemon::Control::new("/run/hello.pid");
/// println!("{}", hello.status()?);
/// # Ok::<(), daemon::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Control {
    pid_file: PathBuf,
    /// A path that cannot be resolved: each method reports the error.
    unresolved: Option<PathSource>,
    stop_signal: Signal,
    kill_mode: KillMode,
    user: DaemonUser,
    expects_supervisor: bool,
}

impl Control {
    /// The daemon with this PID file. Opens no file. [`Daemon::control`](crate::Daemon::control)
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
        let resolved = resolve(&source);
        Self {
            unresolved: resolved.is_err().then_some(source),
            pid_file: resolved.unwrap_or_default(),
            stop_signal: Signal::SIGTERM,
            kill_mode: KillMode::default(),
            user: DaemonUser::default(),
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

    /// Sets the user that the daemon becomes.
    pub(crate) fn run_by(mut self, user: DaemonUser) -> Self {
        self.user = user;
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
        self.look().map(|(status, _)| status)
    }

    /// As [`status`](Self::status), and the process that has the arguments of the daemon: the daemon, or
    /// its supervisor.
    pub(crate) fn look(&self) -> Result<(Status, Option<Pid>), Error> {
        let state = self.find()?;
        let pid = state.pid(&self.user);
        let status = match state {
            PidFileState::NoFile => Status::NotRunning,
            // Without a pid no daemon has crashed: it has ended, or never begun.
            PidFileState::Unlocked(file) => match lock::read_pid(&file) {
                Some(_) => Status::StalePidFile,
                None => Status::NotRunning,
            },
            PidFileState::Starting(holder) => Status::Starting {
                pid: holder
                    .map(|holder| holder.pid())
                    .filter(|pid| !lock::is_supervisor(*pid))
                    .map(|pid| pid.as_raw().unsigned_abs()),
            },
            PidFileState::Restarting(holder, due) => Status::Restarting {
                due,
                supervision: self.supervision_of(&holder),
            },
            PidFileState::Running(holder) => Status::Running {
                pid: holder.pid().as_raw().unsigned_abs(),
                since: holder.since(),
                supervision: self.supervision_of(&holder),
            },
            PidFileState::Ending(_) => Status::Ending,
        };
        Ok((status, pid))
    }

    /// The supervisor of the run that is up.
    pub(crate) fn supervisor(&self) -> Result<Option<Pid>, Error> {
        let state = self.find()?;
        let run = state.holder();
        let supervisor = run.and_then(|run| Holder::parent_supervisor(run, &self.user));
        Ok(supervisor.map(|supervisor| supervisor.pid()))
    }

    /// The file that the standard output of the running daemon leads to, if that can be seen: its log.
    ///
    /// The daemon can change that: a daemon of another user can lead its output to a file that only
    /// this process may read. Do not open the file with more rights than the daemon has. During a
    /// rotation the result is the old log.
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
            PidFileState::Starting(Some(holder)) | PidFileState::Running(holder) => {
                sys::process::output_of(holder.pid())
            }
            _ => None,
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
    /// program without one would be killed.
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
            PidFileState::NoFile | PidFileState::Unlocked(_) | PidFileState::Ending(_) => {
                return Err(Error::not_running(step, &self.pid_file));
            }
            PidFileState::Starting(None) => return Err(Error::no_pid_yet(&self.pid_file)),
            PidFileState::Restarting(_, due) => {
                return Err(Error::restart_due(step, &self.pid_file, due));
            }
            PidFileState::Starting(Some(holder)) => {
                match KnownSupervisor::of(&holder, &self.user) {
                    KnownSupervisor::None => holder,
                    KnownSupervisor::Seen(_) | KnownSupervisor::Unseen => {
                        return Err(Error::being_started(step, &self.pid_file));
                    }
                }
            }
            PidFileState::Running(holder) => holder,
        };
        let sent = self
            .refuse_unless_certain(&holder)
            .and_then(|()| check(&holder))
            .and_then(|()| match holder.send(signal) {
                Ok(()) => Ok(()),
                Err(Errno::ESRCH) => Err(Error::not_running(step, &self.pid_file)),
                Err(errno) => Err(Error::not_signalled(step, holder.pid(), errno)),
            });
        match sent {
            // The daemon has ended while it was looked at, and its supervisor starts it again.
            Err(_) if holder.has_ended() && lock::is_supervised(holder.file()) => {
                Err(Error::restart_due(step, &self.pid_file, None))
            }
            Err(_) if holder.has_ended() => Err(Error::not_running(step, &self.pid_file)),
            sent => sent,
        }
    }
}

fn resolve(pid_file: &PathSource) -> Result<PathBuf, Error> {
    let argv0 = std::env::args_os().next().unwrap_or_default();
    let context = PathContext::of_this_process(&argv0, !sys::image::is_secure());
    let path = path_template::resolve(Object::PidFile, pid_file, &context)?;
    Ok(path.path)
}
