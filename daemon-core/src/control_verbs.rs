//! `control_flag`: the control verbs on the command line, and what they print.

mod stop_and_start;
mod takeover;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use crate::capabilities::Capabilities;
use crate::client::{self, Found};
use crate::command_line;
use crate::control::{Control, DaemonAsWriter, Status, Stopped};
use crate::daemon::Daemon;
use crate::enter::{report_and_exit, start};
use crate::error::{Error, ErrorKind, shown};
use crate::launcher::{StatusLine, preflight, report};
use crate::log_file;
use crate::log_rotation::{REOPEN_TIMEOUT, RotationConfig};
use crate::log_view;
use crate::option_check;
use crate::path_template::{self, Resolved};
use crate::settings::{Object, Settings};
use crate::signal::Signal;
use crate::sys;
use crate::syslog::Severity;
use crate::systemd;
use crate::unit_file::{Manager, UnitFile};
use crate::value_flags::{CONTROL_FLAG, LOG_FLAG};
use crate::verb::Verb;
use takeover::{is_log, not_restarted, own_log, take_over};

/// What `stop` shows on a terminal.
const WAITING: &str = "waiting until the daemon has ended";

impl Daemon {
    /// A flag that takes a control verb, as in `prog -s stop`. Default: none.
    ///
    /// The verbs are `start`, `status`, `stop`, `reload`, `reopen`, `restart`, `rotate` and `log`, which find the
    /// daemon by its PID file, and `unit` and `user-unit`, which print a systemd unit. Only [`enter`](Self::enter) reads the flag; another program uses
    /// [`control`](Self::control).
    ///
    /// ```
    /// use daemon::Daemon;
    ///
    /// let _daemon = Daemon::new().pid("/run/hello.pid").control_flag("-s").enter();
    /// ```
    pub fn control_flag(mut self, flag: impl Into<OsString>) -> Self {
        self.set_value_flag(&CONTROL_FLAG, flag.into());
        self.run_verb = Some(run);
        self
    }

    /// Makes the control verbs the first word of the program, as in `prog stop`. Default: none.
    ///
    /// `word` is the first word of a run, such as `run`: `prog start ARGUMENTS` starts a daemon with the
    /// arguments `run ARGUMENTS`, `prog run` runs in the foreground, and the switch works after the word,
    /// as in `prog run -d`. Any other first word belongs to the program, and so do `reopen`, `rotate` and
    /// `log` without [`log_reopen`](Self::log_reopen), [`log_rotate`](Self::log_rotate) and
    /// [`log`](Self::log). The parser of the program must know `run`. It excludes
    /// [`control_flag`](Self::control_flag).
    ///
    /// ```
    /// use daemon::Daemon;
    ///
    /// let _daemon = Daemon::new().pid("/run/hello.pid").control_subcommands("run").enter();
    /// ```
    pub fn control_subcommands(mut self, word: impl Into<OsString>) -> Self {
        let word = word.into();
        self.check
            .note("control_subcommands", option_check::run_word(&word));
        self.control_subcommands = Some(word);
        self.run_verb = Some(run);
        self
    }

    /// The control of the daemon that has this PID file.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration): there is no PID file, its path cannot be
    /// resolved, or an option has a value that the attribute refuses.
    ///
    /// ```
    /// use daemon::{Daemon, PathSource};
    ///
    /// let hello = Daemon::new().pid(PathSource::template("{pid_dir}/hello.pid"));
    /// println!("{}", hello.control()?.status()?);
    /// # Ok::<(), daemon::Error>(())
    /// ```
    pub fn control(&self) -> Result<Control, Error> {
        self.check.result()?;
        control(self, std::env::args_os().next())
    }
}

fn control(settings: &Daemon, argv0: Option<OsString>) -> Result<Control, Error> {
    let source = settings.paths.pid.clone();
    let source = source.ok_or_else(Error::no_pid_file)?;
    let context = settings.path_context(&argv0.unwrap_or_default());
    let path = path_template::resolve(Object::PidFile, source, &context)?;
    Ok(with_settings(path.into_path(), &settings.settings))
}

fn with_settings(pid_file: PathBuf, settings: &Settings) -> Control {
    Control::new(pid_file)
        .stop_signal(settings.stop_signal)
        .kill_mode(settings.kill_mode)
        .expect_supervisor(settings.restart.is_some())
}

