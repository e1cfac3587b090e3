//! Finds and removes the words of this library.
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
//! The words of a verb (`-s log -f`) stand directly after it. The first other word, or `--`, begins
//! the program's arguments.
//!
//! The other flags have their value in a word of its own, or after `=` behind two dashes. `-nweb` is
//! an error for `-n`: most parsers take it as `-n web`, and a verb would reach another daemon.
//!
//! A word that begins with a dash is never the value of one of our flags: `-d --pid-file --verbose`
//! is a forgotten path, not a PID file of the name `--verbose`.

#[cfg(unix)]
mod arguments;
mod failure;
mod reader;

use std::ffi::{OsStr, OsString};

use crate::daemon::Daemon;
use crate::error::Error;
use crate::value_flags::ValueFlag;
use crate::verb::{LogArguments, Verb};
use reader::{Meaning, Reader, VerbWord};

#[cfg(unix)]
pub(crate) use arguments::{abbreviates, has_arguments};

pub(crate) use crate::value_flags::Chosen;

/// What the command line asks of us.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Invocation {
    /// Nothing: neither the switch nor a control verb is there.
    Foreground,
    /// The switch together with `--help` or `--version`, or a control verb with one of them, since
    /// a question must not stop a daemon: the program answers, executed in place with `argv`, which
    /// reads as [`Foreground`](Self::Foreground).
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

/// Reads the command line. Every `argv` in the answer is the command line byte for byte, `argv[0]`
/// included, without this library's words.
///
/// `command_line` is called once in the foreground, and the look through it allocates nothing; only
/// when there is a word of this library is it called again, to build the new argv.
///
/// # Errors
///
/// `Usage`, and only if the switch or the control flag is there: a flag without its value, with an
/// empty or attached one or given twice, a control verb that is unknown or stands beside the switch.
/// `Configuration` then, if two options claim one flag, and always, if two options are set that exclude
/// each other.
pub(crate) fn read<W>(settings: &Daemon, command_line: impl Fn() -> W) -> Result<Invocation, Error>
where
    W: Iterator<Item = OsString>,
{
    expect_one_of_each_pair(settings)?;
    if !has_switch_or_verb(settings, &mut command_line()) {
        return Ok(Invocation::Foreground);
    }
    expect_distinct_flags(settings)?;
    let words: Vec<OsString> = command_line().collect();
    take_apart(settings, &words)
}

