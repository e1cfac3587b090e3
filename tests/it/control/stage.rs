//! How the tests here start a daemon and ask for it, and what they expect to be told.

use daemon::Control;
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

use crate::support::daemon::{Daemon, expect_one_line};
use crate::support::outcome::Outcome;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::{program, requires};

pub(crate) const OPTIONS: &str =
    "pid=report.pid\nlog=report.log\nready=exec\ncontrol_flag=-s\nstop_timeout=1";

impl Scratch {
    /// A start of a daemon that can be controlled, and takes these steps.
    pub(crate) fn controlled(&self, steps: &str) -> Start {
        self.background().options(OPTIONS).does(steps)
    }

    pub(crate) fn verb(&self, verb: &str) -> Start {
        self.report().options(OPTIONS).args(["-s", verb])
    }

    /// A verb some of whose system calls are tampered with, see `strace(1)`.
    pub(crate) fn verb_with(&self, tampering: &str, verb: &str) -> Start {
        let strace = requires::find("strace").expect("strace");
        self.verb(verb)
            .via(&strace)
            .args(["-f", "-qq", "-o", "trace", "-e"])
            .arg(format!("inject={tampering}"))
            .arg(program::path("report"))
            .args(["-s", verb])
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

/// A verb that succeeded and said so in one line.
pub(crate) fn expect_answer(outcome: &Outcome, status: i32, answer: &str) {
    assert_eq!(outcome.code(), status, "{outcome:?}");
    assert_eq!(outcome.out_text(), format!("report: {answer}\n"));
    assert_eq!(outcome.err_text(), "");
}

/// A verb that failed and said why in one line.
pub(crate) fn expect_failure(outcome: &Outcome, status: i32, words: &[&str]) {
    assert_eq!(outcome.code(), status, "{outcome:?}");
    expect_one_line(outcome, words);
}

/// A start as another user, if this one may.
pub(crate) fn as_nobody(start: Start) -> Start {
    let nobody = 65534;
    if !Uid::effective().is_root() {
        return start;
    }
    start.before_exec(move || {
        setgroups(&[])?;
        setgid(Gid::from_raw(nobody))?;
        Ok(setuid(Uid::from_raw(nobody))?)
    })
}

impl Scratch {
    /// A shell as process 1 of its own pid namespace; `$1` is the program `report`.
    pub(crate) fn in_pid_namespace(&self, script: &str) -> Start {
        self.unshared(&["-pfm", "--mount-proc"], script)
    }

    /// The same with the `/proc` of the namespace that it was started in.
    pub(crate) fn beside_foreign_proc(&self, script: &str) -> Start {
        self.unshared(&["-pf"], script)
    }

    fn unshared(&self, options: &[&str], script: &str) -> Start {
        let unshare = requires::find("unshare").expect("unshare");
        self.start_path(&unshare)
            .options(OPTIONS)
            .does("hang")
            .args(options)
            .args(["--kill-child", "sh", "-c", script, "sh"])
            .arg(program::path("report"))
    }
}
