//! Which flags, subcommands and names of instances an option takes.

use std::ffi::{OsStr, OsString};

use super::{has_nul, list};
use crate::error::shown;
use crate::verb::Verb;

/// Programs and their users rely on these.
pub const RESERVED_FLAGS: [&str; 4] = ["-h", "-V", "--help", "--version"];

const INSTANCE_MAX: usize = 64;

/// The flags of one option.
pub(crate) fn flags(flags: &[OsString]) -> Option<String> {
    list("flag", flags, flag)
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
    } else if written.contains('\0') {
        Some(format!("flag `{flag}` must not contain a NUL byte"))
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
    } else if RESERVED_FLAGS.contains(&&*written) {
        Some(format!(
            "flag `{flag}` is reserved by convention; choose another"
        ))
    } else {
        None
    }
}

pub(crate) fn subcommands(words: &[OsString]) -> Option<String> {
    list("word", words, subcommand)
}

fn subcommand(word: &OsStr) -> Option<String> {
    if word.is_empty() {
        Some("the subcommand must not be empty".to_owned())
    } else if has_nul(word) {
        Some("the subcommand must not contain a NUL byte".to_owned())
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
    } else if has_nul(word) {
        Some("the word must not contain a NUL byte".to_owned())
    } else if Verb::from_word(word).is_some() {
        let word = shown(word.as_ref());
        Some(format!(
            "`{word}` is a verb; use another word, such as `run`"
        ))
    } else {
        None
    }
}

/// The name of an instance, which is one component of a path.
pub(crate) fn is_instance(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte);
    name.len() <= INSTANCE_MAX && !name.starts_with(['.', '-']) && name.bytes().all(is_allowed)
}

pub(crate) fn instance(name: &str) -> Option<String> {
    let name_shown = shown(name.as_ref());
    let complaint = || {
        format!(
            "takes at most 64 letters, digits, `.`, `_`, `@` and `-`, and no dot or dash at the \
             beginning: `{name_shown}`"
        )
    };
    (!is_instance(name) || name.is_empty()).then(complaint)
}
