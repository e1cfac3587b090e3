//! The public functions on systems other than Unix: the program runs in the foreground, and the
//! switch is an error.

use std::borrow::Cow;
use std::env;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write};
use std::net::{TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::time::Duration;

use crate::command_line::{self, Invocation};
use crate::control;
use crate::daemon::Daemon;
use crate::error::{CANNOT_START, Error, ErrorKind, shown};
use crate::path_source::PathSource;
use crate::program_name;

/// A mark that this process is the program. [`Daemon::enter`] returns it.
#[derive(Debug)]
pub struct Running(());

/// The daemon that [`Daemon::ensure`] has found or started. There is none on this system.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Started {
    /// The pid of the daemon.
    pub pid: u32,
    /// Whether the daemon ran already.
    pub was_running: bool,
    /// What the daemon gave to [`announce`].
    pub announced: Vec<u8>,
}

impl Daemon {
    /// Returns if the command line holds no switch and no control verb. Else the process exits with 64.
    pub fn enter(self) -> Running {
        #[cfg(feature = "clap")]
        crate::clap::remember_flags(&self);
        match command_line::read(&self, env::args_os) {
            Ok(Invocation::Foreground) => Running(()),
            Ok(Invocation::Control { .. }) => give_up(&control::unsupported()),
            Ok(_) => give_up(&unsupported()),
            Err(error) => give_up(&error),
        }
    }

    /// Sets a function that changes the settings at run time. Default: none. It is not called on this system.
    pub fn configure(self, _configure: fn(Self) -> Self) -> Self {
        self
    }

    /// Exits with 64.
    pub fn start(self) -> Running {
        give_up(&unsupported())
    }

    /// Fails.
    ///
    /// # Errors
    ///
    /// Always, of the kind [`Usage`](crate::ErrorKind::Usage).
    pub fn ensure(self) -> Result<Started, Error> {
        Err(unsupported())
    }

    /// Exits with 64.
    pub fn stop_and_start(self) -> Running {
        give_up(&unsupported())
    }

    /// Fails.
    ///
    /// # Errors
    ///
    /// Always, of the kind [`Usage`](crate::ErrorKind::Usage).
    pub fn try_stop_and_start(self) -> Result<Running, Error> {
        Err(unsupported())
    }

    /// Fails.
    ///
    /// # Errors
    ///
    /// Always, of the kind [`Usage`](crate::ErrorKind::Usage).
    pub fn try_start(self) -> Result<Running, Error> {
        Err(unsupported())
    }
}

impl PathSource {
    /// A path with placeholders. No start happens on this system, so they are not filled in.
    #[must_use]
    pub fn template(text: impl Into<Cow<'static, str>>) -> Self {
        Self::from(text.into().into_owned())
    }
}

#[expect(clippy::exit, reason = "the program does not begin")]
fn give_up(error: &Error) -> ! {
    let name = program_name::of_this_process();
    writeln!(io::stderr(), "{}: {error}", name.to_string_lossy()).ok();
    process::exit(error.exit_status().into())
}

fn unsupported() -> Error {
    let reason = "not supported on this system; run in the foreground";
    Error::new(ErrorKind::Usage, CANNOT_START, reason)
}

/// Fails: no program takes the place of another on this system.
pub fn exec(_command: &mut Command) -> io::Error {
    io::ErrorKind::Unsupported.into()
}

/// False: there are no daemons on this system.
#[must_use]
pub fn is_daemon() -> bool {
    false
}

/// The working directory, unless it was deleted.
#[must_use]
pub fn start_dir() -> Option<PathBuf> {
    env::current_dir().ok()
}

/// `None`: there are no daemons on this system.
#[must_use]
pub fn pid_file() -> Option<&'static Path> {
    None
}

/// `None`: there are no daemons on this system.
#[must_use]
pub fn log_file() -> Option<&'static Path> {
    None
}

/// Binds a TCP socket: none is handed over on this system.
///
/// # Errors
///
/// Those of [`TcpListener::bind`].
pub fn listener(_name: &str, address: impl ToSocketAddrs) -> io::Result<TcpListener> {
    TcpListener::bind(address)
}

/// `None`: there are no daemons on this system.
#[must_use]
pub fn passed(_name: &str) -> Option<File> {
    None
}

/// Does nothing: there are no daemons on this system.
///
/// # Errors
///
/// Never.
pub fn reopen_log() -> io::Result<()> {
    Ok(())
}

/// Fails: there is no other user to become on this system.
///
/// # Errors
///
/// Always, of the kind [`Permission`](crate::ErrorKind::Permission).
pub fn drop_privileges(user: &str, _group: Option<&str>) -> Result<(), Error> {
    let what = format!("cannot become the user {}", shown(Path::new(user)));
    Err(Error::new(
        ErrorKind::Permission,
        what,
        "not supported on this system",
    ))
}

/// Writes the bytes to standard output: the program runs in the foreground.
pub fn announce(bytes: impl AsRef<[u8]>) {
    let mut out = io::stdout();
    out.write_all(bytes.as_ref())
        .and_then(|()| out.flush())
        .ok();
}

/// Does nothing: this system has no receiver.
pub fn ready() {}

/// Does nothing: this system has no receiver.
pub fn status(_text: impl Display) {}

/// Does nothing: this system has no receiver.
pub fn extend_timeout(_time: Duration) {}

/// Does nothing: this system has no receiver.
pub fn stopping() {}

/// `None`: placeholders have a value on Unix only.
#[cfg(feature = "clap")]
pub(crate) fn resolved(_path: &PathSource) -> Option<PathBuf> {
    None
}
