//! `Error` and `ErrorKind`, their exit statuses, and how they are shown. The words stand beside
//! what fails.

mod text;

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::process::ExitCode;

#[cfg(unix)]
use nix::sys::signal::Signal;

#[cfg(unix)]
pub(crate) use text::{escaped, push_escaped};
pub(crate) use text::{shown, system_message};

/// The beginning of what most failed starts say.
pub(crate) const CANNOT_START: &str = "cannot start in the background";

#[cfg(unix)]
pub(crate) const NO_PID_FILE: &str = "no PID file is configured";

/// The kind of an [`Error`].
///
/// Each kind has an exit status: the launcher uses those of `sysexits.h`, the control verbs those of
/// the init scripts of the Linux Standard Base. [`Failed`](Self::Failed) and
/// [`Interrupted`](Self::Interrupted) have a status of each error instead, which
/// [`Error::exit_status`] returns.
///
/// ```
/// use daemon::{Daemon, ErrorKind};
///
/// let status = match Daemon::new().umask(0o1000).try_start() {
///     Ok(_running) => 0,
///     Err(error) if error.kind() == ErrorKind::AlreadyRunning => 0,
///     Err(error) => error.exit_status(),
/// };
/// assert_eq!(status, 78, "such a umask is a mistake in the program");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The command line is wrong: 64.
    Usage,
    /// The program's [`before_start`](crate::Daemon::before_start) refused the start: 1.
    Refused,
    /// The user or the group does not exist: 67.
    UnknownUser,
    /// A daemon already holds the lock of the PID file: 69.
    AlreadyRunning,
    /// Another process listens on an address of [`listen`](crate::Daemon::listen): 69.
    AddressInUse,
    /// The daemon exited with status 0 before it was ready: 70.
    EndedEarly,
    /// The daemon failed before it was ready: its own exit status, or 128+N if signal N killed it.
    Failed,
    /// Signal N interrupted the wait: 128+N.
    Interrupted,
    /// A system call failed, such as `fork(2)` or `execve(2)`: 71.
    System,
    /// The PID file or the log cannot be opened, created or locked: 73.
    CannotCreate,
    /// Another start or stop of the same daemon is at work: 75.
    Busy,
    /// The daemon was not ready in time: 75.
    NotReady,
    /// This process may not become the requested user, may not bind a port of
    /// [`listen`](crate::Daemon::listen), or may not start a daemon at all: 77.
    Permission,
    /// The configuration is unsafe, incomplete or contradicts itself: 78.
    Configuration,
    /// The identity of the daemon is uncertain, this process may not signal it, or the signal could
    /// kill it: 4.
    OutOfReach,
    /// There is no daemon to control: 7.
    NotRunning,
    /// The daemon was still running after SIGKILL: 75.
    NotStopped,
}

/// The error of a start in the background or of a control verb.
///
/// It displays as one line with the step, the object and the reason, for example
/// `cannot lock the PID file /run/hello.pid: already running, pid 4242`. The reason is part of the
/// line, so [`source`](std::error::Error::source) does not repeat it.
///
/// ```
/// use std::process::ExitCode;
///
/// use daemon::Daemon;
///
/// fn start(daemon: Daemon) -> ExitCode {
///     match daemon.try_start() {
///         Ok(_running) => ExitCode::SUCCESS,
///         Err(error) => {
///             eprintln!("hello: {error}");
///             ExitCode::from(&error)
///         }
///     }
/// }
///
/// start(Daemon::new().umask(0o1000)); // a mistake in the program, found before a start
/// ```
#[derive(Debug)]
pub struct Error(Box<Details>);

/// Behind a pointer, which keeps `Result<T, Error>` one word.
#[derive(Debug)]
struct Details {
    kind: ErrorKind,
    status: u8,
    what: Cow<'static, str>,
    reason: Reason,
    output: Vec<u8>,
    #[cfg(unix)]
    signal: Option<Signal>,
}