/// Carries out a control verb; returns the exit status.
fn run(settings: Daemon, verb: Verb, arguments: Vec<OsString>) -> Result<u8, Error> {
    let stop_timeout = settings.settings.stop_timeout;
    // Only this path is resolved: a daemon whose user was deleted can still be stopped.
    let control = || control(&settings, arguments.first().cloned());
    match verb {
        Verb::Status => status(&control()?),
        Verb::Start => start_if_not_running(&settings, &arguments),
        Verb::Stop => {
            let stopped = stop(&control()?, stop_timeout)?;
            tell_stopped(&settings.capabilities, settings.settings.syslog, stopped);
            Ok(0)
        }
        Verb::Reload => {
            refuse_reload_that_reopens(&settings)?;
            control()?.reload().map(|()| 0)
        }
        Verb::Reopen => reopen(&control()?, settings.settings.log_reopen).map(|()| 0),
        Verb::Restart => Err(restart(settings, arguments, stop_timeout)?),
        Verb::Rotate => rotate(&settings, arguments.first().cloned()).map(|()| 0),
        Verb::Unit => print_unit(settings, arguments, Manager::System),
        Verb::UserUnit => print_unit(settings, arguments, Manager::User),
        Verb::Log(view) => {
            let control = control()?;
            let log = log_of(&settings, arguments.first().cloned(), &control)?;
            let log = log_file::target_of(&log)?;
            log_view::show(&log, view, || control.is_locked()).map(|()| 0)
        }
    }
}

/// `rotate`: the log gets another name if it has the size, and the daemon opens a new one.
fn rotate(settings: &Daemon, argv0: Option<OsString>) -> Result<(), Error> {
    let options = &settings.settings;
    let configured = options.log_rotate.zip(options.log_reopen);
    let rotation = settings.capabilities.log_rotation.zip(configured);
    let (rotation, (size, signal)) = rotation.ok_or_else(Error::no_log_size)?;
    let control = control(settings, argv0.clone())?;
    let log = log_of(settings, argv0, &control)?;
    let user = settings.identity()?;
    let config = RotationConfig {
        pid_file: control.pid_file().to_owned(),
        log: log_file::target_of(&log)?,
        size,
        keep: options.log_keep,
        mode: options.log_mode,
        owner: user.map(|user| (user.uid, user.gid)),
        signal,
        reopen_timeout: REOPEN_TIMEOUT,
    };
    (rotation.rotate)(config, &mut DaemonAsWriter::new(&control))
}

/// The log of the daemon. Where the user of the program can choose it, it is the one that a running
/// daemon has.
fn log_of(settings: &Daemon, argv0: Option<OsString>, control: &Control) -> Result<PathBuf, Error> {
    let source = settings.paths.log.clone();
    let is_open = settings.value_flags.of(&LOG_FLAG).is_some() && !settings.log_is_chosen;
    let context = settings.path_context(&argv0.unwrap_or_default());
    let resolved = source.map(|source| path_template::resolve(Object::Log, source, &context));
    let resolved = resolved.transpose()?.map(Resolved::into_path);
    let own = match control.status().map(|status| pid_of(control, status)) {
        Ok(Some(pid)) if is_open => own_log(pid),
        _ => None,
    };
    // Between the two steps of a rotation the daemon still has the old one.
    let own = own.filter(|own| !resolved.as_ref().is_some_and(|log| is_log(log, own)));
    own.or(resolved).ok_or_else(|| {
        let what = "cannot find the log";
        Error::words(ErrorKind::Configuration, what, "no log is configured")
    })
}

/// `start`: as the switch, but a daemon that runs already is no error, and a start that is under way
/// is waited for.
fn start_if_not_running(settings: &Daemon, arguments: &[OsString]) -> Result<u8, Error> {
    let control = control(settings, arguments.first().cloned())?;
    match client::find_or_start(settings, arguments, &control, false)? {
        Found::Running(_, status) => {
            report::answer(&status.to_string());
            Ok(0)
        }
        Found::Launched(launched, _interrupts) => report_and_exit(launched),
    }
}

/// `restart`; returns why the start failed.
fn restart(
    mut settings: Daemon,
    mut arguments: Vec<OsString>,
    timeout: Duration,
) -> Result<Error, Error> {
    // Everything is checked first, so that a bad configuration does not stop the running daemon.
    let control = control(&settings, arguments.first().cloned())?;
    if let Some(pid) = replaceable(&settings, &control)? {
        if !command_line::has_arguments(&settings, &arguments) {
            take_over(&mut settings, &mut arguments, pid, &control)?;
        }
    }
    exchange(settings, arguments, || stop(&control, timeout))
}

