//! `control_flag`: the control verbs on the command line, and what they print.

mod configured;
mod other_user;
mod restart;
mod rotate;
mod running_arguments;
mod running_log;
mod stop;
mod stop_and_start;
mod takeover;

use std::ffi::OsString;

use nix::unistd::Pid;

use crate::client::{self, StartOutcome};
use crate::control::{Control, Status};
use crate::daemon::Daemon;
use crate::enter::report_and_exit;
use crate::error::{Error, ErrorKind, shown};
use crate::launcher::report;
use crate::log_file;
use crate::log_view;
use crate::option_check;
use crate::program_name;
use crate::signal::Signal;
use crate::sys;
use crate::unit_file::{Manager, UnitFile};
use crate::value_flags::CONTROL_FLAG;
use crate::verb::Verb;
use configured::{control, where_it_looked};
use restart::restart;
use rotate::rotate;
use running_log::log_of;
use stop::{StopNotice, stop};

impl Daemon {
    /// A flag that takes a control verb, as in `prog -s stop`. Default: none.
    ///
    /// The attribute lists the verbs. Most of them find the daemon by its PID file. Only
    /// [`enter`](Self::enter) reads the flag; another program uses [`control`](Self::control).
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
}

/// Carries out a control verb; returns the exit status.
fn run(settings: &mut Daemon, verb: Verb, arguments: Vec<OsString>) -> Result<u8, Error> {
    let stop_timeout = settings.settings.stop_timeout;
    // Only this path is resolved: a daemon whose user was deleted can still be stopped.
    let control = || control(settings, arguments.first().cloned());
    match verb {
        Verb::Status => status(&control()?),
        Verb::Start => start_if_not_running(settings, &arguments),
        Verb::Stop => {
            let control = control()?;
            let notice = StopNotice::of(&control, settings.settings.syslog);
            notice.tell(&settings.capabilities, stop(&control, stop_timeout)?);
            Ok(0)
        }
        Verb::Reload => {
            refuse_reload_that_reopens(settings)?;
            control()?.reload().map(|()| 0)
        }
        Verb::Reopen => reopen(&control()?, settings.settings.log_reopen).map(|()| 0),
        Verb::Restart => Err(restart(settings, arguments, stop_timeout)?),
        Verb::Rotate => rotate(settings, arguments.first().cloned()).map(|()| 0),
        Verb::Unit => print_unit(settings, arguments, Manager::System),
        Verb::UserUnit => print_unit(settings, arguments, Manager::User),
        Verb::Log(view) => {
            let control = control()?;
            let log = log_of(settings, arguments.first().cloned(), &control)?;
            let log = log_file::target_of(&log)?;
            // A user that was deleted owns no log.
            let daemon = settings.identity().ok().flatten().map(|user| user.uid);
            log_view::show(&log, daemon, view, || control.is_locked()).map(|()| 0)
        }
    }
}

/// `start`: as the switch, but a daemon that runs already is no error, and it waits
/// for a start in progress.
fn start_if_not_running(settings: &mut Daemon, arguments: &[OsString]) -> Result<u8, Error> {
    let control = control(settings, arguments.first().cloned())?;
    match client::find_or_start(settings, arguments, &control, false)? {
        StartOutcome::Running(_, status) => {
            report::answer(&status.to_string());
            Ok(0)
        }
        StartOutcome::Launched(launched, _signals) => report_and_exit(launched),
    }
}

/// `unit` and `user-unit`.
fn print_unit(
    settings: &mut Daemon,
    arguments: Vec<OsString>,
    manager: Manager,
) -> Result<u8, Error> {
    let unit = UnitFile::new(settings, arguments, manager)?;
    report::print(&unit.to_text())?;
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
    report::print(&program_name::line(&format!("{status}{more}")))?;
    Ok(status.exit_status())
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
    Err(Error::new(ErrorKind::OutOfReach, what, reason))
}

/// `reopen`: the signal on which the daemon reopens its log.
fn reopen(control: &Control, signal: Option<Signal>) -> Result<(), Error> {
    let signal = signal.ok_or_else(Error::no_reopen_signal)?;
    control.signal_if_caught("reopen the log of", signal)
}
