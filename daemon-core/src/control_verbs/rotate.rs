//! The verb `rotate`.

use std::ffi::OsString;

use super::configured::control;
use super::running_log::log_of;
use crate::control::ControlledDaemon;
use crate::daemon::Daemon;
use crate::error::Error;
use crate::launcher::report;
use crate::log_file;
use crate::log_rotation::{REOPEN_TIMEOUT, RotationConfig};

/// `rotate`: the log gets another name if it has the size, and the daemon opens a new one.
pub(super) fn rotate(settings: &Daemon, argv0: Option<OsString>) -> Result<(), Error> {
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
    let line = (rotation.rotate)(config, &mut ControlledDaemon::new(&control))?;
    if let Some(line) = line {
        report::line(&line);
    }
    Ok(())
}
