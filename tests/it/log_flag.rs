//! The verbs on a daemon whose log the user of the program has chosen by `log_flag`.

use std::fs;

use crate::control::stage::expect_failure;
use crate::support::deadline::eventually;
use crate::support::outcome::Outcome;
use crate::support::requires;
use crate::support::scratch::Scratch;

const OPTIONS: &str = "pid=report.pid\nlog=report.log\nready=exec\nlog_flag=--log\nlog_rotate=1\n\
                       control_flag=-s";

impl Scratch {
    fn verb_by_flag(&self, options: &str, words: &[&str]) -> Outcome {
        let start = self.report().options(options).args(words);
        start.does("panic").run()
    }

    /// With `ready=exec` a start may be over before.
    fn await_line(&self, log: &str, line: &str) {
        eventually("the daemon writes to its log", || {
            self.read(log).ends_with(line).then_some(())
        });
    }

    /// Every verb that needs the log refuses, and changes no file.
    fn expect_unknown_log(&self, options: &str, verbs: &[&str], reason: &str) {
        let before = self.files();
        for verb in verbs {
            let outcome = self.verb_by_flag(options, &["-s", verb]);
            expect_failure(&outcome, 64, &[reason, "; use --log"]);
            assert_eq!(outcome.out_text(), "", "{verb}");
        }
        assert_eq!(self.files(), before);
    }
}

#[test]
fn log_of_another_users_daemon_must_be_named() {
    requires!(linux("the output of a process"), root);
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nuser=65534");
    scratch.write("report.log", "another\n");
    let start = scratch.background().options(&*options);
    let daemon = scratch.up(start.args(["--log", "own.log"]).does("say:own hang"));
    scratch.await_line("own.log", "own\n");
    let reason = format!(
        "user 65534 may have changed its log to {}",
        scratch.path("own.log").display()
    );
    scratch.expect_unknown_log(&options, &["log", "rotate", "restart"], &reason);
    let named = scratch.verb_by_flag(&options, &["-s", "log", "--log", "own.log"]);
    assert_eq!(named.out_text(), "own\n", "{named:?}");
    daemon.stop();
    // The configured log may be shown, whatever user the daemon is.
    let start = scratch.background().options(&*options);
    scratch.up(start.does("say:configured hang"));
    scratch.await_line("report.log", "configured\n");
    let log = scratch.verb_by_flag(&options, &["-s", "log"]);
    assert_eq!(log.out_text(), "another\nconfigured\n", "{log:?}");
}

#[test]
fn log_of_a_daemon_without_a_verdict_must_be_named() {
    requires!(linux("the output of a process"));
    let scratch = Scratch::new();
    let options = OPTIONS.replace("ready=exec", "ready=notify");
    scratch.write("report.log", "another\n");
    let start = scratch.background().options(&*options);
    let launch = start.args(["--log", "own.log"]);
    let launch = launch.does("say:own report wait:go ready hang").spawn();
    eventually("it writes", || {
        scratch.path("report.json").exists().then_some(())
    });
    scratch.expect_unknown_log(&options, &["log", "rotate"], "it is being started");
    scratch.write("go", "");
    let daemon = scratch.daemon_of(launch.wait(), "report.pid");
    assert_eq!(
        scratch.verb_by_flag(&options, &["-slog"]).out_text(),
        "own\n"
    );
    daemon.stop();
}

#[test]
fn log_between_two_runs_is_that_of_the_run() {
    requires!(linux("the output of a process"));
    let scratch = Scratch::new();
    let options = OPTIONS.replace("log_rotate=1\n", "");
    let options = format!("{options}\nrestart=always\nrestart_delay=600000..600000");
    scratch.write("report.log", "another\n");
    let start = scratch.background().options(&*options);
    let launch = start.args(["--log", "own.log"]).does("say:own").run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    let status = || scratch.verb_by_flag(&options, &["-s", "status"]);
    eventually("the run has ended", || (status().code() == 2).then_some(()));
    let log = scratch.verb_by_flag(&options, &["-s", "log"]);
    assert!(log.out_text().starts_with("own\n"), "{log:?}");
    // The new daemon gets it, and the configured log stays as it is.
    let restart = scratch.report().options(&*options).args(["-s", "restart"]);
    let restart = restart.does("say:new").run();
    assert_eq!(restart.code(), 0, "{restart:?}");
    eventually("the new daemon writes to it", || {
        scratch.read("own.log").contains("\nnew\n").then_some(())
    });
    assert_eq!(scratch.read("report.log"), "another\n");
    eventually("the run has ended", || (status().code() == 2).then_some(()));
    assert_eq!(scratch.verb_by_flag(&options, &["-sstop"]).code(), 0);
}

#[test]
fn name_of_a_rotated_log_leads_back_to_the_log() {
    requires!(linux("the output of a process"));
    let scratch = Scratch::new();
    let start = scratch.background().options(OPTIONS);
    let daemon = scratch.up(start.args(["--log", "own.log"]).does("say:own hang"));
    scratch.await_line("own.log", "own\n");
    let mut at = scratch.path("own.log");
    let mut shows = |name: &str, shown: Option<&str>| {
        let to = scratch.path(name);
        fs::rename(&at, &to).expect("rename");
        at = to;
        let outcome = scratch.verb_by_flag(OPTIONS, &["-s", "log"]);
        match shown {
            Some(text) => assert_eq!(outcome.out_text(), text, "{name}: {outcome:?}"),
            None => expect_failure(&outcome, 4, &["own.log: No such file"]),
        }
    };
    // Between the two steps of a rotation: by number, or with a date.
    shows("own.log.1", None);
    shows("own.log.5", None);
    shows("own.log-20260131", None);
    // Names that no rotation makes.
    for name in [
        "own.log.6",
        "own.log.0",
        "own.log.01",
        "own.log-2",
        "own.log.1.old",
        ".1",
    ] {
        shows(name, Some("own\n"));
    }
    // Another log has the name: this one has its own.
    scratch.write("own.log", "another\n");
    shows("own.log.1", Some("own\n"));
    // A rotation may have made that, or not.
    scratch.write("own.log", "");
    scratch.expect_unknown_log(
        OPTIONS,
        &["log", "rotate", "restart"],
        "may be a rotated one",
    );
    // Of the configured one it is known.
    scratch.write("report.log", "");
    shows("report.log.1", Some(""));
    scratch.write("report.log", "another\n");
    shows("report.log-2", Some("own\n"));
    daemon.stop();
}

#[test]
fn removed_log_keeps_its_name() {
    requires!(linux("the output of a process"));
    let scratch = Scratch::new();
    let start = scratch.background().options(OPTIONS);
    scratch.up(start.args(["--log", "own.log"]).does("say:own hang"));
    scratch.write("report.log", "another\n");
    fs::remove_file(scratch.path("own.log")).expect("remove");
    let outcome = scratch.verb_by_flag(OPTIONS, &["-s", "log"]);
    expect_failure(&outcome, 4, &["own.log: No such file"]);
}
