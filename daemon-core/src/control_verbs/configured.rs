//! The control of the daemon that the settings describe.

use std::ffi::OsString;
use std::path::PathBuf;

use nix::unistd::Pid;

use crate::control::{Control, Status};
use crate::daemon::Daemon;
use crate::error::{Error, shown};
use crate::path_template;
use crate::settings::{Object, Settings};

impl Daemon {
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

pub(super) fn control(settings: &Daemon, argv0: Option<OsString>) -> Result<Control, Error> {
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

/// The process that has the arguments of the daemon: the daemon, or its supervisor.
pub(super) fn pid_of(control: &Control, status: Status) -> Option<Pid> {
    match status {
        Status::Running { pid, .. } => i32::try_from(pid).ok().map(Pid::from_raw),
        Status::Restarting { .. } => control.named_pid(),
        _ => None,
    }
}

pub(super) fn where_it_looked(control: &Control) -> String {
    format!(" (PID file {})", shown(control.pid_file()))
}
