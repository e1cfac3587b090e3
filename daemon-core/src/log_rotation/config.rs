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

/// Refuses one log for several daemons: a rotation signals only one of them. Where the name of the
/// instance ends the path, the log of `web.1` is also an old log of `web`.
pub(crate) fn refuse_shared_log(log: &PathSource, instance: &str) -> Result<(), Error> {
    let refused = |reason| {
        let what = "cannot use the option `log_rotate`";
        Err(Error::new(ErrorKind::Configuration, what, reason))
    };
    if !log.may_name_instance() {
        let reason = "the instances of `instance_flag` have one log; put {instance} into `log`";
        return refused(reason.to_owned());
    }
    let end = instance.rsplit_once('.').map(|(_, end)| end);
    let is_number =
        end.is_some_and(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()));
    if is_number && log.ends_with_instance() {
        let reason = "has the name of an old log; put {instance} before the end of `log`";
        return refused(format!("the log of the instance {instance} {reason}"));
    }
    Ok(())
}
