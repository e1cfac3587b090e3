//! Starts of a controlled daemon, and the answers of the verbs.

use daemon::Control;
use nix::unistd::Uid;

use crate::support::daemon::{Daemon, expect_one_line};
use crate::support::outcome::Outcome;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::users::UNPRIVILEGED;

pub(crate) const OPTIONS: &str =
    "pid=report.pid\nlog=report.log\nready=exec\ncontrol_flag=-s\nstop_timeout=1";

impl Scratch {
    /// A start of a daemon that can be controlled, and takes these steps.
    pub(crate) fn controlled(&self, steps: &str) -> Start {
        self.background().options(OPTIONS).does(steps)
    }

    /// With absolute paths: these are the same files from each directory.
    pub(super) fn absolute_options(&self) -> String {
        OPTIONS.replace("=report", &format!("={}/report", self.dir().display()))
    }

    pub(crate) fn verb(&self, verb: &str) -> Start {
        self.report().options(OPTIONS).args(["-s", verb])
    }

    /// A verb with injected faults, see `strace(1)`.
    pub(crate) fn verb_with(&self, tampering: &str, verb: &str) -> Start {
        let inject = format!("inject={tampering}");
        self.verb(verb).traced(&["-e", &inject])
    }

    pub(crate) fn control(&self) -> Control {
        Control::new(self.path("report.pid"))
    }

    /// A daemon that has come to its step `report`, or past it.
    pub(crate) fn up_and_reported(&self, steps: &str) -> Daemon {
        let daemon = self.up(self.controlled(steps));
        daemon.report();
        daemon
    }
}

/// A verb that succeeded, with one line of output.
pub(crate) fn expect_answer(outcome: &Outcome, status: i32, answer: &str) {
    assert_eq!(outcome.code(), status, "{outcome:?}");
    // "Not running" names the PID file.
    let said = outcome.out_text();
    let said = said.split(" (PID file ").next().unwrap_or_default();
    assert_eq!(said.trim_end(), format!("report: {answer}"));
    assert_eq!(outcome.err_text(), "");
}

/// A verb that failed, with one line on standard error.
pub(crate) fn expect_failure(outcome: &Outcome, status: i32, words: &[&str]) {
    assert_eq!(outcome.code(), status, "{outcome:?}");
    expect_one_line(outcome, words);
}

/// A start as another user, if the test may change its user.
pub(crate) fn as_nobody(start: Start) -> Start {
    if Uid::effective().is_root() {
        return start.user(UNPRIVILEGED);
    }
    start
}

impl Scratch {
    /// A shell as process 1 of a new PID namespace, in which `$0` is `report`.
    pub(crate) fn first_process(&self, commands: &str) -> Start {
        self.in_pid_namespace(commands)
            .options(OPTIONS)
            .does("hang")
    }

    /// The same with the `/proc` of the outer namespace.
    pub(crate) fn beside_foreign_proc(&self, commands: &str) -> Start {
        let shell = ["unshare", "-pf", "--kill-child", "sh", "-c", commands];
        self.report().options(OPTIONS).does("hang").under(&shell)
    }
}
