//! Which role is this process in, and what follows from it.

use std::ffi::OsString;

use nix::errno::Errno;

use crate::command_line::{self, ChosenPaths, Invocation, Verb};
use crate::control::{Control, Stopped, verbs};
use crate::daemon::Daemon;
use crate::error::Error;
use crate::files::FileId;
use crate::handoff::{self, Outcome, Record, StartStep};
use crate::identity;
use crate::launcher::{self, LaunchConfig, Launched, failure, report};
use crate::path_source::PathSource;
use crate::path_template::{self, PathContext};
use crate::post_exec;
use crate::readiness::notify;
use crate::running::{self, OwnPidFile, Running, Started};
use crate::settings::Object;
use crate::standard_streams::BufferedOutput;
use crate::sys;

impl Daemon {
    /// Finds out which role this process is in, and plays it.
    ///
    /// Without the switch on the command line, and in the daemon, it returns a guard, and the
    /// program runs. With the switch this process is the launcher: it starts the daemon, waits
    /// until that is ready, and ends with a status that tells the truth; it never returns. Nor does
    /// it with a control verb, which it carries out. If two options claim one flag, the status is 78.
    ///
    /// Call it first thing in `main`, before there are threads, open files or children.
    pub fn enter(self) -> Running {
        match take_handoff() {
            Ok(Some(running)) => return running,
            Ok(None) => {}
            // The launcher has been told, and tells the user.
            Err(error) => sys::exit::exit(error.exit_status()),
        }
        let asked = command_line::read(&self, std::env::args_os);
        match asked {
            Ok(Invocation::Foreground) => Running::new(),
            Ok(Invocation::InPlace { argv }) => give_up(&launcher::exec_in_place(argv)),
            Ok(Invocation::Background { argv, chosen }) => {
                give_up(&start_with(self.configured(chosen), argv))
            }
            Ok(Invocation::Control { verb, argv, chosen }) => {
                match control(self.configured(chosen), verb, argv) {
                    Ok(status) => sys::exit::exit(status),
                    Err(error) => give_up(&error),
                }
            }
            Err(error) => give_up(&error),
        }
    }

    /// Starts the daemon from a program that reads its command line itself.
    ///
    /// In the launcher it reports and ends the process, with status 0 once the daemon is ready and
    /// else with the status of the [`Error`]. In the daemon it returns a guard, and the program
    /// goes on. It is the hand-off that decides which of the two this process is, so the daemon
    /// gets the command line as it is, with the program's own switch in it, and comes here again.
    ///
    /// Whatever the program does before this call is done twice: once in the launcher, once in the
    /// daemon. What should not be done twice, opening a port, truncating a file or asking the user, is
    /// done after it or in [`configure`](Self::configure), which is called in the launcher alone.
    ///
    /// The launcher may have threads and any amount of memory; neither passes to the daemon nor costs
    /// anything. In the daemon, call it before there are threads and children: the variable by which
    /// the daemon was started is removed only while there is one thread.
    ///
    /// The launcher ends by `exit(3)`. So its exit handlers run and what is in its buffers is written,
    /// once; destructors do not run.
    pub fn start(self) -> Running {
        self.try_start().unwrap_or_else(|error| give_up(&error))
    }

    /// As [`start`](Self::start), but gives the launcher the error back.
    ///
    /// # Errors
    ///
    /// In the launcher alone, and of any kind that [`ErrorKind`](crate::ErrorKind) lists. No
    /// process is left then, and what was changed of this one is given back: the signal mask and
    /// the disposition of SIGCHLD and of the signals that interrupt. What the daemon wrote to the
    /// log is in [`Error::output`].
    pub fn try_start(self) -> Result<Running, Error> {
        match take_handoff() {
            Ok(Some(running)) => Ok(running),
            Ok(None) => {
                let settings = self.configured(ChosenPaths::default());
                Err(start_with(settings, std::env::args_os().collect()))
            }
            Err(error) => sys::exit::exit(error.exit_status()),
        }
    }

    /// The settings after the program's function has had the last word, and the user of the
    /// program the very last.
    fn configured(mut self, chosen: ChosenPaths) -> Self {
        if let Some(configure) = self.configure.take() {
            self = configure(self);
        }
        if let Some(path) = chosen.pid_file {
            self.paths.pid = Some(PathSource::from(path));
        }
        if let Some(path) = chosen.log_file {
            self.paths.log = Some(PathSource::from(path));
        }
        self
    }

