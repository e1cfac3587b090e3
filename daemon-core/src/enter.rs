//! Which role is this process in, and what follows from it.

use std::ffi::{OsStr, OsString};

use nix::errno::Errno;

use crate::capabilities::Capabilities;
use crate::command_line::{self, Chosen, Invocation};
use crate::daemon::Daemon;
use crate::error::Error;
use crate::files::FileId;
use crate::handoff::{self, Outcome, Record, StartStep};
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
        match take_handoff(&self.capabilities) {
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
                let Some(run) = self.run_verb else {
                    return Running::new();
                };
                match run(self.configured(chosen), verb, argv) {
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
        match take_handoff(&self.capabilities) {
            Ok(Some(running)) => Ok(running),
            Ok(None) => {
                let settings = self.configured(Chosen::default());
                Err(start_with(settings, std::env::args_os().collect()))
            }
            Err(error) => sys::exit::exit(error.exit_status()),
        }
    }

    /// The settings after the program's function has had the last word, and the user of the
    /// program the very last.
    fn configured(mut self, chosen: Chosen) -> Self {
        if let Some(configure) = self.configure.take() {
            let installed = self.capabilities;
            self = configure(self);
            self.capabilities.merge(installed);
        }
        if let Some(path) = chosen.pid_file {
            self.paths.pid = Some(PathSource::from(path));
        }
        if let Some(path) = chosen.log_file {
            self.paths.log = Some(PathSource::from(path));
        }
        if chosen.ready_timeout.is_some() {
            self.settings.ready_timeout = chosen.ready_timeout;
        }
        self
    }

    pub(crate) fn into_config(mut self, arguments: Vec<OsString>) -> Result<LaunchConfig, Error> {
        self.env.check()?;
        if self.user.is_some() || self.group.is_some() {
            let (user, group) = (self.user.as_deref(), self.group.as_deref());
            let privileges = self.capabilities.privileges;
            let look_up = privileges.ok_or_else(failure::missing_capability)?.look_up;
            self.settings.identity = look_up(user, group)?;
        }
        let argv0 = arguments.first().map(OsString::as_os_str);
        let mut context = path_context(argv0.unwrap_or_default());
        let paths = self.paths.try_map(|object, source| {
            let path = path_template::resolve(object, source, &context)?;
            if object == Object::Root {
                context.enter_new_root();
            }
            Ok(path)
        })?;
        let readiness = self.readiness.resolve(&context)?;
        Ok(LaunchConfig {
            arguments,
            paths,
            settings: self.settings,
            readiness,
            capabilities: self.capabilities,
            env: self.env,
        })
    }
}

/// Starts the daemon, and ends this process if that succeeds; returns why it failed.
fn start_with(settings: Daemon, arguments: Vec<OsString>) -> Error {
    match settings.into_config(arguments) {
        Ok(config) => start(config),
        Err(error) => error,
    }
}

pub(crate) fn start(config: LaunchConfig) -> Error {
    match launcher::launch(config) {
        // The daemon is up, so an interrupt comes too late: signals stay caught to the end.
        Ok((
            Launched::Up {
                pid,
                log,
                status,
                addresses,
            },
            _interrupts,
        )) => {
            report::up(pid, log.as_deref(), status.as_deref(), addresses.as_deref());
            sys::exit::exit(0)
        }
        Ok((Launched::Finished { output }, _)) => {
            report::finished(&output);
            sys::exit::exit(0)
        }
        Err(error) => error,
    }
}

pub(crate) fn path_context(argv0: &OsStr) -> PathContext {
    PathContext::of_this_process(argv0, !sys::image::is_secure())
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
fn take_handoff(capabilities: &Capabilities) -> Result<Option<Running>, Error> {
    if running::is_daemon() {
        return Ok(Some(Running::new()));
    }
    let Some((record, launcher)) = handoff::take() else {
        return Ok(None);
    };
    let taken = keep_lock(&record).and_then(|()| post_exec::take_steps(&record, capabilities));
    launcher.answer(match taken {
        Ok(log_errno) => Outcome::Done { log_errno },
        Err((step, errno)) => Outcome::Failed(step, errno),
    });
    notify::remember_receiver(record.notify_address.as_deref());
    taken.map_err(|(step, errno)| failure::step_failed(step, errno, &record, capabilities))?;
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

/// Keeps the lock from the daemon's children. The descriptor is not moved: a process that looks for it
/// in `/proc` would miss it in between.
fn keep_lock(record: &Record) -> Result<(), (StartStep, Errno)> {
    let kept = record.pid_descriptor.map(sys::descriptors::close_on_exec);
    kept.unwrap_or(Ok(()))
        .map_err(|errno| (StartStep::PidFile, errno))
}
