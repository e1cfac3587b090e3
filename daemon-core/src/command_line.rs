//! Finding and removing our switches.
//!
//! This parser runs before the program's own and knows nothing about it. So it takes exact words
//! only, before `--`: no clusters (`-vd`), no `--background=true`. It cannot know that a word is
//! the value of one of the program's options (`--name -d`).
//!
//! With `subcommand`, the switch counts only after such a word: `prog genkey -d` belongs to the
//! program. The other flags count on both sides of it: `prog --log-file FILE mount -d` must not log
//! elsewhere, and a control verb concerns the daemon whatever the subcommand is.
//!
//! A control verb may be attached to its flag: `-sstop`, `-s=stop`, `--ctl=stop`. A word that begins
//! with a short control flag and names no verb is an error.
//!
//! A word that begins with a dash is never the value of one of our flags: `-d --pid-file --verbose`
//! is a forgotten path, not a PID file of the name `--verbose`.

mod reader;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::daemon::Daemon;
use crate::error::{Error, ErrorKind, shown};
use crate::verb::Verb;
use reader::{Meaning, Reader, ValueFlag, ValueKind};

/// What the command line asks of us.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Invocation {
    /// Nothing: neither the switch nor a control verb is there.
    Foreground,
    /// The switch together with `--help` or `--version`, or a control verb with one of them, since
    /// a question must not stop a daemon: the program answers, executed in place with `argv`.
    InPlace { argv: Vec<OsString> },
    /// A daemon with `argv`.
    Background { argv: Vec<OsString>, chosen: Chosen },
    /// A control verb; `argv` is for the daemon that `restart` starts.
    Control {
        verb: Verb,
        argv: Vec<OsString>,
        chosen: Chosen,
    },
}

/// What the user of the program chose by `pid_flag`, `log_flag`, `timeout_flag` and `instance_flag`.
/// A path is not empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) pid_file: Option<PathBuf>,
    pub(crate) log_file: Option<PathBuf>,
    pub(crate) ready_timeout: Option<Duration>,
    pub(crate) instance: Option<String>,
}

/// Reads the command line. Every `argv` in the answer is the command line byte for byte, `argv[0]`
/// included, less the words that are ours.
///
/// `command_line` is called once in the foreground, and the look through it allocates nothing; only
/// when there is something of ours is it called again, to build the new argv.
///
/// # Errors
///
/// `Usage`, and only if the switch or the control flag is there: a flag without its value, with an
/// empty one or given twice, a control verb that is unknown or stands beside the switch.
/// `Configuration` then, if two options claim one flag.
pub(crate) fn read<W>(settings: &Daemon, command_line: impl Fn() -> W) -> Result<Invocation, Error>
where
    W: Iterator<Item = OsString>,
{
    if !has_switch_or_verb(settings, command_line()) {
        return Ok(Invocation::Foreground);
    }
    expect_distinct_flags(settings)?;

    let mut reader = Reader::new(settings);
    let mut words = command_line();
    let mut argv: Vec<OsString> = words.next().into_iter().collect();
    let (mut switch, mut foreground, mut is_question) = (None, None, false);
    let (mut verb, mut first_verb) = (None, None);
    let (mut pid_file, mut log_file) = (None, None);
    let (mut timeout, mut instance) = (None, None);
    for word in words {
        match reader.meaning_of(&word) {
            Meaning::Program => argv.push(word),
            Meaning::Question => {
                is_question = true;
                argv.push(word);
            }
            Meaning::Switch => switch = Some(word),
            Meaning::Verb(verb) => {
                first_verb = Some((verb, word.clone()));
                argv.push(word);
            }
            Meaning::Foreground => {
                foreground = Some(word.clone());
                argv.push(word);
            }
            Meaning::Flag(flag) => {
                if flag.takes == ValueKind::Instance {
                    argv.push(word);
                }
            }
            Meaning::Value(flag, value) => {
                let slot = match flag.takes {
                    ValueKind::PidFile => &mut pid_file,
                    ValueKind::LogFile => &mut log_file,
                    ValueKind::Timeout => &mut timeout,
                    ValueKind::Instance => &mut instance,
                    ValueKind::Verb => &mut verb,
                };
                if value.is_empty() {
                    return Err(flag_error(flag.name, "its value is empty"));
                }
                if slot.replace(value.to_owned()).is_some() {
                    return Err(flag_error(flag.name, "it is given twice"));
                }
                if flag.takes == ValueKind::Instance {
                    argv.push(word);
                }
            }
        }
    }
    match reader.missing_value.or(reader.awaiting) {
        None => {}
        Some(flag) => return Err(missing_value(flag)),
    }

    let switch = switch.or(foreground);
    let verb = match (verb, &settings.control_flag) {
        (Some(word), Some(flag)) => match (Verb::from_word(&word), &switch) {
            (None, _) => return Err(unknown_verb(flag, &word)),
            (Some(_), Some(switch)) => return Err(verb_beside_switch(flag, switch)),
            (Some(verb), None) => Some(verb),
        },
        _ => None,
    };
    if is_question {
        return Ok(Invocation::InPlace { argv });
    }
    let verb = match (first_verb, switch) {
        (None, _) => verb,
        (Some((_, word)), Some(switch)) => return Err(verb_beside_switch(&word, &switch)),
        (Some((verb, _)), None) => {
            argv[1..2].clone_from_slice(settings.control_subcommands.as_slice());
            Some(verb)
        }
    };
    let chosen = Chosen {
        pid_file: pid_file.map(PathBuf::from),
        log_file: log_file.map(PathBuf::from),
        ready_timeout: match (timeout, &settings.timeout_flag) {
            (Some(word), Some(flag)) => Some(ready_timeout(flag, &word)?),
            _ => None,
        },
        instance: match (instance, &settings.instance_flag) {
            (Some(word), Some(flag)) => Some(instance_name(flag, &word)?),
            _ => None,
        },
    };
    Ok(match verb {
        Some(verb) => Invocation::Control { verb, argv, chosen },
        None => Invocation::Background { argv, chosen },
    })
}

