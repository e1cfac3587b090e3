//! `pid_in_foreground`: the PID file of a program that runs in the foreground.

use std::os::fd::{AsRawFd, IntoRawFd};

use crate::command_line;
use crate::daemon::Daemon;
use crate::error::{Error, ErrorKind, NO_PID_FILE};
use crate::files::FileId;
use crate::launcher::preflight;
use crate::path_template;
use crate::pid_file::PidFile;
use crate::running::{self, OwnPidFile};
use crate::settings::Object;

impl Daemon {
    /// Locks and writes the PID file in the foreground too. Default: `false`.
    ///
    /// A second start in either mode is refused with 69, and the control verbs see a service that
    /// runs in the foreground under systemd. A PID file that cannot be made ends the program with 73.
    /// With [`subcommand`](Self::subcommand) this holds only after one of its words, and never beside
    /// `--help` or `--version`.
    ///
    /// ```no_run
    /// use daemon::Daemon;
    ///
    /// let _daemon = Daemon::new().pid("/run/hello.pid").pid_in_foreground(true).enter();
    /// ```
    pub fn pid_in_foreground(mut self, is_locked: bool) -> Self {
        self.lock_in_foreground = is_locked.then_some(lock);
        self.capabilities.add_pid_file();
        self
    }
}

/// Takes the lock for this process until it ends, if this is the part of the program that has one.
fn lock(settings: &mut Daemon) -> Result<(), Error> {
    let Some(chosen) = command_line::foreground(settings, &mut std::env::args_os())? else {
        return Ok(());
    };
    settings.complete(chosen)?;
    preflight::refuse_borrowed_rights()?;
    let argv0 = std::env::args_os().next().unwrap_or_default();
    let context = settings.path_context(&argv0);
    let source = settings.paths.pid.as_ref().ok_or_else(|| {
        let what = "cannot lock the PID file";
        Error::new(ErrorKind::Configuration, what, NO_PID_FILE)
    })?;
    let place = path_template::resolve(Object::PidFile, source, &context)?;
    if let Some(directories) = &place.directories {
        directories.create(None)?;
    }
    let pid_file = PidFile::create(&place.path, settings.settings.pid_mode)?;
    let lock = pid_file.keep()?;
    let id = FileId::of_open(&lock).ok();
    running::set_pid_file(OwnPidFile {
        path: place.path,
        lock: lock.as_raw_fd(),
        id,
        owner: std::process::id(),
        is_emptied: true,
    });
    // Open until the process ends.
    let _ = lock.into_raw_fd();
    Ok(())
}