/// Reads a command line in which there is a word of this library.
fn take_apart(settings: &Daemon, words: &[OsString]) -> Result<Invocation, Error> {
    let mut reader = Reader::new(settings);
    let mut argv: Vec<&OsStr> = Vec::new();
    argv.extend(words.first().map(OsString::as_os_str));
    let (mut switch, mut foreground, mut is_question) = (None, None, false);
    let (mut verb, mut first_verb, mut view) = (None, None, LogArguments::default());
    let mut values: Vec<(ValueFlag<'_>, &OsStr)> = Vec::new();
    for word in words.iter().skip(1) {
        match reader.meaning_of(word) {
            Meaning::Program => argv.push(word),
            Meaning::Question => {
                is_question = true;
                argv.push(word);
            }
            Meaning::Switch => switch = Some(word),
            Meaning::Verb(verb) => {
                first_verb = Some((verb, word));
                argv.push(word);
            }
            Meaning::OfVerb(word) => set(&mut view, word)?,
            Meaning::Foreground => {
                foreground = Some(word);
                argv.push(word);
            }
            Meaning::Flag(flag) => {
                if flag.option.stays {
                    argv.push(word);
                }
            }
            Meaning::Value(flag, value) => {
                if value.is_empty() {
                    return Err(failure::of_flag(flag.name, "its value is empty"));
                }
                if values.iter().any(|(other, _)| other.option == flag.option) {
                    return Err(failure::of_flag(flag.name, "it is given twice"));
                }
                if flag.option.is_verb {
                    verb = Some((flag, value));
                }
                values.push((flag, value));
                if flag.option.stays {
                    argv.push(word);
                }
            }
            Meaning::Attached(flag) => return Err(failure::attached_value(flag.name, word)),
        }
    }
    if let Some(flag) = reader.missing_value.or(reader.awaiting) {
        return Err(failure::of_flag(flag.name, (flag.option.expected)()));
    }
    if reader.lacks_line_count() {
        return Err(failure::no_line_count(None));
    }

    let switch = switch.or(foreground);
    let verb = match verb {
        None => None,
        Some((flag, word)) => match (Verb::from_word(word), switch) {
            (None, _) => return Err(failure::unknown_verb(flag, word)),
            (Some(_), Some(switch)) => {
                return Err(failure::verb_beside_switch(flag.name, switch));
            }
            (Some(verb), None) => Some(verb),
        },
    };
    if let (Some((_, word)), Some(switch)) = (&first_verb, switch) {
        return Err(failure::verb_beside_switch(word, switch));
    }
    let mut argv: Vec<OsString> = argv.into_iter().map(OsStr::to_owned).collect();
    if is_question {
        return in_place(settings, argv, words.len());
    }
    let verb = match first_verb {
        None => verb,
        Some((verb, _)) => {
            argv[1..2].clone_from_slice(settings.control_subcommands.as_slice());
            Some(verb)
        }
    };
    let verb = verb.map(|verb| verb.with_view(view));
    let mut chosen = Chosen::default();
    for (flag, value) in values {
        choose(&mut chosen, flag, value)?;
    }
    Ok(match verb {
        Some(verb) => Invocation::Control { verb, argv, chosen },
        None => Invocation::Background { argv, chosen },
    })
}

/// The program in place, once: the new image reads its command line again. A verb that is the first
/// word stays in it, so after that nothing may be left to remove.
fn in_place(settings: &Daemon, argv: Vec<OsString>, count: usize) -> Result<Invocation, Error> {
    if argv.len() == count {
        return Ok(Invocation::Foreground);
    }
    if has_switch_or_verb(settings, &mut argv.iter().cloned()) {
        match take_apart(settings, &argv)? {
            Invocation::Foreground => {}
            further => return Ok(further),
        }
    }
    Ok(Invocation::InPlace { argv })
}

/// What a program in the foreground chose for its PID file. Nothing if this is not the part of the
/// program that has one: another subcommand, `--help` or `--version`.
#[cfg(unix)]
pub(crate) fn foreground(
    settings: &Daemon,
    words: &mut dyn Iterator<Item = OsString>,
) -> Result<Option<Chosen>, Error> {
    let mut reader = Reader::new(settings);
    let mut chosen = Chosen::default();
    let mut seen = Vec::new();
    for word in words.skip(1) {
        let (flag, value) = match reader.meaning_of(&word) {
            Meaning::Question => return Ok(None),
            Meaning::Value(flag, value) => (flag, value),
            Meaning::Attached(flag) if flag.option.locates => {
                return Err(failure::attached_value(flag.name, &word));
            }
            _ => continue,
        };
        // The parser of the program complains about an empty or a second value.
        if flag.option.locates && !seen.contains(&flag.option) {
            seen.push(flag.option);
            choose(&mut chosen, flag, value)?;
        }
    }
    Ok(reader.subcommand_seen.then_some(chosen))
}

/// Whether the switch or the control flag is there, or no foreground flag where there is no switch.
fn has_switch_or_verb(settings: &Daemon, words: &mut dyn Iterator<Item = OsString>) -> bool {
    let mut reader = Reader::new(settings);
    let mut stays = settings.foreground_flag.is_none();
    for word in words.skip(1) {
        match reader.meaning_of(&word) {
            Meaning::Switch | Meaning::Verb(_) => return true,
            Meaning::Flag(flag) | Meaning::Value(flag, _) if flag.option.is_verb => {
                return true;
            }
            Meaning::Foreground | Meaning::Question => stays = true,
            Meaning::Program
            | Meaning::OfVerb(_)
            | Meaning::Flag(_)
            | Meaning::Value(..)
            | Meaning::Attached(_) => {}
        }
    }
    !stays && reader.subcommand_seen
}

/// They contradict each other, whatever the command line is.
fn expect_one_of_each_pair(settings: &Daemon) -> Result<(), Error> {
    if settings.background_flag.is_some() && settings.foreground_flag.is_some() {
        return Err(failure::exclusive("foreground_flag", "background_flag"));
    }
    let mut flags = settings.value_flags.iter();
    if flags.any(|flag| flag.option.is_verb) && settings.control_subcommands.is_some() {
        return Err(failure::exclusive("control_subcommands", "control_flag"));
    }
    Ok(())
}

/// Only one option can answer to a flag.
fn expect_distinct_flags(settings: &Daemon) -> Result<(), Error> {
    let mut claims: Vec<(&OsStr, &str)> = Vec::new();
    for flag in settings.switches() {
        claims.push((flag, "background_flag"));
    }
    for flag in settings.foreground_flag.iter().flatten() {
        claims.push((flag, "foreground_flag"));
    }
    for flag in settings.value_flags.iter() {
        claims.push((flag.name, flag.option.name));
    }
    for (index, (flag, option)) in claims.iter().enumerate() {
        let mut earlier = claims.iter().take(index);
        if let Some((_, other)) = earlier.find(|(it, other)| it == flag && other != option) {
            return Err(failure::claimed_twice(flag, other, option));
        }
    }
    Ok(())
}

fn choose(chosen: &mut Chosen, flag: ValueFlag<'_>, value: &OsStr) -> Result<(), Error> {
    let noted = (flag.option.choose)(chosen, value);
    noted.map_err(|reason| failure::of_flag(flag.name, reason))
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

/// Reads a word of the verb `log`.
fn set(view: &mut LogArguments, word: VerbWord<'_>) -> Result<(), Error> {
    match word {
        VerbWord::Follow => view.follows = true,
        VerbWord::Lines => {}
        VerbWord::LineCount(word) => {
            let count = word.to_str().and_then(|word| word.parse().ok());
            view.line_count = count.ok_or_else(|| failure::no_line_count(Some(word)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
