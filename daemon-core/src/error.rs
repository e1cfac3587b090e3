//! What can go wrong: kinds, texts and exit statuses. All words the user reads stand here.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::Path;

/// The cause of an [`Error`], one for each exit status of `sysexits.h` that the launcher uses.
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
    /// The system said no, to `fork(2)` or `execve(2)` for example: 71.
    System,
    /// The PID file or the log cannot be opened, created or locked: 73.
    CannotCreate,
    /// The daemon was not ready in time: 75.
    NotReady,
    /// This process may not become the user asked for, or may not daemonize at all: 77.
    Permission,
    /// The configuration is unsafe or incomplete: 78.
    Configuration,
}

/// Why a start in the background failed.
///
/// It displays as one line: the step, the object and the reason, for example
/// `cannot lock the PID file /run/hello.pid: already running, pid 4242`.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    status: u8,
    what: String,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    Words(String),
    System(io::Error),
}

impl Error {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The status that the launcher exits with, see `sysexits.h`.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        self.status
    }

    fn words(kind: ErrorKind, what: impl Into<String>, reason: impl Into<String>) -> Self {
        let reason = Reason::Words(reason.into());
        Self {
            kind,
            status: kind.exit_status(),
            what: what.into(),
            reason,
        }
    }

    fn system(kind: ErrorKind, what: impl Into<String>, cause: impl Into<io::Error>) -> Self {
        let reason = Reason::System(cause.into());
        Self {
            kind,
            status: kind.exit_status(),
            what: what.into(),
            reason,
        }
    }
}

impl ErrorKind {
    /// The exit status of this kind; a daemon that failed brings its own.
    fn exit_status(self) -> u8 {
        match self {
            Self::Usage => 64,
            Self::UnknownUser => 67,
            Self::AlreadyRunning => 69,
            Self::EndedEarly => 70,
            Self::System | Self::Failed => 71,
            Self::CannotCreate => 73,
            Self::NotReady => 75,
            Self::Permission => 77,
            Self::Configuration => 78,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.what)?;
        match &self.reason {
            Reason::Words(words) => f.write_str(words),
            Reason::System(cause) => f.write_str(&system_message(cause)),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            Reason::Words(_) => None,
            Reason::System(cause) => Some(cause),
        }
    }
}

/// The system's own words for an error, without the number that std adds.
fn system_message(cause: &io::Error) -> String {
    let text = cause.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// A path as one line of a message may hold it: control characters escaped.
pub(crate) fn shown(path: &Path) -> String {
    let mut line = String::new();
    for character in path.to_string_lossy().chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// The command line.
impl Error {
    pub(crate) fn missing_path(flag: &OsStr) -> Self {
        Self::flag(
            flag,
            "a path must follow it; one that begins with a dash is written ./-name",
        )
    }

    pub(crate) fn missing_verb(flag: &OsStr) -> Self {
        Self::flag(flag, format!("{VERBS} must follow it"))
    }

    pub(crate) fn empty_flag(flag: &OsStr) -> Self {
        Self::flag(flag, "its value is empty")
    }

    pub(crate) fn repeated_flag(flag: &OsStr) -> Self {
        Self::flag(flag, "it is given twice")
    }

    pub(crate) fn unknown_verb(flag: &OsStr, word: &OsStr) -> Self {
        let word = shown(Path::new(word));
        Self::flag(flag, format!("unknown verb {word}; expected {VERBS}"))
    }

    pub(crate) fn verb_beside_switch(flag: &OsStr, switch: &OsStr) -> Self {
        let switch = shown(Path::new(switch));
        Self::flag(flag, format!("it cannot be used together with {switch}"))
    }

    fn flag(flag: &OsStr, reason: impl Into<String>) -> Self {
        let flag = shown(Path::new(flag));
        Self::words(
            ErrorKind::Usage,
            format!("cannot use the flag {flag}"),
            reason,
        )
    }
}

const VERBS: &str = "status, stop, reload, reopen or restart";

/// Paths.
impl Error {
    pub(crate) fn unknown_placeholder(template: &str, name: &str) -> Self {
        Self::template(
            template,
            format!(
                "unknown placeholder {{{name}}}; expected \
                 {{name}}, {{home}}, {{runtime_dir}}, {{state_dir}} or {{log_dir}}"
            ),
        )
    }

    pub(crate) fn unmatched_brace(template: &str, brace: &str) -> Self {
        Self::template(
            template,
            format!("unmatched {brace}; write {brace}{brace} for a brace"),
        )
    }

    pub(crate) fn nameless(template: &str) -> Self {
        Self::template(template, "argv[0] holds no file name for {name}")
    }

    /// `variables` is empty where the environment is not to be trusted.
    pub(crate) fn homeless(
        template: &str,
        placeholder: &str,
        variables: &[&str],
        uid: u32,
        cause: Option<&io::Error>,
    ) -> Self {
        let environment = match variables {
            [] => "HOME is not trusted in a privileged program".to_owned(),
            [variable] => format!("{variable} is not set to an absolute path"),
            _ => format!("none of {} is an absolute path", variables.join(", ")),
        };
        let database = match cause {
            None => format!("user {uid} has no home directory"),
            Some(cause) => format!(
                "the home directory of user {uid} cannot be looked up: {}",
                system_message(cause)
            ),
        };
        Self::template(
            template,
            format!("no value for {{{placeholder}}}: {environment}, and {database}"),
        )
    }

    fn template(template: &str, reason: impl Into<String>) -> Self {
        Self::path(ErrorKind::Configuration, Path::new(template), reason)
    }

    pub(crate) fn empty_path() -> Self {
        Self::words(ErrorKind::Configuration, "cannot use a path", "it is empty")
    }

    pub(crate) fn nul_in_path(path: &Path) -> Self {
        Self::path(ErrorKind::Configuration, path, "it holds a NUL byte")
    }

    fn path(kind: ErrorKind, path: &Path, reason: impl Into<String>) -> Self {
        Self::words(kind, format!("cannot use the path {}", shown(path)), reason)
    }

    pub(crate) fn lost_start_dir(path: &Path, cause: io::Error) -> Self {
        let path = shown(path);
        Self::system(
            ErrorKind::CannotCreate,
            format!("cannot find the start directory for the relative path {path}"),
            cause,
        )
    }

    pub(crate) fn no_directory(directory: &Path, cause: io::Error) -> Self {
        let directory = shown(directory);
        Self::system(
            ErrorKind::CannotCreate,
            format!("cannot create the directory {directory}"),
            cause,
        )
    }

    pub(crate) fn not_a_directory(path: &Path) -> Self {
        let path = shown(path);
        Self::words(
            ErrorKind::CannotCreate,
            format!("cannot create the directory {path}"),
            "something else has that name",
        )
    }

    pub(crate) fn foreign_link(directory: &Path, maker: u32) -> Self {
        let directory = shown(directory);
        Self::words(
            ErrorKind::Configuration,
            format!("cannot use the directory {directory}"),
            format!("it is a symbolic link made by user {maker}"),
        )
    }
}
