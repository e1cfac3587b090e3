//! `Control` where there are no daemons: every call fails.

#[path = "../control/status.rs"]
mod status;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::daemon::Daemon;
use crate::error::{Error, ErrorKind};
use crate::kill_mode::KillMode;
use crate::option_check;
use crate::path_source::PathSource;
use crate::signal::Signal;
use crate::value_flags::CONTROL_FLAG;

pub use status::{Status, Stopped, Supervision};

/// The control of a daemon by its PID file. There are no daemons on this system, so every call
/// fails with the kind [`Usage`](crate::ErrorKind::Usage).
#[derive(Clone, Debug)]
pub struct Control(());

impl Control {
    /// The daemon with this PID file.
    pub fn new(_pid_file: impl Into<PathSource>) -> Self {
        Self(())
    }

    /// Sets the signal that `stop` sends first.
    #[must_use]
    pub fn stop_signal(self, _signal: Signal) -> Self {
        self
    }

    /// Sets what `stop` does with the rest of the daemon's process group.
    #[must_use]
    pub fn kill_mode(self, _mode: KillMode) -> Self {
        self
    }

    /// Fails.
    ///
    /// # Errors
    ///
    /// Always, of the kind [`Usage`](crate::ErrorKind::Usage).
    pub fn status(&self) -> Result<Status, Error> {
        Err(unsupported())
    }

    /// Fails.
    ///
    /// # Errors
    ///
    /// Always, of the kind [`Usage`](crate::ErrorKind::Usage).
    pub fn log_file(&self) -> Result<Option<PathBuf>, Error> {
        Err(unsupported())
    }

    /// Fails.
    ///
    /// # Errors
    ///
    /// Always, of the kind [`Usage`](crate::ErrorKind::Usage).
    pub fn stop(&self, _timeout: Duration) -> Result<Stopped, Error> {
        Err(unsupported())
    }

    /// Fails.
    ///
    /// # Errors
    ///
    /// Always, of the kind [`Usage`](crate::ErrorKind::Usage).
    pub fn signal(&self, _signal: Signal) -> Result<(), Error> {
        Err(unsupported())
    }

    /// Fails.
    ///
    /// # Errors
    ///
    /// Always, of the kind [`Usage`](crate::ErrorKind::Usage).
    pub fn reload(&self) -> Result<(), Error> {
        Err(unsupported())
    }
}

pub(crate) fn unsupported() -> Error {
    let what = "cannot control the daemon";
    Error::new(ErrorKind::Usage, what, "not supported on this system")
}

impl Daemon {
    /// A flag that takes a control verb, as in `prog -s stop`. Default: none. Every verb is an error on
    /// this system.
    pub fn control_flag(mut self, flag: impl Into<OsString>) -> Self {
        self.set_value_flag(&CONTROL_FLAG, flag.into());
        self
    }

    /// Makes the control verbs the first word of the program. Default: none. Every verb is an error on
    /// this system.
    pub fn control_subcommands(mut self, word: impl Into<OsString>) -> Self {
        let word = word.into();
        self.check
            .note("control_subcommands", option_check::run_word(&word));
        self.control_subcommands = Some(word);
        self
    }

    /// Locks the PID file in the foreground too. Default: `false`. It has no effect on this system.
    pub fn pid_in_foreground(self, _is_locked: bool) -> Self {
        self
    }

    /// Fails.
    ///
    /// # Errors
    ///
    /// Always, of the kind [`Usage`](crate::ErrorKind::Usage).
    pub fn unit(&self) -> Result<String, Error> {
        Err(unsupported())
    }

    /// Fails.
    ///
    /// # Errors
    ///
    /// Always, of the kind [`Usage`](crate::ErrorKind::Usage).
    pub fn user_unit(&self) -> Result<String, Error> {
        Err(unsupported())
    }

    /// Fails.
    ///
    /// # Errors
    ///
    /// Always, of the kind [`Usage`](crate::ErrorKind::Usage).
    pub fn control(&self) -> Result<Control, Error> {
        Err(unsupported())
    }
}
