//! What a builder method refuses: the same values as the attribute, with the same words.
//!
//! The attribute refuses them when it is compiled. The builder keeps what is wrong, and the start and
//! the control verbs fail with it.

mod argv;
#[cfg(unix)]
mod needs;
mod signals;

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use crate::error::{Error, ErrorKind, shown};
pub use argv::RESERVED_FLAGS;
pub(crate) use argv::{flag, flags, instance, is_instance, run_word, subcommands};
pub(crate) use signals::{signal, stop_signal};

const MODE_MAX: u32 = 0o777;
const OWNER_READ_WRITE: u32 = 0o600;

const RESTART_DELAY_MAX: Duration = Duration::from_secs(24 * 60 * 60);

const LOG_COUNT_MAX: u32 = 1000;

/// By their codes, see RFC 3164; `-` is none that a program may use.
pub const FACILITIES: [&str; 24] = [
    "-", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "-", "-", "-", "-", "local0", "local1", "local2", "local3", "local4", "local5",
    "local6", "local7",
];

/// The options that were set in a builder, and the complaints about them, one for each option.
#[derive(Clone, Debug, Default)]
pub(crate) struct OptionCheck {
    set: Vec<&'static str>,
    complaints: Vec<(&'static str, String)>,
}

impl OptionCheck {
    /// Notes an option that takes every value.
    pub(crate) fn note_set(&mut self, option: &'static str) {
        self.set.push(option);
    }

    #[cfg(unix)]
    fn is_set(&self, option: &str) -> bool {
        self.set.contains(&option)
    }

    /// Notes an option and what is wrong with it, in the place of what was wrong with an earlier value.
    pub(crate) fn note(&mut self, option: &'static str, complaint: Option<String>) {
        self.note_set(option);
        let earlier = self.complaints.iter().position(|(it, _)| *it == option);
        if let Some(earlier) = earlier {
            self.complaints.remove(earlier);
        }
        if let Some(complaint) = complaint {
            self.complaints.push((option, complaint));
        }
    }

    /// Notes what is wrong with an option whose calls add up.
    pub(crate) fn note_also(&mut self, option: &'static str, complaint: Option<String>) {
        if complaint.is_some() {
            self.note(option, complaint);
        }
    }

    /// Fails if there is a complaint about an option.
    ///
    /// # Errors
    ///
    /// `Configuration`: the first complaint.
    pub(crate) fn result(&self) -> Result<(), Error> {
        match self.complaints.first() {
            None => Ok(()),
            Some((option, complaint)) => Err(refused(option, complaint)),
        }
    }
}

pub(crate) fn refused(option: &str, complaint: &str) -> Error {
    let what = format!("cannot use the option `{option}`");
    Error::new(ErrorKind::Configuration, what, complaint.to_owned())
}

/// The permissions of a file that its owner reads and writes.
pub(crate) fn file_mode(mode: u32) -> Option<String> {
    let is_usable = mode & OWNER_READ_WRITE == OWNER_READ_WRITE;
    let complaint = "must let the owner read and write: `0o600` or more";
    umask(mode).or_else(|| (!is_usable).then(|| complaint.to_owned()))
}

pub(crate) fn umask(mask: u32) -> Option<String> {
    (mask > MODE_MAX).then(|| "must be at most `0o777`".to_owned())
}

/// The longest wait for something.
pub(crate) fn timeout(timeout: Duration) -> Option<String> {
    (timeout.is_zero()).then(|| "must be at least 1 second".to_owned())
}

/// An empty list takes back what was set before.
pub(crate) fn keep_fds(fds: &[i32]) -> Option<String> {
    if fds.iter().any(|fd| (0..=2).contains(fd)) {
        return Some(
            "descriptors 0, 1 and 2 are always redirected; list only higher ones".to_owned(),
        );
    }
    if let Some(fd) = fds.iter().find(|fd| **fd < 0) {
        return Some(format!("{fd} is not a file descriptor"));
    }
    listed_twice(fds).map(|fd| format!("descriptor `{fd}` is listed twice"))
}

fn listed_twice<T: PartialEq>(list: &[T]) -> Option<&T> {
    let mut elements = list.iter().enumerate();
    let twice = elements.find(|(at, element)| list[..*at].contains(element));
    twice.map(|(_, element)| element)
}

/// Words of one option, of which each has to pass the check: at least one, and none twice.
fn list(noun: &str, words: &[OsString], check: fn(&OsStr) -> Option<String>) -> Option<String> {
    if words.is_empty() {
        return Some(format!("needs at least one {noun}"));
    }
    let wrong = words.iter().find_map(|word| check(word));
    wrong.or_else(|| {
        let twice = listed_twice(words)?;
        Some(format!(
            "{noun} `{}` is listed twice",
            shown(twice.as_ref())
        ))
    })
}

fn has_nul(text: &OsStr) -> bool {
    text.as_encoded_bytes().contains(&0)
}

/// A path that is taken as it is.
pub(crate) fn path(path: &OsStr) -> Option<&'static str> {
    if path.is_empty() {
        Some("the path must not be empty")
    } else if has_nul(path) {
        Some("the path must not contain a NUL byte")
    } else {
        None
    }
}

