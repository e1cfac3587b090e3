//! The control of the daemon that the settings describe.

use std::ffi::OsString;

use crate::control::{Control, DaemonUser};
use crate::daemon::Daemon;
use crate::error::{Error, shown};
use crate::path_template;
use crate::settings::Object;

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
    let source = settings.paths.pid.as_ref();
    let source = source.ok_or_else(Error::no_pid_file)?;
    let context = settings.path_context(&argv0.unwrap_or_default());
    let path = path_template::resolve(Object::PidFile, source, &context)?;
    let options = &settings.settings;
    Ok(Control::new(path.path)
        .stop_signal(options.stop_signal)
        .kill_mode(options.kill_mode)
        .run_by(daemon_user(settings))
        .expect_supervisor(options.restart.is_some()))
}

/// It is looked up when it is needed: the user may have been deleted since.
fn daemon_user(settings: &Daemon) -> DaemonUser {
    match (settings.user.clone(), settings.capabilities.privileges) {
        (Some(user), Some(privileges)) => DaemonUser::Named {
            user,
            group: settings.group.clone(),
            look_up: privileges.look_up,
        },
        _ => DaemonUser::Own,
    }
}

pub(super) fn where_it_looked(control: &Control) -> String {
    format!(" (PID file {})", shown(control.pid_file()))
}
