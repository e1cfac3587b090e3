//! What is wrong with the command line.

use std::ffi::OsStr;
use std::path::Path;

use super::{Error, ErrorKind, shown};

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

    /// The options are those of the builder, for whoever wrote the program.
    pub(crate) fn claimed_twice(flag: &OsStr, one: &str, other: &str) -> Self {
        let kind = ErrorKind::Configuration;
        Self::flag_of_kind(kind, flag, format!("both {one} and {other} claim it"))
    }

    #[cfg(not(unix))]
    pub(crate) fn unsupported() -> Self {
        let what = "cannot start in the background";
        let reason = "not supported on this system; leave the switch away";
        Self::words(ErrorKind::Usage, what, reason)
    }

    #[cfg(not(unix))]
    pub(crate) fn no_control() -> Self {
        let what = "cannot control the daemon";
        Self::words(ErrorKind::Usage, what, "not supported on this system")
    }

    #[cfg(not(unix))]
    pub(crate) fn no_users(user: &str) -> Self {
        let what = format!("cannot become the user {}", shown(Path::new(user)));
        Self::words(ErrorKind::Permission, what, "not supported on this system")
    }

    fn flag(flag: &OsStr, reason: impl Into<String>) -> Self {
        Self::flag_of_kind(ErrorKind::Usage, flag, reason)
    }

    fn flag_of_kind(kind: ErrorKind, flag: &OsStr, reason: impl Into<String>) -> Self {
        let flag = shown(Path::new(flag));
        Self::words(kind, format!("cannot use the flag {flag}"), reason)
    }
}

const VERBS: &str = "status, stop, reload, reopen or restart";
