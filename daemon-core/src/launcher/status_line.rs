//! The one line on the terminal that tells a waiting user what is going on.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use super::report;

/// Whoever waits no longer than this needs no explanation.
const QUIET: Duration = Duration::from_secs(1);

/// A line that is rewritten in place, and cleared at the end. On anything but a terminal that can
/// do this it does nothing.
#[derive(Debug)]
pub(super) struct StatusLine {
    begin: Instant,
    text: String,
    shown: Option<Duration>,
    is_possible: bool,
}

impl StatusLine {
    pub(super) fn new() -> Self {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            begin: Instant::now(),
            text: "waiting until the daemon is ready".to_owned(),
            shown: None,
            is_possible: !is_dumb && io::stderr().is_terminal(),
        }
    }

    /// What the daemon says it is doing: one line, without control characters.
    pub(super) fn set(&mut self, text: String) {
        self.text = text;
        self.shown = self.shown.map(|_| Duration::ZERO);
    }

    /// Shows the line, when it is time for it or when it has changed.
    pub(super) fn show(&mut self, now: Instant) {
        if self.next_show(now).is_none_or(|next| now < next) {
            return;
        }
        let waited = now - self.begin;
        self.shown = Some(waited);
        report::status(&self.text, waited.as_secs());
    }

    /// When the line wants to be shown again: its seconds count.
    pub(super) fn next_show(&self, now: Instant) -> Option<Instant> {
        let next = match self.shown {
            None => QUIET,
            Some(Duration::ZERO) => now - self.begin,
            Some(shown) => Duration::from_secs(shown.as_secs() + 1),
        };
        self.is_possible.then(|| self.begin + next)
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        if self.shown.is_some() {
            report::clear_status();
        }
    }
}
