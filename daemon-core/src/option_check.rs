//! What a builder method refuses: the same values as the attribute, with the same words.
//!
//! The attribute refuses them when it is compiled. The builder keeps what is wrong, and the start and
//! the control verbs fail with it.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use crate::error::{Error, ErrorKind, shown};
use crate::signal::Signal;
use crate::verb::Verb;

const MODE_MAX: u32 = 0o777;
const OWNER_READ_WRITE: u32 = 0o600;

const RESTART_DELAY_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Programs and their users rely on these.
const RESERVED: [&str; 4] = ["-h", "-V", "--help", "--version"];

const LOG_COUNT_MAX: u32 = 1000;

/// By their codes. The first one is the kernel's.
const FACILITIES: [&str; 24] = [
    "-", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "-", "-", "-", "-", "local0", "local1", "local2", "local3", "local4", "local5",
    "local6", "local7",
];

const UNCATCHABLE: [Signal; 2] = [Signal::SIGKILL, Signal::SIGSTOP];
const ENDING: [Signal; 3] = [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];

/// The complaints about the options of a builder, one for each option.
#[derive(Clone, Debug, Default)]
pub(crate) struct OptionCheck(Vec<(&'static str, String)>);

impl OptionCheck {
    /// Notes what is wrong with an option, in the place of what was wrong with an earlier value.
    pub(crate) fn note(&mut self, option: &'static str, complaint: Option<String>) {
        self.0.retain(|(other, _)| *other != option);
        self.0
            .extend(complaint.map(|complaint| (option, complaint)));
    }

    /// # Errors
    ///
    /// `Configuration`: the first complaint.
    pub(crate) fn result(&self) -> Result<(), Error> {
        match self.0.first() {
            None => Ok(()),
            Some((option, complaint)) => {
                let what = format!("cannot use the option `{option}`");
                Err(Error::words(
                    ErrorKind::Configuration,
                    what,
                    complaint.as_str(),
                ))
            }
        }
    }
}

/// The permissions of a file that its owner reads and writes.
pub(crate) fn file_mode(mode: u32) -> Option<String> {
    let is_usable = mode & OWNER_READ_WRITE == OWNER_READ_WRITE;
    let complaint = "must let its owner read and write: `0o600` or more";
    umask(mode).or_else(|| (!is_usable).then(|| complaint.to_owned()))
}

pub(crate) fn umask(mask: u32) -> Option<String> {
    (mask > MODE_MAX).then(|| "must be at most `0o777`".to_owned())
}

pub(crate) fn keep_fds(fds: &[i32]) -> Option<String> {
    if fds.iter().any(|fd| (0..=2).contains(fd)) {
        return Some(
            "descriptors 0, 1 and 2 are always redirected; list only higher ones".to_owned(),
        );
    }
    if let Some(fd) = fds.iter().find(|fd| **fd < 0) {
        return Some(format!("{fd} is not a file descriptor"));
    }
    let mut twice = fds
        .iter()
        .enumerate()
        .filter(|(at, fd)| fds[..*at].contains(fd));
    let (_, fd) = twice.next()?;
    Some(format!("descriptor `{fd}` is listed twice"))
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
    name.is_empty()
        .then(|| "the name must not be empty".to_owned())
}

pub(crate) fn subcommand(word: &OsStr) -> Option<String> {
    if word.is_empty() {
        Some("the subcommand must not be empty".to_owned())
    } else if word.as_encoded_bytes().starts_with(b"-") {
        let word = shown(word.as_ref());
        Some(format!("a subcommand does not begin with a dash: `{word}`"))
    } else {
        None
    }
}

/// The first word of a run beside those of the verbs.
pub(crate) fn run_word(word: &OsStr) -> Option<String> {
    let is_word = !word.is_empty() && !word.as_encoded_bytes().starts_with(b"-");
    if !is_word {
        Some("takes a word without a dash: `run`".to_owned())
    } else if Verb::from_word(word).is_some() {
        let word = shown(word.as_ref());
        Some(format!(
            "`{word}` is a verb; use another word, such as `run`"
        ))
    } else {
        None
    }
}

/// The size of a log.
pub(crate) fn size(size: u64) -> Option<String> {
    (size == 0).then(|| "must be at least 1 byte".to_owned())
}

/// The code of a facility of the system log, see RFC 3164. Some of them have no name.
pub(crate) fn facility(name: &str) -> Option<u32> {
    let is_name = |facility: &str| facility == name && name != "-";
    let code = FACILITIES.iter().position(|facility| is_name(facility))?;
    u32::try_from(code).ok()
}

/// How many old logs are kept.
pub(crate) fn log_count(count: u32) -> Option<String> {
    (!(1..=LOG_COUNT_MAX).contains(&count)).then(|| "must be 1 to 1000".to_owned())
}

/// A signal that asks a program to end.
pub(crate) fn stop_signal(signal: Signal) -> Option<String> {
    let is_catchable = !UNCATCHABLE.contains(&signal);
    let complaint = "takes a signal that can be caught, such as `SIGINT`";
    (!is_catchable).then(|| complaint.to_owned())
}

/// A signal that asks a program to do something while it runs on.
pub(crate) fn signal(signal: Signal) -> Option<String> {
    if UNCATCHABLE.contains(&signal) {
        Some(format!(
            "`{signal}` cannot be caught; use `SIGHUP` or `SIGUSR1`"
        ))
    } else if ENDING.contains(&signal) {
        Some(format!(
            "`{signal}` ends a program; use `SIGHUP` or `SIGUSR1`"
        ))
    } else {
        None
    }
}

/// The first complaint about one of these.
pub(crate) fn flags(flags: &[OsString]) -> Option<String> {
    flags.iter().find_map(|it| flag(it))
}

/// A flag that the search through argv would never find, or that no user would expect.
pub(crate) fn flag(flag: &OsStr) -> Option<String> {
    let written = flag.to_string_lossy();
    let name = written.trim_start_matches('-');
    let dash_count = written.len() - name.len();
    let is_one_letter = name.chars().nth(1).is_none();
    let flag = shown(flag.as_ref());
    let name_shown = shown(name.as_ref());

    if written.is_empty() {
        Some("the flag must not be empty".to_owned())
    } else if written.contains(char::is_whitespace) {
        Some(format!("flag `{flag}` must not contain white space"))
    } else if name.is_empty() {
        Some(format!("`{flag}` is not a flag; write a name after it"))
    } else if written.contains('=') {
        Some(format!("flag `{flag}` must not carry a value"))
    } else if dash_count == 0 {
        let dashed = if is_one_letter { "-" } else { "--" };
        Some(format!("a flag begins with a dash: `{dashed}{flag}`"))
    } else if dash_count > 2 {
        Some(format!(
            "flag `{flag}` has too many dashes; write `--{name_shown}`"
        ))
    } else if dash_count == 2 && is_one_letter {
        Some(format!(
            "a flag of one letter has a single dash: `-{name_shown}`"
        ))
    } else if dash_count == 1 && !is_one_letter {
        Some(format!(
            "short flag `{flag}` has more than one letter; write `--{name_shown}` or a single letter"
        ))
    } else if RESERVED.contains(&&*written) {
        Some(format!(
            "flag `{flag}` is reserved by convention; choose another"
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
