//! The log of a supervised daemon, which is rotated while a run is up.

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::error::Error;
use crate::files::FileId;
use crate::launcher::LaunchConfig;
use crate::launcher::daemon_child::DaemonChild;
use crate::log_file;
use crate::log_rotation::{LogWatch, ProcessState, REOPEN_TIMEOUT, RotatedProcess, RotationConfig};
use crate::signal::Signal;
use crate::sys;

/// The rotation of the log, if the program has asked for it.
pub(super) fn watch(config: &LaunchConfig) -> Option<Box<dyn LogWatch>> {
    let (paths, settings) = (&config.record.paths, &config.record.settings);
    let rotation = config.capabilities.log_rotation?;
    let log = paths.log.as_ref()?;
    Some((rotation.watch)(RotationConfig {
        pid_file: paths.pid.clone()?,
        // A link that is not trusted was refused at the start.
        log: log_file::target_of(log).ok()?,
        size: settings.log_rotate?,
        keep: settings.log_keep,
        mode: settings.log_mode,
        owner: settings.identity.as_ref().map(|user| (user.uid, user.gid)),
        signal: settings.log_reopen?,
        reopen_timeout: REOPEN_TIMEOUT,
    }))
}

/// A run that is up. It is a child of this process, so its pid stays its own until it is reaped.
#[derive(Debug)]
pub(super) struct RunAsWriter<'a>(pub(super) &'a DaemonChild);

impl RunAsWriter<'_> {
    fn pid(&self) -> Pid {
        self.0.pid()
    }
}

impl RotatedProcess for RunAsWriter<'_> {
    fn find(&mut self) -> Result<ProcessState, Error> {
        Ok(ProcessState::Up(self.pid()))
    }

    fn catches(&self, signal: Signal) -> bool {
        sys::process::catches(self.pid(), signal.as_raw()) == Some(true)
    }

    fn writes_to(&self, file: FileId) -> Option<bool> {
        sys::process::writes_to(self.pid(), file)
    }

    fn writes_to_any_file(&self) -> Option<bool> {
        sys::process::writes_to_any_file(self.pid())
    }

    fn send(&self, signal: Signal) -> Result<(), Errno> {
        sys::signals::send(self.pid(), signal.as_raw())
    }

    fn has_ended(&self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}
