//! The line on the terminal that shows a waiting user what the daemon is doing.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use super::report;

/// A shorter wait needs no explanation.
const SHOW_AFTER: Duration = Duration::from_secs(1);

/// However often the daemon changes its text, no user can read faster.
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);

/// What learns the news of a wait.
pub(crate) trait StartObserver {
    fn warn(&mut self, text: &str);
    /// What the daemon says that it is doing; empty when it takes that back.
    fn set_status(&mut self, text: &str);
    /// The daemon asks for this time, from now on.
    fn extend_timeout(&mut self, _time: Duration) {}
}

/// A line that is rewritten in place, and cleared at the end. Does nothing where standard error is
/// not a terminal that can do this.
#[derive(Debug)]
pub(crate) struct StatusLine {
    /// The text until the daemon says what it is doing.
    waiting: &'static str,
    begin: Instant,
    text: Option<String>,
    has_changed: bool,
    shown: Option<Instant>,
    is_drawn: bool,
    is_possible: bool,
}

impl StatusLine {
    pub(crate) fn new(waiting: &'static str) -> Self {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            waiting,
            begin: Instant::now(),
            text: None,
            has_changed: false,
            shown: None,
            is_drawn: false,
            is_possible: !is_dumb && io::stderr().is_terminal(),
        }
    }

    /// Shows the line, if it is due.
    pub(crate) fn show(&mut self, now: Instant) {
        if self.next_show().is_none_or(|next| now < next) {
            return;
        }
        self.shown = Some(now);
        self.has_changed = false;
        // In the background of a shell, the line would hide what the user types there.
        if !report::is_in_foreground() {
            return;
        }
        self.is_drawn = true;
        let text = self.text.as_deref().unwrap_or(self.waiting);
        report::status(text, (now - self.begin).as_secs());
    }

    /// When the line is due again: after a change, and each second.
    pub(super) fn next_show(&self) -> Option<Instant> {
        let next = match self.shown {
            None => self.begin + SHOW_AFTER,
            Some(shown) if self.has_changed => shown + REDRAW_INTERVAL,
            Some(shown) => {
                let seconds = (shown - self.begin).as_secs();
                self.begin + Duration::from_secs(seconds + 1)
            }
        };
        self.is_possible.then_some(next)
    }

    fn clear(&mut self) {
        if self.is_drawn && report::is_in_foreground() {
            report::clear_status();
        }
        self.is_drawn = false;
        self.has_changed = true;
    }
}

impl StartObserver for StatusLine {
    fn warn(&mut self, text: &str) {
        self.clear();
        report::line(text);
    }

    fn set_status(&mut self, text: &str) {
        self.text = (!text.is_empty()).then(|| text.to_owned());
        self.has_changed = true;
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_text_is_shown_before_the_next_second() {
        let mut line = StatusLine::new("waiting");
        line.is_possible = true;
        let (begin, second) = (line.begin, Duration::from_secs(1));
        assert_eq!(line.next_show(), Some(begin + second));
        (line.shown, line.has_changed) = (Some(begin + second), false);
        assert_eq!(line.next_show(), Some(begin + 2 * second));
        line.set_status("reading");
        assert_eq!(line.next_show(), Some(begin + second + REDRAW_INTERVAL));
    }
}
