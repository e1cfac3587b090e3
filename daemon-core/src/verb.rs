//! The control verbs, as words.

use std::ffi::OsStr;

/// A control verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Status,
    Start,
    Stop,
    Reload,
    Reopen,
    Restart,
    Rotate,
    Log(LogArguments),
    Unit,
    UserUnit,
}

/// What the words after the verb `log` ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogArguments {
    /// How many of the last lines are shown.
    pub(crate) line_count: u64,
    /// Whether what is written later is shown too.
    pub(crate) follows: bool,
}

/// Every verb, by its word. The library has no other list of them.
pub(crate) const VERBS: [(&str, Verb); 10] = [
    ("status", Verb::Status),
    ("start", Verb::Start),
    ("stop", Verb::Stop),
    ("reload", Verb::Reload),
    ("reopen", Verb::Reopen),
    ("restart", Verb::Restart),
    ("rotate", Verb::Rotate),
    ("log", Verb::Log(LogArguments::DEFAULT)),
    ("unit", Verb::Unit),
    ("user-unit", Verb::UserUnit),
];

impl LogArguments {
    const DEFAULT: Self = Self {
        line_count: 10,
        follows: false,
    };
}

impl Default for LogArguments {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Verb {
    pub(crate) fn with_view(self, view: LogArguments) -> Self {
        match self {
            Self::Log(_) => Self::Log(view),
            other => other,
        }
    }

    /// What a message says of a missing verb.
    pub(crate) fn expected() -> String {
        let [others @ .., last] = VERBS.map(|(word, _)| word);
        format!("expected {} or {last}", others.join(", "))
    }

    pub(crate) fn from_word(word: &OsStr) -> Option<Self> {
        let mut words = VERBS.iter();
        words.find_map(|(it, verb)| (word == *it).then_some(*verb))
    }
}