pub(crate) fn restart_delay(first: Duration, longest: Duration) -> Option<String> {
    if longest > RESTART_DELAY_MAX {
        Some("must be at most one day".to_owned())
    } else if first > longest {
        Some("the first delay is longer than the longest".to_owned())
    } else {
        None
    }
}

pub(crate) fn restart_limit(limit: u32) -> Option<String> {
    (limit == 0).then(|| "must be at least 1".to_owned())
}

/// A user or a group.
pub(crate) fn account(name: &str) -> Option<String> {
    let complaint = if name.is_empty() {
        "the name must not be empty"
    } else if name.contains('\0') {
        "the name must not contain a NUL byte"
    } else {
        return None;
    };
    Some(complaint.to_owned())
}

/// The names of environment variables.
pub(crate) fn variables(names: &[OsString]) -> Option<String> {
    list("name", names, |name| variable(name).map(str::to_owned))
}

/// The name of an environment variable.
pub(crate) fn variable(name: &OsStr) -> Option<&'static str> {
    if name.is_empty() || name.as_encoded_bytes().contains(&b'=') {
        Some("takes names without `=`")
    } else if has_nul(name) {
        Some("takes names without a NUL byte")
    } else {
        None
    }
}

/// The value of an environment variable.
pub(crate) fn variable_value(value: &OsStr) -> Option<&'static str> {
    has_nul(value).then_some("takes values without a NUL byte")
}

/// Words for the command line of the daemon.
pub(crate) fn arguments(words: &[OsString]) -> Option<String> {
    let has_nul = words.iter().any(|word| has_nul(word));
    has_nul.then(|| "takes words without a NUL byte".to_owned())
}

/// The size of a log.
pub(crate) fn size(size: u64) -> Option<String> {
    (size == 0).then(|| "must be at least 1 byte".to_owned())
}

pub(crate) fn unknown_facility(name: &str) -> String {
    let name = shown(name.as_ref());
    format!("unknown facility `{name}`; expected `daemon`, `user` or `local0` to `local7`")
}

/// The code of a facility of the system log, see RFC 3164. Some of them have no name.
pub(crate) fn facility(name: &str) -> Option<u32> {
    let is_name = |facility: &str| facility == name && name != "-";
    let code = FACILITIES.iter().position(|facility| is_name(facility))?;
    u32::try_from(code).ok()
}

/// How many old logs are kept.
pub(crate) fn log_count(count: u32) -> Option<String> {
    match count {
        0 => Some("must be at least 1".to_owned()),
        1..=LOG_COUNT_MAX => None,
        _ => Some(format!("must be at most {LOG_COUNT_MAX}")),
    }
}

#[cfg(test)]
mod tests;