#[derive(Debug)]
enum Reason {
    Words(Cow<'static, str>),
    System(io::Error),
    /// Words for the user in place of those of the system.
    Explained(&'static str, io::Error),
}

impl Error {
    /// The kind of this error.
    ///
    /// ```
    /// use daemon::{Daemon, ErrorKind};
    ///
    /// let error = Daemon::new().user("").try_start().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Configuration);
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The status that the launcher exits with, see `sysexits.h`. It is never 0.
    ///
    /// ```
    /// let error = daemon::Daemon::new().user("").try_start().unwrap_err();
    /// assert_eq!(error.exit_status(), 78);
    /// ```
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        self.0.status
    }

    /// What the daemon wrote to its log before it failed, at most the last 64 KiB. The launcher
    /// prints it before the message.
    ///
    /// ```
    /// let error = daemon::Daemon::new().user("").try_start().unwrap_err();
    /// assert_eq!(error.output(), b"", "no daemon was started");
    /// ```
    #[must_use]
    pub fn output(&self) -> &[u8] {
        &self.0.output
    }

    /// `what` names the step and the object: `cannot open the log /var/log/hello.log`.
    #[cold]
    #[inline(never)]
    pub(crate) fn new(
        kind: ErrorKind,
        what: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::with_reason(kind, what.into(), Reason::Words(reason.into()))
    }

    /// As [`new`](Self::new), with the words of the system for the reason.
    #[cold]
    pub(crate) fn system(
        kind: ErrorKind,
        what: impl Into<Cow<'static, str>>,
        cause: impl Into<io::Error>,
    ) -> Self {
        Self::with_reason(kind, what.into(), Reason::System(cause.into()))
    }

    /// As [`system`](Self::system), with words that say more than those of the system.
    #[cold]
    pub(crate) fn explained(
        kind: ErrorKind,
        what: impl Into<Cow<'static, str>>,
        reason: &'static str,
        cause: impl Into<io::Error>,
    ) -> Self {
        Self::with_reason(kind, what.into(), Reason::Explained(reason, cause.into()))
    }

    /// A step of the launch that the system refused.
    #[cfg(unix)]
    #[cold]
    pub(crate) fn step(step: &str, cause: impl Into<io::Error>) -> Self {
        Self::system(ErrorKind::System, format!("cannot {step}"), cause)
    }

    /// Replaces the exit status of the kind.
    pub(crate) fn with_status(mut self, status: u8) -> Self {
        self.0.status = status;
        self
    }

    /// Adds the signal that the launcher dies by.
    #[cfg(unix)]
    pub(crate) fn with_signal(mut self, signal: Signal) -> Self {
        self.0.signal = Some(signal);
        self
    }

    /// Adds what the daemon wrote to its log.
    #[cfg(unix)]
    pub(crate) fn with_output(mut self, output: Vec<u8>) -> Self {
        self.0.output = output;
        self
    }

    /// Puts words before the step: what succeeded before this failure.
    #[cfg(unix)]
    pub(crate) fn preceded_by(mut self, words: &str) -> Self {
        self.0.what.to_mut().insert_str(0, words);
        self
    }

    /// The signal that the launcher dies by.
    #[cfg(unix)]
    pub(crate) fn signal(&self) -> Option<Signal> {
        self.0.signal
    }

    /// The step and the object.
    #[cfg(unix)]
    pub(crate) fn what(&self) -> &str {
        &self.0.what
    }

    pub(crate) fn reason(&self) -> Cow<'_, str> {
        match &self.0.reason {
            Reason::Words(words) => Cow::Borrowed(words),
            Reason::System(cause) => system_message(cause).into(),
            Reason::Explained(words, _) => (*words).into(),
        }
    }

    #[cold]
    #[inline(never)]
    fn with_reason(kind: ErrorKind, what: Cow<'static, str>, reason: Reason) -> Self {
        Self(Box::new(Details {
            kind,
            status: kind.exit_status(),
            what,
            reason,
            output: Vec::new(),
            #[cfg(unix)]
            signal: None,
        }))
    }
}

impl ErrorKind {
    /// The exit status of this kind; a daemon that failed brings its own, and so does a signal.
    fn exit_status(self) -> u8 {
        match self {
            Self::Usage => 64,
            Self::Refused => 1,
            Self::UnknownUser => 67,
            Self::AlreadyRunning | Self::AddressInUse => 69,
            Self::EndedEarly => 70,
            Self::System | Self::Failed | Self::Interrupted => 71,
            Self::CannotCreate => 73,
            Self::Busy | Self::NotReady | Self::NotStopped => 75,
            Self::Permission => 77,
            Self::Configuration => 78,
            Self::OutOfReach => 4,
            Self::NotRunning => 7,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.0.what)?;
        f.write_str(&self.reason())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.reason {
            Reason::Words(_) => None,
            // The message holds the cause itself.
            Reason::System(cause) | Reason::Explained(_, cause) => cause.source(),
        }
    }
}

/// The exit status of the launcher, see [`Error::exit_status`].
impl From<&Error> for ExitCode {
    fn from(error: &Error) -> Self {
        error.0.status.into()
    }
}
