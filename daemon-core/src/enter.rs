//! Decides whether this process is the launcher, the daemon, a foreground program or a verb.

mod config;

use std::mem::{self, ManuallyDrop};
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;

use crate::command_line::{self, Chosen, Invocation};
use crate::daemon::Daemon;
use crate::error::Error;
use crate::exec;
use crate::handoff::{self, Carried, DaemonEnd, Outcome, Record, StartStep};
use crate::launcher::{self, LaunchConfig, Launched, failure, report};
use crate::post_exec;
use crate::readiness::notify;
use crate::running::{self, Origin, OwnPidFile, Running};
use crate::standard_streams::BufferedOutput;
use crate::sys;

impl Daemon {
    /// Reads the command line and runs as launcher, daemon, foreground program or control command.
    ///
    /// Without the switch, and in the daemon, it returns and the program runs. With the switch this
    /// process is the launcher: it starts the daemon, waits until the daemon is ready, and exits with
    /// 0 or with the status of the failure. With a control verb it carries that out and exits.
    /// If two options claim one flag or cannot be combined, it exits with 78.
    ///
    /// Call it first in `main`, before there are threads, open files or children.
    ///
    /// ```
    /// use daemon::Daemon;
    ///
    /// let _daemon = Daemon::new().pid("/run/hello.pid").log("/var/log/hello.log").enter();
    /// println!("hello");
    /// ```
    #[expect(clippy::must_use_candidate, reason = "a mark, which may be dropped")]
    pub fn enter(self) -> Running {
        #[cfg(feature = "clap")]
        crate::clap::remember_flags(&self);
        // A process enters once. To drop the settings would be code in every program.
        let mut settings = ManuallyDrop::new(self);
        settings.try_enter().unwrap_or_else(|error| give_up(&error))
    }

    fn try_enter(&mut self) -> Result<Running, Error> {
        if let Some(running) = take_handoff(self) {
            return Ok(running);
        }
        match command_line::read(self, std::env::args_os)? {
            Invocation::Foreground => {
                if let Some(lock) = self.lock_in_foreground {
                    lock(self)?;
                }
                Ok(Running::new())
            }
            Invocation::InPlace { argv } => Err(launcher::exec_in_place(argv)),
            Invocation::Background { argv, chosen } => {
                self.complete(chosen)?;
                Err(start(&mut ManuallyDrop::new(self.take_config(argv)?)))
            }
            Invocation::Control { verb, argv, chosen } => {
                let Some(run) = self.run_verb else {
                    return Ok(Running::new());
                };
                self.complete(chosen)?;
                let status = run(self, verb, argv)?;
                sys::exit::exit(status)
            }
        }
    }

    /// Starts the daemon, in a program that reads its command line itself.
    ///
    /// In the launcher it reports and exits: with 0 once the daemon is ready, else with the status of
    /// the [`Error`]. In the daemon it returns, and the program continues. The hand-off decides which of
    /// the two this process is. The daemon gets the same command line, with the program's own switch
    /// in it, and comes here again.
    ///
    /// The code before this call runs twice: in the launcher and in the daemon. Open a port or
    /// truncate a file after it. Ask the user in [`before_start`](Self::before_start), which runs in
    /// the launcher, once for each start.
    ///
    /// The launcher may have threads and any amount of memory: neither passes to the daemon. In the
    /// daemon, call it before there are threads and children: the variable of the hand-off can be
    /// removed only while there is one thread.
    ///
    /// The launcher ends by `exit(3)`: exit handlers run and buffers are flushed, destructors do not
    /// run.
    ///
    /// ```
    /// use daemon::Daemon;
    ///
    /// if std::env::args().any(|word| word == "--detach") {
    ///     let _daemon = Daemon::new().pid("/run/hello.pid").start();
    /// }
    /// println!("hello");
    /// ```
    #[expect(clippy::must_use_candidate, reason = "a mark, which may be dropped")]
    pub fn start(self) -> Running {
        self.try_start().unwrap_or_else(|error| give_up(&error))
    }

    /// As [`start`](Self::start), but returns the error in the launcher.
    ///
    /// # Errors
    ///
    /// In the launcher alone, of any kind that [`ErrorKind`](crate::ErrorKind) lists. The daemon is
    /// gone then, and the launcher's signal mask and the actions of SIGCHLD and of the signals that
    /// interrupt a start are restored. [`Error::output`] is what the daemon wrote to the log.
    ///
    /// ```no_run
    /// use daemon::Daemon;
    ///
    /// match Daemon::new().pid("/run/hello.pid").try_start() {
    ///     Ok(_running) => println!("hello"),
    ///     Err(error) => eprintln!("the daemon did not start: {error}"),
    /// }
    /// ```
    pub fn try_start(mut self) -> Result<Running, Error> {
        if let Some(running) = take_handoff(&self) {
            return Ok(running);
        }
        self.complete(Chosen::default())?;
        let mut config = self.take_config(std::env::args_os().collect())?;
        Err(start(&mut config))
    }
}

