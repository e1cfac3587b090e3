//! The control verbs, as words.

use std::ffi::OsStr;

/// What can be done with a daemon that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Status,
    Start,
    Stop,
    Reload,
    Reopen,
    Restart,
    Log(LogView),
}

/// What the words after the verb `log` ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogView {
    /// How many of the last lines are shown.
    pub(crate) line_count: u64,
    /// Whether what is written later is shown too.
    pub(crate) follows: bool,
}

impl Default for LogView {
    fn default() -> Self {
        Self {
            line_count: 10,
            follows: false,
        }
    }
}

impl Verb {
    pub(crate) fn with_view(self, view: LogView) -> Self {
        match self {
            Self::Log(_) => Self::Log(view),
            other => other,
        }
    }

    pub(crate) fn from_word(word: &OsStr) -> Option<Self> {
        match word.to_str()? {
            "status" => Some(Self::Status),
            "start" => Some(Self::Start),
            "stop" => Some(Self::Stop),
            "reload" => Some(Self::Reload),
            "reopen" => Some(Self::Reopen),
            "restart" => Some(Self::Restart),
            "log" => Some(Self::Log(LogView::default())),
            _ => None,
        }
    }
}
