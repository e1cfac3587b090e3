//! The control verbs: what the user of the program asks for, and what is said about it.

use std::time::Duration;

use nix::unistd::Pid;

use crate::control::{Control, Status, Stopped};
use crate::error::{Error, shown};
use crate::launcher::report;
use crate::signal::Signal;
use crate::sys;
use crate::systemd;

/// `status`; gives the exit status.
pub(crate) fn status(control: &Control) -> Result<u8, Error> {
    let status = control.status()?;
    // Where it really is: the daemon may have been started with another one than this command.
    let log = match status {
        Status::Running { pid, .. } => i32::try_from(pid)
            .ok()
            .and_then(|pid| sys::process::output_of(Pid::from_raw(pid))),
        _ => None,
    };
    let log = log.map_or(String::new(), |log| format!(", log {}", shown(&log)));
    report::answer(&format!("{status}{log}"));
    Ok(status.exit_status())
}

/// The first half of `restart`. A daemon that systemd manages would come up again outside of its unit.
pub(crate) fn stop_for_restart(control: &Control, timeout: Duration) -> Result<Stopped, Error> {
    if let Status::Running { pid, .. } = control.status()? {
        let unit = i32::try_from(pid)
            .ok()
            .and_then(|pid| systemd::unit_run_by(Pid::from_raw(pid)));
        if let Some(unit) = unit {
            return Err(Error::run_by_systemd(&unit));
        }
    }
    stop(control, timeout)
}

/// `stop`.
pub(crate) fn stop(control: &Control, timeout: Duration) -> Result<Stopped, Error> {
    let stopped = control.stop(timeout)?;
    report::answer(&stopped.to_string());
    Ok(stopped)
}

/// `reopen`: the signal on which the daemon reopens its log.
pub(crate) fn reopen(control: &Control, signal: Option<Signal>) -> Result<(), Error> {
    let signal = signal.ok_or_else(Error::no_reopen_signal)?;
    control.signal_if_caught("reopen the log of", signal)
}