/// Starts the daemon, and ends this process if that succeeds; returns why it failed.
pub(crate) fn start(config: &mut LaunchConfig) -> Error {
    match launcher::launch(config) {
        // The daemon is up, so an interrupt comes too late: signals stay caught to the end.
        Ok((launched, _signals)) => report_and_exit(launched),
        Err(error) => error,
    }
}

/// Ends the launcher after a start that has succeeded.
pub(crate) fn report_and_exit(launched: Launched) -> ! {
    match launched {
        Launched::Up {
            pid,
            log,
            status,
            addresses,
            announced,
        } => {
            report::output(&announced);
            report::up(pid, log.as_deref(), status.as_deref(), addresses.as_deref());
        }
        Launched::Finished { output, announced } => {
            report::output(&output);
            report::output(&announced);
        }
    }
    sys::exit::exit(0)
}

/// Says why, and ends this process with the right status, or by the right signal.
pub(crate) fn give_up(error: &Error) -> ! {
    report::failure(error);
    if let Some(signal) = error.signal() {
        crate::signals::die_by(signal);
    }
    sys::exit::exit(error.exit_status())
}

/// Becomes the supervisor of the daemon.
fn supervise(settings: &Daemon, record: &mut Record, launcher: DaemonEnd) -> ! {
    let Some(supervision) = settings.supervision else {
        let step = StartStep::MissingCapability;
        launcher.answer(Outcome::Failed(step, Errno::ENOSYS));
        sys::exit::exit(failure::missing_capability().exit_status())
    };
    let record = mem::take(record);
    let named = (settings.capabilities, settings.readiness.mode());
    (supervision.become_supervisor)(record, launcher, named)
}

/// Becomes the daemon, if this process was started as the daemon. Exits if a step fails.
pub(crate) fn take_handoff(settings: &Daemon) -> Option<Running> {
    static TAKING: Mutex<()> = Mutex::new(());
    // Threads of the daemon may come here at once: the others wait until it is the daemon.
    let _taking = TAKING.lock().unwrap_or_else(PoisonError::into_inner);
    if running::is_daemon() {
        return Some(Running::new());
    }
    let capabilities = &settings.capabilities;
    let (record, launcher) = handoff::take()?;
    let held = record.settings.log_reopen;
    if record.supervisor.is_some() {
        supervise(settings, record, launcher);
    }
    let is_after_exec = record.carried.is_some();
    if is_after_exec {
        post_exec::drop_unused(record, capabilities);
    }
    let taken = keep_lock(record).and_then(|()| post_exec::take_steps(record, capabilities));
    launcher.answer(match taken {
        Ok(log_errno) => Outcome::Done { log_errno },
        Err((step, errno)) => Outcome::Failed(step, errno),
    });
    if is_after_exec {
        post_exec::let_in(held);
    }
    let carried = record.carried.as_ref().and_then(Carried::take_launcher);
    notify::remember_launcher(carried.unwrap_or(launcher), record.is_announced);
    if let Err((step, errno)) = taken {
        let error = failure::step_failed(step, errno, record, capabilities);
        if is_after_exec {
            give_up(&error);
        }
        // The launcher reports it.
        sys::exit::exit(error.exit_status())
    }
    if let Some((path, lock)) = record.paths.pid.clone().zip(record.pid_descriptor) {
        running::set_pid_file(OwnPidFile {
            path,
            lock,
            id: sys::descriptors::file_id(lock),
            owner: std::process::id(),
            // A supervisor keeps the file.
            is_emptied: record.settings.restart.is_none(),
        });
    }
    let buffered_output = record.buffers_output.then(BufferedOutput::of_this_process);
    running::set_origin(Origin {
        start_dir: record.start_dir.clone(),
        log_file: record.paths.log.clone(),
        buffered_output: buffered_output.flatten(),
    });
    exec::prepare(record);
    Some(Running::new())
}

/// Keeps the lock from the daemon's children. The descriptor is not moved: a process that looks for it
/// in `/proc` would miss it in between.
fn keep_lock(record: &Record) -> Result<(), (StartStep, Errno)> {
    let kept = record.pid_descriptor.map(sys::descriptors::close_on_exec);
    kept.unwrap_or(Ok(()))
        .map_err(|errno| (StartStep::PidFile, errno))
}
