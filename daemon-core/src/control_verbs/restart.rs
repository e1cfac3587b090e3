//! The verb `restart`.

use std::ffi::OsString;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::configured::control;
use super::stop::{StopNotice, stop};
use super::takeover::take_over;
use crate::command_line;
use crate::control::{Control, Status, Stopped};
use crate::daemon::Daemon;
use crate::enter::start;
use crate::error::Error;
use crate::launcher;
use crate::sys;
use crate::systemd;

/// `restart`; returns why the start failed.
pub(super) fn restart(
    settings: &mut Daemon,
    mut arguments: Vec<OsString>,
    timeout: Duration,
) -> Result<Error, Error> {
    // Everything is checked first, so that a bad configuration does not stop the running daemon.
    let control = control(settings, arguments.first().cloned())?;
    if let Some(pid) = replaceable(settings, &control)? {
        if !command_line::has_arguments(settings, &arguments) {
            take_over(settings, &mut arguments, pid, &control)?;
        }
    }
    // A user whose terminal goes away in the middle would be left without a daemon.
    sys::signals::ignore(Signal::SIGHUP).ok();
    exchange(settings, arguments, &control, &|| stop(&control, timeout))
}

/// The process that has the arguments of the daemon, if there is one that may be stopped.
pub(super) fn replaceable(settings: &Daemon, control: &Control) -> Result<Option<Pid>, Error> {
    let (status, pid) = control.look()?;
    if matches!(status, Status::Starting { .. }) && settings.settings.restart.is_some() {
        return Err(Error::still_starting(control.pid_file()));
    }
    if let Some(pid) = pid {
        refuse_managed(settings, pid)?;
    }
    Ok(pid)
}

/// Stops the old daemon and starts the new one; returns why the start failed.
pub(super) fn exchange(
    settings: &mut Daemon,
    arguments: Vec<OsString>,
    control: &Control,
    stop: &dyn Fn() -> Result<Stopped, Error>,
) -> Result<Error, Error> {
    let mut config = settings.take_config(arguments)?;
    // A user that may not stop the daemon learns that, not which of its files it may not open.
    let rehearsed = launcher::rehearse(&config);
    let _log = rehearsed.map_err(|error| control.refusal_of_stop().unwrap_or(error))?;
    let notice = StopNotice::of(control, config.record.settings.syslog);
    let stopped = stop()?;
    notice.tell(&config.capabilities, stopped);
    let error = start(&mut config);
    Ok(match stopped {
        Stopped::NotRunning => error,
        _ => error.after_stop(),
    })
}

/// A daemon that systemd manages would come up outside of its unit, and a program in the foreground
/// would leave it.
fn refuse_managed(settings: &Daemon, pid: Pid) -> Result<(), Error> {
    if let Some(unit) = systemd::unit_run_by(pid) {
        return Err(Error::run_by_systemd(&unit));
    }
    if settings.lock_in_foreground.is_some() && sys::process::is_detached(pid) == Some(false) {
        let reason = "it runs in the foreground; start it again there";
        return Err(Error::not_restarted(pid, reason));
    }
    Ok(())
}
