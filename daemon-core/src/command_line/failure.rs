//! What is wrong with a command line, in the words that its user reads.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

use crate::error::{Error, ErrorKind, shown};
use crate::value_flags::ValueFlag;
use crate::verb::Verb;

pub(super) fn of_flag(flag: &OsStr, reason: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Usage, cannot_use(flag), reason)
}

/// A short flag and its value in one word.
pub(super) fn attached_value(flag: &OsStr, word: &OsStr) -> Error {
    let word = shown(Path::new(word));
    of_flag(
        flag,
        format!("write its value as a separate word, found {word}"),
    )
}

pub(super) fn unknown_verb(flag: ValueFlag<'_>, word: &OsStr) -> Error {
    let (word, expected) = (shown(Path::new(word)), (flag.option.expected)());
    of_flag(flag.name, format!("unknown verb {word}; {expected}"))
}

/// After `-n` of the verb `log`.
pub(super) fn no_line_count(word: Option<&OsStr>) -> Error {
    let found = match word {
        Some(word) => format!("found {}", shown(Path::new(word))),
        None => "it is missing".to_owned(),
    };
    let reason = format!("-n takes a number of lines; {found}");
    Error::new(ErrorKind::Usage, "cannot use the verb log", reason)
}

/// `asked` is the control flag, or the verb where that is a subcommand.
pub(super) fn verb_beside_switch(asked: &OsStr, switch: &OsStr) -> Error {
    let what = match Verb::from_word(asked) {
        Some(_) => format!("cannot use the verb {}", shown(Path::new(asked))),
        None => cannot_use(asked),
    };
    let switch = shown(Path::new(switch));
    let reason = format!("it cannot be combined with {switch}");
    Error::new(ErrorKind::Usage, what, reason)
}

pub(super) fn exclusive(one: &str, other: &str) -> Error {
    let what = "cannot read the command line";
    let reason = format!("{one} and {other} cannot be combined");
    Error::new(ErrorKind::Configuration, what, reason)
}

pub(super) fn claimed_twice(flag: &OsStr, one: &str, other: &str) -> Error {
    let reason = format!("{one} and {other} both use it");
    Error::new(ErrorKind::Configuration, cannot_use(flag), reason)
}

fn cannot_use(flag: &OsStr) -> String {
    format!("cannot use the flag {}", shown(Path::new(flag)))
}
