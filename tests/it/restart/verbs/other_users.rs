//! The verbs where the daemon has another user than the verb.

use std::fs;
use std::path::Path;

use super::OPTIONS;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::users::UNPRIVILEGED;

#[test]
fn user_of_the_daemon_may_not_stop_its_supervisor() {
    requires!(users);
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nuser=nobody");
    let up = scratch.up_supervised(scratch.supervised(&options, "hang"));
    for verb in ["stop", "restart"] {
        let outcome = scratch.supervised_verb(&options, verb);
        let outcome = outcome.user(UNPRIVILEGED).run();
        assert_eq!(outcome.code(), 4, "{verb}: {outcome:?}");
        let said = outcome.err_text();
        assert!(said.contains("Operation not permitted"), "{said}");
        assert!(up.run.is_alive() && up.supervisor.is_alive());
    }
    let stop = scratch.supervised_verb(&options, "stop").run();
    assert_eq!(stop.code(), 0, "{stop:?}");
}

/// What the run may have changed is not taken from it.
#[test]
fn restart_of_a_run_that_has_dropped_its_rights_keeps_words_and_directory() {
    requires!(linux("the arguments of a process"), users);
    let scratch = Scratch::new();
    let there = scratch.path("there");
    fs::create_dir(&there).expect("mkdir");
    let options = OPTIONS.replace("log=report.log\n", "");
    let options = options.replace("=report", &format!("={}/report", scratch.dir().display()));
    let options = options.replace("exec", "notify");
    let start = scratch.supervised(&options, "drop:nobody enter:/ ready hang");
    let up = scratch.up_supervised(start.arg("word").cwd(&there));
    let directory = |pid: i32| fs::read_link(format!("/proc/{pid}/cwd")).expect("a directory");
    assert_eq!(directory(up.run.pid()), Path::new("/"));
    let restart = scratch
        .supervised_verb(&options, "restart")
        .does("ready hang");
    let up = scratch.supervised_of(&restart.run());
    assert_eq!(directory(up.run.pid()), there);
    let words = fs::read(format!("/proc/{}/cmdline", up.run.pid())).expect("its arguments");
    assert!(words.ends_with(b"\0word\0"), "{words:?}");
}

/// A new version names another user. Its run is not certain to be the daemon, but its supervisor is.
#[test]
fn restart_for_another_user_takes_words_from_the_supervisor() {
    requires!(linux("the arguments of a process"), users);
    let scratch = Scratch::new();
    let options = OPTIONS.replace("log=report.log\n", "");
    let start = scratch.supervised(&format!("{options}\nuser=nobody"), "hang");
    scratch.up_supervised(start.arg("word"));
    let restart = scratch.supervised_verb(&format!("{options}\nuser=1\ngroup=1"), "restart");
    let up = scratch.supervised_of(&restart.run());
    let words = fs::read(format!("/proc/{}/cmdline", up.run.pid())).expect("its arguments");
    assert!(words.ends_with(b"\0word\0"), "{words:?}");
}
