//! The log that the verbs `log` and `rotate` act on.

use std::ffi::OsString;
use std::path::PathBuf;

use super::configured::{control, pid_of};
use super::takeover::{is_log, own_log};
use crate::control::{Control, DaemonAsWriter};
use crate::daemon::Daemon;
use crate::error::{Error, ErrorKind};
use crate::log_file;
use crate::log_rotation::{REOPEN_TIMEOUT, RotationConfig};
use crate::path_template::{self, Resolved};
use crate::settings::Object;
use crate::value_flags::LOG_FLAG;

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
    (rotation.rotate)(config, &mut DaemonAsWriter::new(&control))
}

/// The log of the daemon. Where the user of the program can choose it, it is the one that a running
/// daemon has.
pub(super) fn log_of(
    settings: &Daemon,
    argv0: Option<OsString>,
    control: &Control,
) -> Result<PathBuf, Error> {
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
