//! The one line on the terminal that tells a waiting user what is going on.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use super::report;
use crate::error::WAITING;

/// Whoever waits no longer than this needs no explanation.
const SHOW_AFTER: Duration = Duration::from_secs(1);

/// However often the daemon changes its mind, nobody can read faster.
const MIN_REDRAW_INTERVAL: Duration = Duration::from_millis(100);

/// A line that is rewritten in place, and cleared at the end. On anything but a terminal that can
/// do this it does nothing.
#[derive(Debug)]
pub(super) struct StatusLine {
    begin: Instant,
    text: Option<String>,
    has_changed: bool,
    shown: Option<Instant>,
    is_possible: bool,
}

impl StatusLine {
    pub(super) fn new() -> Self {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            begin: Instant::now(),
            text: None,
            has_changed: false,
            shown: None,
            is_possible: !is_dumb && io::stderr().is_terminal(),
        }
    }

    /// What the daemon says it is doing: one line, without control characters; nothing when it takes
    /// that back.
    pub(super) fn set(&mut self, text: String) {
        self.text = (!text.is_empty()).then_some(text);
        self.has_changed = true;
    }

    /// What the daemon said last.
    pub(super) fn take(&mut self) -> Option<String> {
        self.text.take()
    }

    /// Shows the line, when it is time for it.
    pub(super) fn show(&mut self, now: Instant) {
        if self.next_show().is_none_or(|next| now < next) {
            return;
        }
        self.shown = Some(now);
        self.has_changed = false;
        let text = self.text.as_deref().unwrap_or(WAITING);
        report::status(text, (now - self.begin).as_secs());
    }

    /// Says something that is to stay.
    pub(super) fn clear_then_print(&mut self, text: &str) {
        if self.shown.is_some() {
            report::clear_status();
            self.has_changed = true;
        }
        report::line(text);
    }

    /// When the line wants to be shown again: when it has changed, and since its seconds count.
    pub(super) fn next_show(&self) -> Option<Instant> {
        let next = match self.shown {
            None => self.begin + SHOW_AFTER,
            Some(shown) if self.has_changed => shown + MIN_REDRAW_INTERVAL,
            Some(shown) => {
                let seconds = (shown - self.begin).as_secs();
                self.begin + Duration::from_secs(seconds + 1)
            }
        };
        self.is_possible.then_some(next)
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        if self.shown.is_some() {
            report::clear_status();
        }
    }
}
