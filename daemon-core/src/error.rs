//! What can go wrong: kinds, texts and exit statuses. All words the user reads stand here, and in
//! the modules below, one for each part of a start.

#[cfg(unix)]
mod control;
#[cfg(unix)]
mod files;

use std::fmt;
use std::io;
use std::path::Path;

#[cfg(unix)]
use nix::sys::signal::Signal;

/// The cause of an [`Error`], one for each exit status: the launcher uses those of `sysexits.h`,
/// the control verbs those of the LSB's init scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The command line is wrong: 64.
    Usage,
    /// The user or the group is not known: 67.
    UnknownUser,
    /// A daemon already holds the lock of the PID file: 69.
    AlreadyRunning,
    /// The daemon ended with status 0 before it was ready: 70.
    EndedEarly,
    /// The daemon failed before it was ready: its own status, or 128+N for signal N.
    Failed,
    /// The user gave up waiting: 128+N for the signal N that said so.
    Interrupted,
    /// The system said no, to `fork(2)` or `execve(2)` for example: 71.
    System,
    /// The PID file or the log cannot be opened, created or locked: 73.
    CannotCreate,
    /// The daemon was not ready in time: 75.
    NotReady,
    /// This process may not become the user asked for, or may not daemonize at all: 77.
    Permission,
    /// The configuration is unsafe, incomplete or contradicts itself: 78.
    Configuration,
    /// The daemon cannot be controlled from here: it is not certain who it is, this process may not
    /// signal it, or it would die of the signal: 4.
    OutOfReach,
    /// There is no daemon to control: 7.
    NotRunning,
    /// The daemon would not end, not even by SIGKILL: 75.
    NotStopped,
}

/// Why a start in the background failed, or the control of a daemon.
///
/// It displays as one line: the step, the object and the reason, for example
/// `cannot lock the PID file /run/hello.pid: already running, pid 4242`.
#[derive(Debug)]
pub struct Error(Box<Details>);

/// Behind a pointer, so that what succeeds carries a word about and not all of this.
#[derive(Debug)]
struct Details {
    kind: ErrorKind,
    status: u8,
    what: String,
    reason: Reason,
    output: Vec<u8>,
    #[cfg(unix)]
    signal: Option<Signal>,
}

#[derive(Debug)]
enum Reason {
    Words(String),
    System(io::Error),
    /// The system's own words are for programmers.
    Explained(&'static str, io::Error),
}

impl Error {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The status that the launcher exits with, see `sysexits.h`.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        self.0.status
    }

    /// What the daemon wrote to its log before it failed, at most the last 64 KiB. The launcher
    /// shows it before the message.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        &self.0.output
    }

    /// `what` names the step and the object: `cannot open the log /var/log/hello.log`.
    pub(crate) fn words(
        kind: ErrorKind,
        what: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self::new(kind, what.into(), Reason::Words(reason.into()))
    }

    /// As [`words`](Self::words), with the words of the system for the reason.
    pub(crate) fn system(
        kind: ErrorKind,
        what: impl Into<String>,
        cause: impl Into<io::Error>,
    ) -> Self {
        Self::new(kind, what.into(), Reason::System(cause.into()))
    }

    /// As [`system`](Self::system), with words that say more than those of the system.
    pub(crate) fn explained(
        kind: ErrorKind,
        what: impl Into<String>,
        reason: &'static str,
        cause: impl Into<io::Error>,
    ) -> Self {
        Self::new(kind, what.into(), Reason::Explained(reason, cause.into()))
    }

    /// A step of the launch that the system refused.
    #[cfg(unix)]
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
        self.0.what.insert_str(0, words);
        self
    }

    /// The signal that the launcher dies by.
    #[cfg(unix)]
    pub(crate) fn signal(&self) -> Option<Signal> {
        self.0.signal
    }

    #[cold]
    fn new(kind: ErrorKind, what: String, reason: Reason) -> Self {
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
            Self::UnknownUser => 67,
            Self::AlreadyRunning => 69,
            Self::EndedEarly => 70,
            Self::System | Self::Failed | Self::Interrupted => 71,
            Self::CannotCreate => 73,
            Self::NotReady | Self::NotStopped => 75,
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
        match &self.0.reason {
            Reason::Words(words) => f.write_str(words),
            Reason::System(cause) => f.write_str(&system_message(cause)),
            Reason::Explained(words, _) => f.write_str(words),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.reason {
            Reason::Words(_) => None,
            Reason::System(cause) | Reason::Explained(_, cause) => Some(cause),
        }
    }
}

/// The system's own words for an error, without the number that std adds.
pub(crate) fn system_message(cause: &io::Error) -> String {
    let text = cause.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// A path as one line of a message may hold it.
pub(crate) fn shown(path: &Path) -> String {
    path.to_string_lossy().chars().flat_map(escape).collect()
}

/// A character as a terminal may show it: itself, or its escape sequence of Rust's string literals.
pub(crate) fn escape(character: char) -> impl Iterator<Item = char> + Clone {
    let (itself, escaped) = if is_disruptive(character) {
        (None, Some(character.escape_default()))
    } else {
        (Some(character), None)
    };
    itself.into_iter().chain(escaped.into_iter().flatten())
}

/// Whether a character does more to a terminal than to be seen: it begins an escape sequence,
/// starts another line or changes the direction of the text.
fn is_disruptive(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}