/// The process that has the arguments of the daemon, if there is one that may be stopped.
fn replaceable(settings: &Daemon, control: &Control) -> Result<Option<Pid>, Error> {
    let status = control.status()?;
    if matches!(status, Status::Starting { .. }) && settings.settings.restart.is_some() {
        return Err(Error::still_starting(control.pid_file()));
    }
    let pid = pid_of(control, status);
    if let Some(pid) = pid {
        refuse_managed(settings, pid)?;
    }
    Ok(pid)
}

/// Stops the old daemon and starts the new one; returns why the start failed.
fn exchange(
    settings: Daemon,
    arguments: Vec<OsString>,
    stop: impl FnOnce() -> Result<Stopped, Error>,
) -> Result<Error, Error> {
    let config = settings.into_config(arguments)?;
    preflight::check(false)?;
    let stopped = stop()?;
    tell_stopped(&config.capabilities, config.settings.syslog, stopped);
    let error = start(config);
    Ok(match stopped {
        Stopped::NotRunning => error,
        _ => error.after_stop(),
    })
}

/// The process that has the arguments of the daemon: the daemon, or its supervisor.
fn pid_of(control: &Control, status: Status) -> Option<Pid> {
    match status {
        Status::Running { pid, .. } => i32::try_from(pid).ok().map(Pid::from_raw),
        Status::Restarting { .. } => control.named_pid(),
        _ => None,
    }
}

/// A daemon that systemd manages would come up outside of its unit, and a program in the foreground
/// would leave it.
fn refuse_managed(settings: &Daemon, pid: Pid) -> Result<(), Error> {
    if let Some(unit) = systemd::unit_run_by(pid) {
        return Err(Error::run_by_systemd(&unit));
    }
    if settings.lock_in_foreground.is_some() && sys::process::is_detached(pid) == Some(false) {
        let reason = "it runs in the foreground; start it again there";
        return Err(not_restarted(pid, reason));
    }
    Ok(())
}

/// `unit` and `user-unit`.
fn print_unit(settings: Daemon, arguments: Vec<OsString>, manager: Manager) -> Result<u8, Error> {
    let unit = UnitFile::new(settings, arguments, manager)?;
    report::output(unit.to_text().as_bytes());
    for text in unit.warnings() {
        report::line(&text);
    }
    Ok(0)
}

/// `status`.
fn status(control: &Control) -> Result<u8, Error> {
    let status = control.status()?;
    // The log that the daemon has: it may have been started with another one than this command names.
    let log = match status {
        Status::Running { pid, .. } => i32::try_from(pid)
            .ok()
            .and_then(|pid| sys::process::output_of(Pid::from_raw(pid))),
        _ => None,
    };
    let more = match status {
        Status::NotRunning => where_it_looked(control),
        _ => log.map_or(String::new(), |log| format!(", log {}", shown(&log))),
    };
    report::answer(&format!("{status}{more}"));
    Ok(status.exit_status())
}

/// `stop`.
fn stop(control: &Control, timeout: Duration) -> Result<Stopped, Error> {
    let mut line = StatusLine::new(WAITING);
    let stopped = control.stop_observed(timeout, &mut || line.show(Instant::now()));
    drop(line);
    let stopped = stopped?;
    let more = match stopped {
        Stopped::NotRunning => where_it_looked(control),
        _ => String::new(),
    };
    report::answer(&format!("{stopped}{more}"));
    Ok(stopped)
}

/// The launcher of the daemon is gone, so the verb tells the system log.
fn tell_stopped(capabilities: &Capabilities, facility: Option<u32>, stopped: Stopped) {
    if stopped != Stopped::NotRunning {
        capabilities.tell(facility, Severity::Notice, &|| stopped.to_string());
    }
}

fn where_it_looked(control: &Control) -> String {
    format!(" (PID file {})", shown(control.pid_file()))
}

/// The handler for SIGHUP would be that of this library, and the program would reload nothing.
fn refuse_reload_that_reopens(settings: &Daemon) -> Result<(), Error> {
    if settings.settings.log_reopen != Some(Signal::SIGHUP) {
        return Ok(());
    }
    let flag = settings.value_flags.of(&CONTROL_FLAG);
    let flag = flag.map_or(String::new(), |flag| format!("{} ", shown(flag.as_ref())));
    let reason = format!("SIGHUP reopens the log of this program; use {flag}reopen");
    let what = "cannot reload the daemon";
    Err(Error::words(ErrorKind::OutOfReach, what, reason))
}

/// `reopen`: the signal on which the daemon reopens its log.
fn reopen(control: &Control, signal: Option<Signal>) -> Result<(), Error> {
    let signal = signal.ok_or_else(Error::no_reopen_signal)?;
    control.signal_if_caught("reopen the log of", signal)
}
