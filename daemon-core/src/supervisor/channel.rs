//! What the supervisor reports to its launcher about the first run.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;

use super::verdict;
use crate::error::Error;
use crate::handoff::{self, DaemonEnd, Report};
use crate::launcher::Launched;
use crate::launcher::daemon_child::KILL_TIMEOUT;
use crate::launcher::status_line::StartObserver;
use crate::settings::Settings;

/// How many messages wait for a launcher that does not read, beside the verdict.
const QUEUE_MAX: usize = 64;

/// How often room for the verdict is looked for.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// What the end of a run that has failed takes, and the way of the verdict.
pub(super) fn time_after(settings: &Settings) -> Duration {
    settings.stop_timeout.saturating_add(3 * KILL_TIMEOUT)
}

/// The hand-off of the supervisor, until the launcher knows the verdict. It never blocks: a launcher
/// may be stopped from the terminal.
#[derive(Debug)]
pub(super) struct Channel {
    end: DaemonEnd,
    queue: VecDeque<Vec<u8>>,
    has_verdict: bool,
    /// How much longer the launcher waits than the supervisor.
    time_after: Duration,
}

impl Channel {
    pub(super) fn new(end: DaemonEnd, settings: &Settings) -> Self {
        Self {
            end,
            queue: VecDeque::new(),
            has_verdict: false,
            time_after: time_after(settings),
        }
    }

    pub(super) fn push_verdict(&mut self, verdict: &Result<Launched, Error>) {
        if !self.has_verdict {
            self.queue.extend(verdict::messages(verdict));
            self.has_verdict = true;
        }
        self.flush();
    }

    /// Whether the launcher has been told the verdict.
    pub(super) fn is_done(&mut self) -> bool {
        self.flush();
        self.has_verdict && self.queue.is_empty()
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether the launcher has gone. It stays until the verdict.
    pub(super) fn is_lost(&self) -> bool {
        self.end.is_lost()
    }

    /// Waits until the launcher knows the verdict, or has gone.
    pub(super) fn deliver(&mut self) {
        while !self.is_done() && !self.is_lost() {
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// A run must not fill the memory of this process while the launcher is stopped.
    fn push(&mut self, message: Vec<u8>) {
        if self.queue.len() < QUEUE_MAX {
            self.queue.push_back(message);
        }
        self.flush();
    }

    /// Sends what there is room for.
    fn flush(&mut self) {
        while let Some(message) = self.queue.front_mut() {
            match self.end.send(message) {
                Ok(length) if length >= message.len() => drop(self.queue.pop_front()),
                // Some systems have only streams.
                Ok(length) => drop(message.drain(..length)),
                Err(Errno::EAGAIN) => return,
                // The launcher has gone, and hears nothing more.
                Err(_) => self.queue.clear(),
            }
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }
}

impl StartObserver for Channel {
    fn warn(&mut self, text: &str) {
        let report = Report::Warning(text.as_bytes().to_vec());
        self.push(report.to_message());
    }

    fn set_status(&mut self, text: &str) {
        // An older status text may get lost, and the launcher shows the last one before the verdict.
        if !self.is_waiting() {
            self.queue
                .push_back(handoff::notice(&format!("STATUS={text}")));
        }
        self.flush();
    }

    fn extend_timeout(&mut self, time: Duration) {
        let time = time.saturating_add(self.time_after).as_micros();
        let time = u64::try_from(time).unwrap_or(u64::MAX);
        self.push(handoff::notice(&format!("EXTEND_TIMEOUT_USEC={time}")));
    }
}

/// The observer of a later run: no process waits for its news.
#[derive(Debug)]
pub(super) struct NoObserver;

impl StartObserver for NoObserver {
    fn warn(&mut self, _text: &str) {}

    fn set_status(&mut self, _text: &str) {}
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use super::*;

    #[test]
    fn stopped_launcher_costs_no_memory() {
        let (_launcher, end) = handoff::pair().unwrap();
        let mut channel = Channel::new(DaemonEnd::new(end), &Settings::default());
        for _ in 0..100_000 {
            channel.extend_timeout(Duration::from_secs(1));
        }
        assert_eq!(channel.queue.len(), QUEUE_MAX);
    }
}
