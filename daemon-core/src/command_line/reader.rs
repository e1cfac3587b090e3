//! What each word of the command line means.

use std::ffi::OsStr;

use crate::daemon::Daemon;
use crate::value_flags::{LOG_FLAG, ValueFlag};
use crate::verb::Verb;

/// What one word of the command line means.
pub(super) enum Meaning<'s, 'w> {
    /// It is the program's.
    Program,
    /// It is the program's, and asks for its help or its version.
    Question,
    Switch,
    /// It is the program's, and keeps it in the foreground.
    Foreground,
    /// A verb as the first word.
    Verb(Verb),
    /// A word of the verb that stands before it.
    OfVerb(VerbWord<'w>),
    /// One of our flags, whose value is the next word.
    Flag(ValueFlag<'s>),
    /// A value of one of our flags, from `--flag=value` or as a word by itself.
    Value(ValueFlag<'s>, &'w OsStr),
    /// One of our short flags and a value in one word, as in `-nweb`.
    Attached(ValueFlag<'s>),
}

/// A word of the verb `log`.
#[derive(Clone, Copy)]
pub(super) enum VerbWord<'w> {
    /// `-f`
    Follow,
    /// `-n`, whose value is the next word.
    Lines,
    LineCount(&'w OsStr),
}

/// The words of a verb stand directly after it. The first other word ends them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum VerbWords {
    None,
    Allowed,
    /// After `-n`.
    AwaitLineCount,
}

/// Reads word after word, from the one after `argv[0]`.
pub(super) struct Reader<'s> {
    settings: &'s Daemon,
    pub(super) subcommand_seen: bool,
    options_ended: bool,
    is_first_word: bool,
    verb_words: VerbWords,
    /// The flag whose value is the next word.
    pub(super) awaiting: Option<ValueFlag<'s>>,
    /// The first flag that got no value.
    pub(super) missing_value: Option<ValueFlag<'s>>,
}

impl<'s> Reader<'s> {
    pub(super) fn new(settings: &'s Daemon) -> Self {
        Self {
            settings,
            subcommand_seen: settings.subcommand.is_empty()
                && settings.control_subcommands.is_none(),
            options_ended: false,
            is_first_word: true,
            verb_words: VerbWords::None,
            awaiting: None,
            missing_value: None,
        }
    }

    pub(super) fn meaning_of<'w>(&mut self, word: &'w OsStr) -> Meaning<'s, 'w> {
        if self.options_ended {
            return Meaning::Program;
        }
        if let Some(meaning) = self.meaning_in_verb(word) {
            return meaning;
        }
        let meaning = self.meaning_outside_verb(word);
        let is_log = match &meaning {
            Meaning::Verb(verb) => matches!(verb, Verb::Log(_)),
            Meaning::Value(flag, word) => flag.option.is_verb && *word == "log",
            _ => false,
        };
        if is_log {
            self.verb_words = VerbWords::Allowed;
        }
        meaning
    }

    /// Whether the last word was `-n` of the verb `log`.
    pub(super) fn lacks_line_count(&self) -> bool {
        self.verb_words == VerbWords::AwaitLineCount
    }