/// What a program in the foreground chose for its PID file. Nothing if this is not the part of the
/// program that has one: another subcommand, `--help` or `--version`.
#[cfg(unix)]
pub(crate) fn foreground(
    settings: &Daemon,
    words: impl Iterator<Item = OsString>,
) -> Result<Option<Chosen>, Error> {
    let mut reader = Reader::new(settings);
    let mut chosen = Chosen::default();
    for word in words.skip(1) {
        let (flag, value) = match reader.meaning_of(&word) {
            Meaning::Question => return Ok(None),
            Meaning::Value(flag, value) => (flag, value),
            _ => continue,
        };
        // The parser of the program complains about an empty or a second value.
        match flag.takes {
            ValueKind::PidFile => {
                chosen.pid_file.get_or_insert_with(|| PathBuf::from(value));
            }
            ValueKind::Instance => chosen.instance = Some(instance_name(flag.name, value)?),
            _ => {}
        }
    }
    Ok(reader.subcommand_seen.then_some(chosen))
}

/// Whether the switch or the control flag is there, or no foreground flag where there is no switch.
fn has_switch_or_verb(settings: &Daemon, words: impl Iterator<Item = OsString>) -> bool {
    let mut reader = Reader::new(settings);
    let mut stays = settings.foreground_flag.is_none();
    for word in words.skip(1) {
        match reader.meaning_of(&word) {
            Meaning::Switch | Meaning::Verb(_) => return true,
            Meaning::Flag(flag) | Meaning::Value(flag, _) if flag.takes == ValueKind::Verb => {
                return true;
            }
            Meaning::Foreground | Meaning::Question => stays = true,
            Meaning::Program | Meaning::Flag(_) | Meaning::Value(..) => {}
        }
    }
    !stays && reader.subcommand_seen
}

