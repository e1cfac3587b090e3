//! A daemon that writes numbers to its log, and what became of them.

use std::fs;

use crate::support::daemon::Daemon;
use crate::support::deadline::eventually;
use crate::support::scratch::Scratch;

/// With SIGHUP as the signal on which the log is reopened.
pub(crate) const OPTIONS: &str =
    "pid=report.pid\nlog=report.log\nready=exec\nlog_reopen=1\ncontrol_flag=-s\nstop_timeout=5";

impl Scratch {
    pub(crate) fn writer(&self, options: &str) -> Daemon {
        let start = self.background().options(options);
        self.up(start.does("report count"))
    }

    /// Waits until the daemon has written more to its log.
    pub(crate) fn expect_growth(&self, log: &str) {
        let length = || fs::metadata(self.path(log)).map_or(0, |log| log.len());
        let before = length();
        eventually("the log grows", || (length() > before).then_some(()));
    }

    /// The logs from the oldest to the newest.
    pub(crate) fn logs(&self) -> Vec<String> {
        let rotated = |number: &usize| self.path(format!("report.log.{number}")).exists();
        let count = (1..100).take_while(rotated).count();
        let names = (1..=count)
            .rev()
            .map(|number| format!("report.log.{number}"));
        names
            .chain(["report.log".to_owned()])
            .map(|name| self.read(&name))
            .collect()
    }
}

/// The numbers in a log that holds nothing else.
pub(crate) fn numbers(log: &str) -> Vec<u64> {
    assert!(!log.contains('\0'), "NUL bytes");
    assert!(log.is_empty() || log.ends_with('\n'), "a line is cut");
    let number = |line: &str| {
        line.parse()
            .unwrap_or_else(|_| panic!("not a line: {line:?}"))
    };
    log.lines().map(number).collect()
}

/// The gaps in a sequence of numbers.
pub(crate) fn gaps(written: &[u64]) -> Vec<&[u64]> {
    let pairs = written.windows(2);
    pairs.filter(|pair| pair[1] != pair[0] + 1).collect()
}

/// Each of eight threads has written each of its numbers once and in order, and no line is cut.
pub(crate) fn expect_every_line_of_threads(
    logs: impl Iterator<Item = String>,
    is_of_others: impl Fn(&str) -> bool,
) {
    let mut last = [0_u64; 8];
    for log in logs {
        for line in log.split_inclusive('\n').filter(|line| !is_of_others(line)) {
            let words = line.strip_suffix('\n');
            let words = words.and_then(|line| line.split_once(' '));
            let (thread, number) = words.unwrap_or_else(|| panic!("not a line: {line:?}"));
            let thread: usize = thread.parse().expect("a thread");
            let number: u64 = number.parse().expect("a number");
            assert_eq!(number, last[thread - 1] + 1, "thread {thread}");
            last[thread - 1] = number;
        }
    }
    assert!(!last.contains(&0), "{last:?}");
}