    fn into_config(mut self, arguments: Vec<OsString>) -> Result<LaunchConfig, Error> {
        if self.user.is_some() || self.group.is_some() {
            let (user, group) = (self.user.as_deref(), self.group.as_deref());
            self.settings.identity = identity::look_up(user, group)?;
        }
        let mut context = context(&arguments);
        let paths = self.paths.try_map(|object, source| {
            let path = path_template::resolve(object, source, &context)?;
            if object == Object::Root {
                context.enter_new_root();
            }
            Ok(path)
        })?;
        Ok(LaunchConfig {
            arguments,
            paths,
            settings: self.settings,
            readiness: self.readiness,
        })
    }
}

/// Starts the daemon, and ends this process if that succeeds.
fn start_with(settings: Daemon, arguments: Vec<OsString>) -> Error {
    match settings.into_config(arguments) {
        Ok(config) => start(config),
        Err(error) => error,
    }
}

fn start(config: LaunchConfig) -> Error {
    match launcher::launch(config) {
        // An interrupt comes too late now, and is caught to the end: the daemon is up.
        Ok((Launched::Up { pid, log, status }, _interrupts)) => {
            report::up(pid, log.as_deref(), status.as_deref());
            sys::exit::exit(0)
        }
        Ok((Launched::Finished { output }, _)) => {
            report::finished(&output);
            sys::exit::exit(0)
        }
        Err(error) => error,
    }
}

/// Does what a control verb asks for; gives the exit status.
fn control(settings: Daemon, verb: Verb, arguments: Vec<OsString>) -> Result<u8, Error> {
    let stop_timeout = settings.settings.stop_timeout;
    if verb == Verb::Restart {
        // Whatever is wrong with the new start, it shall not cost the old daemon its life.
        let config = settings.into_config(arguments)?;
        let pid_file = config.paths.pid.as_ref().ok_or_else(Error::no_pid_file)?;
        launcher::preflight::check()?;
        let control = Control::new(pid_file.path());
        let stopped = verbs::stop_for_restart(&control, stop_timeout)?;
        let error = start(config);
        return Err(match stopped {
            Stopped::NotRunning => error,
            _ => error.after_stop(),
        });
    }
    // Only these paths: a daemon can be stopped whose user does not exist any more.
    let context = context(&arguments);
    let pid_file = settings.paths.pid.ok_or_else(Error::no_pid_file)?;
    let pid_file = path_template::resolve(Object::PidFile, pid_file, &context)?;
    let control = Control::new(pid_file.into_path());
    match verb {
        Verb::Status => verbs::status(&control),
        Verb::Stop | Verb::Restart => verbs::stop(&control, stop_timeout).map(|_| 0),
        Verb::Reload => control.reload().map(|()| 0),
        Verb::Reopen => verbs::reopen(&control, settings.settings.log_reopen).map(|()| 0),
    }
}

fn context(arguments: &[OsString]) -> PathContext {
    let argv0 = arguments.first().cloned().unwrap_or_default();
    PathContext::of_this_process(&argv0, !sys::image::is_secure())
}

/// Says why, and ends this process with the right status, or by the right signal.
fn give_up(error: &Error) -> ! {
    report::failure(error);
    if let Some(signal) = error.signal() {
        crate::signals::die_by(signal);
    }
    sys::exit::exit(error.exit_status())
}

/// Becomes the daemon, if this process was started to be it.
fn take_handoff() -> Result<Option<Running>, Error> {
    if running::is_daemon() {
        return Ok(Some(Running::new()));
    }
    let Some((record, launcher)) = handoff::take() else {
        return Ok(None);
    };
    let taken = keep_lock(&record).and_then(|()| post_exec::take_steps(&record));
    launcher.answer(match taken {
        Ok(log_errno) => Outcome::Done { log_errno },
        Err((step, errno)) => Outcome::Failed(step, errno),
    });
    notify::remember_receiver(record.notify_address.as_deref());
    taken.map_err(|(step, errno)| failure::step_failed(step, &record, errno))?;
    let pid_file = record
        .paths
        .pid
        .zip(record.pid_descriptor)
        .map(|(path, lock)| OwnPidFile {
            path,
            lock,
            id: (sys::descriptors::metadata(lock).ok()).map(|file| FileId::from(&file)),
            owner: std::process::id(),
        });
    let buffered_output = record.buffers_output.then(BufferedOutput::of_this_process);
    let (start_dir, log_file) = (record.start_dir, record.paths.log);
    running::set_started(Started {
        start_dir,
        pid_file,
        log_file,
        buffered_output: buffered_output.flatten(),
    });
    Ok(Some(Running::new()))
}

/// The daemon's children do not get the lock. Its descriptor stays where it is: while it moved, whoever
/// looks for it in `/proc` would not find it.
fn keep_lock(record: &Record) -> Result<(), (StartStep, Errno)> {
    let kept = record.pid_descriptor.map(sys::descriptors::close_on_exec);
    kept.unwrap_or(Ok(()))
        .map_err(|errno| (StartStep::PidFile, errno))
}
