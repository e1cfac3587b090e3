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
}

impl Verb {
    pub(crate) fn from_word(word: &OsStr) -> Option<Self> {
        match word.to_str()? {
            "status" => Some(Self::Status),
            "start" => Some(Self::Start),
            "stop" => Some(Self::Stop),
            "reload" => Some(Self::Reload),
            "reopen" => Some(Self::Reopen),
            "restart" => Some(Self::Restart),
            _ => None,
        }
    }
}
