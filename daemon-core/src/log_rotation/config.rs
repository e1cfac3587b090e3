//! What a rotation has to know.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::path_source::PathSource;
use crate::signal::Signal;

/// The settings of a rotation.
#[derive(Clone, Debug)]
pub(crate) struct RotationConfig {
    pub(crate) pid_file: PathBuf,
    /// Without a symbolic link as its last component.
    pub(crate) log: PathBuf,
    /// From this size on the log is rotated, in bytes.
    pub(crate) size: u64,
    /// How many old logs are kept.
    pub(crate) keep: u32,
    pub(crate) mode: u32,
    /// The user and the group of a daemon that may not create a log itself.
    pub(crate) owner: Option<(u32, u32)>,
    pub(crate) signal: Signal,
    /// How long the run may take to open a new log.
    pub(crate) reopen_timeout: Duration,
}

/// Refuses one log for several daemons: a rotation signals only one of them.
pub(crate) fn refuse_shared_log(log: &PathSource) -> Result<(), Error> {
    if log.may_name_instance() {
        return Ok(());
    }
    let what = "cannot use the option `log_rotate`";
    let reason = "the instances of `instance_flag` have one log; put {instance} into `log`";
    Err(Error::new(ErrorKind::Configuration, what, reason))
}