    fn meaning_in_verb<'w>(&mut self, word: &'w OsStr) -> Option<Meaning<'s, 'w>> {
        let (next, meaning) = match self.verb_words {
            VerbWords::None => return None,
            VerbWords::AwaitLineCount => (VerbWords::Allowed, VerbWord::LineCount(word)),
            VerbWords::Allowed if word == "-f" => (VerbWords::Allowed, VerbWord::Follow),
            VerbWords::Allowed if word == "-n" => (VerbWords::AwaitLineCount, VerbWord::Lines),
            VerbWords::Allowed => {
                let count = joined_line_count(word);
                if count.is_none() {
                    self.verb_words = VerbWords::None;
                }
                return count.map(|count| Meaning::OfVerb(VerbWord::LineCount(count)));
            }
        };
        self.verb_words = next;
        Some(Meaning::OfVerb(meaning))
    }

    fn meaning_outside_verb<'w>(&mut self, word: &'w OsStr) -> Meaning<'s, 'w> {
        if std::mem::take(&mut self.is_first_word) {
            if let Some(meaning) = self.meaning_of_first(word) {
                return meaning;
            }
        }
        if let Some(flag) = self.awaiting.take() {
            if !word.as_encoded_bytes().starts_with(b"-") {
                return Meaning::Value(flag, word);
            }
            self.missing_value.get_or_insert(flag);
        }
        if self.subcommand_seen && self.settings.switches().any(|it| it == word) {
            return Meaning::Switch;
        }
        let mut foreground = self.settings.foreground_flag.iter().flatten();
        if foreground.any(|flag| flag == word) {
            return Meaning::Foreground;
        }
        if let Some(meaning) = self.value_flag_in(word) {
            return meaning;
        }
        if word == "--" {
            self.options_ended = true;
        } else if word == "--help" || word == "--version" {
            return Meaning::Question;
        } else if self.settings.subcommand.iter().any(|it| it == word) {
            self.subcommand_seen = true;
        }
        Meaning::Program
    }

    /// The word of a run, or a verb. A verb whose option is not set is a word of the program.
    fn meaning_of_first<'w>(&mut self, word: &OsStr) -> Option<Meaning<'s, 'w>> {
        let run = self.settings.control_subcommands.as_ref()?;
        let verb = Verb::from_word(word).filter(|verb| match verb {
            Verb::Reopen => self.settings.settings.log_reopen.is_some(),
            Verb::Rotate => self.settings.settings.log_rotate.is_some(),
            Verb::Log(_) => {
                let flag = self.settings.value_flags.of(&LOG_FLAG);
                self.settings.paths.log.is_some() || flag.is_some()
            }
            _ => true,
        });
        self.subcommand_seen |= verb.is_some() || word == run;
        verb.map(Meaning::Verb)
    }

    fn value_flag_in<'w>(&mut self, word: &'w OsStr) -> Option<Meaning<'s, 'w>> {
        for flag in self.settings.value_flags.iter() {
            if word == flag.name {
                self.awaiting = Some(flag);
                return Some(Meaning::Flag(flag));
            }
            let value = if flag.option.is_verb {
                attached_verb(flag.name, word)
            } else {
                value_after(flag.name, word)
            };
            if let Some(value) = value {
                return Some(Meaning::Value(flag, value));
            }
            if !flag.name.as_encoded_bytes().starts_with(b"--")
                && without_prefix(word, flag.name).is_some()
            {
                return Some(Meaning::Attached(flag));
            }
        }
        None
    }
}

/// The verb in `-sstop`, `-s=stop` and `--flag=stop`.
fn attached_verb<'w>(flag: &OsStr, word: &'w OsStr) -> Option<&'w OsStr> {
    if flag.as_encoded_bytes().starts_with(b"--") {
        return value_after(flag, word);
    }
    let rest = without_prefix(word, flag)?;
    Some(without_prefix(rest, OsStr::new("=")).unwrap_or(rest))
}

/// The value in `--flag=value`. A short flag has no such form: in `-p=x`, some parsers take the
/// value to be `=x`, and `-port` may be a flag of the program.
fn value_after<'w>(flag: &OsStr, word: &'w OsStr) -> Option<&'w OsStr> {
    if !flag.as_encoded_bytes().starts_with(b"--") {
        return None;
    }
    without_prefix(word, flag).and_then(|rest| without_prefix(rest, OsStr::new("=")))
}

#[cfg(unix)]
fn without_prefix<'w>(word: &'w OsStr, prefix: &OsStr) -> Option<&'w OsStr> {
    use std::os::unix::ffi::OsStrExt;

    let rest = word.as_bytes().strip_prefix(prefix.as_bytes())?;
    Some(OsStr::from_bytes(rest))
}

#[cfg(not(unix))]
fn without_prefix<'w>(word: &'w OsStr, prefix: &OsStr) -> Option<&'w OsStr> {
    let rest = word.to_str()?.strip_prefix(prefix.to_str()?)?;
    Some(OsStr::new(rest))
}

/// The number in `-n50`, as tail(1) takes it.
fn joined_line_count(word: &OsStr) -> Option<&OsStr> {
    let count = word.to_str()?.strip_prefix("-n")?;
    let is_number = count.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(count.as_ref())
}