/// Only one option can answer to a flag. A switch that is listed twice does no harm.
fn expect_distinct_flags(settings: &Daemon) -> Result<(), Error> {
    if settings.background_flag.is_some() && settings.foreground_flag.is_some() {
        return Err(Error::words(
            ErrorKind::Configuration,
            "cannot read the command line",
            "foreground_flag and background_flag exclude each other",
        ));
    }
    if settings.control_flag.is_some() && settings.control_subcommands.is_some() {
        return Err(Error::words(
            ErrorKind::Configuration,
            "cannot read the command line",
            "control_subcommands and control_flag exclude each other",
        ));
    }
    let switches = settings.switches();
    let mut claims: Vec<_> = switches.map(|flag| (flag, "background_flag")).collect();
    for (flag, option) in [
        (&settings.foreground_flag, "foreground_flag"),
        (&settings.pid_flag, "pid_flag"),
        (&settings.log_flag, "log_flag"),
        (&settings.timeout_flag, "timeout_flag"),
        (&settings.instance_flag, "instance_flag"),
        (&settings.control_flag, "control_flag"),
    ] {
        let Some(flag) = flag else { continue };
        if let Some((_, other)) = claims
            .iter()
            .find(|(claimed, _)| *claimed == flag.as_os_str())
        {
            return Err(claimed_twice(flag, other, option));
        }
        claims.push((flag.as_os_str(), option));
    }
    Ok(())
}

impl Daemon {
    /// The spellings of the switch.
    pub(crate) fn switches(&self) -> impl Iterator<Item = &OsStr> {
        let default = ["-d", "--background"].map(OsStr::new);
        let has_default = self.background_flag.is_none() && self.foreground_flag.is_none();
        let own = self.background_flag.iter().flatten();
        own.map(OsString::as_os_str)
            .chain(default.into_iter().filter(move |_| has_default))
    }
}

/// Whole seconds; 0 is for ever.
fn ready_timeout(flag: &OsStr, word: &OsStr) -> Result<Duration, Error> {
    match word.to_str().map(str::parse) {
        Some(Ok(0)) => Ok(Duration::MAX),
        Some(Ok(seconds)) => Ok(Duration::from_secs(seconds)),
        _ => {
            let word = shown(Path::new(word));
            Err(flag_error(
                flag,
                format!("{EXPECTED_SECONDS}, found {word}"),
            ))
        }
    }
}

/// One component of a path.
fn instance_name(flag: &OsStr, word: &OsStr) -> Result<String, Error> {
    let is_name = |name: &&str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte);
        name.len() <= INSTANCE_MAX && !name.starts_with(['.', '-']) && name.bytes().all(is_allowed)
    };
    let name = word.to_str().filter(is_name);
    name.map(str::to_owned).ok_or_else(|| {
        let word = shown(Path::new(word));
        flag_error(flag, format!("{EXPECTED_INSTANCE}, found {word}"))
    })
}

fn missing_value(flag: ValueFlag) -> Error {
    let reason = match flag.takes {
        ValueKind::PidFile | ValueKind::LogFile => {
            "expected a path; write ./-name for one that begins with a dash".to_owned()
        }
        ValueKind::Timeout => EXPECTED_SECONDS.to_owned(),
        ValueKind::Instance => EXPECTED_INSTANCE.to_owned(),
        ValueKind::Verb => format!("expected {VERBS}"),
    };
    flag_error(flag.name, reason)
}

fn unknown_verb(flag: &OsStr, word: &OsStr) -> Error {
    let word = shown(Path::new(word));
    flag_error(flag, format!("unknown verb {word}; expected {VERBS}"))
}

/// `asked` is the control flag, or the verb where that is a subcommand.
fn verb_beside_switch(asked: &OsStr, switch: &OsStr) -> Error {
    let what = match Verb::from_word(asked) {
        Some(_) => format!("cannot use the verb {}", shown(Path::new(asked))),
        None => cannot_use(asked),
    };
    let switch = shown(Path::new(switch));
    let reason = format!("it cannot be combined with {switch}");
    Error::words(ErrorKind::Usage, what, reason)
}

fn flag_error(flag: &OsStr, reason: impl Into<String>) -> Error {
    Error::words(ErrorKind::Usage, cannot_use(flag), reason)
}

fn claimed_twice(flag: &OsStr, one: &str, other: &str) -> Error {
    let reason = format!("{one} and {other} both use it");
    Error::words(ErrorKind::Configuration, cannot_use(flag), reason)
}

fn cannot_use(flag: &OsStr) -> String {
    format!("cannot use the flag {}", shown(Path::new(flag)))
}

const INSTANCE_MAX: usize = 64;
const EXPECTED_INSTANCE: &str =
    "expected a name of at most 64 letters, digits, `.`, `_`, `@` and `-`";

const EXPECTED_SECONDS: &str = "expected a number of seconds";

const VERBS: &str = "status, start, stop, reload, reopen or restart";

#[cfg(test)]
mod tests;
