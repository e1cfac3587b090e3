//! Whose arguments `restart` takes.

use super::{Daemon, plain, words};
use crate::command_line::{abbreviates, has_arguments};

/// Whether `restart` with these words takes the arguments of that daemon.
fn takes(settings: &Daemon, line: &str, daemon: &str) -> bool {
    let (words, daemon) = (words(line), words(daemon));
    let takes = abbreviates(settings, &words, &daemon);
    assert!(!takes || !has_arguments(settings, &words), "{line}");
    takes
}

#[test]
fn words_of_the_daemon_itself_are_no_arguments() {
    let flag = plain().control_flag("-s").subcommand(["serve", "mount"]);
    let named = flag.clone().instance_flag("--name");
    let run = plain().control_subcommands("run");
    let both = run.clone().subcommand(["serve", "mount"]);
    for (settings, line, daemon) in [
        (&flag, "prog", "prog serve -p 9000"),
        (&flag, "prog", "prog"),
        (&flag, "prog --", "prog serve -p 9000"),
        (&flag, "prog serve", "prog serve -p 9000"),
        (&flag, "prog serve", "prog -v serve mount"),
        (&named, "prog --name a serve", "prog serve -p 9000 --name a"),
        (&run, "prog run", "prog run -p 9000"),
        (&run, "prog run --", "prog run -p 9000"),
        (&both, "prog run", "prog run serve -p 9000"),
        (&both, "prog run serve", "prog run serve -p 9000"),
    ] {
        assert!(takes(settings, line, daemon), "{line} of {daemon}");
    }
}

#[test]
fn other_words_than_the_daemons_are_arguments() {
    let flag = plain().control_flag("-s").subcommand(["serve", "mount"]);
    let run = plain().control_subcommands("run");
    let both = run.clone().subcommand(["serve", "mount"]);
    for (settings, line, daemon) in [
        (&flag, "prog mount", "prog serve -p 9000"),
        (&flag, "prog mount", "prog"),
        (&flag, "prog mount", "prog serve mount"),
        (&flag, "prog serve mount", "prog serve mount"),
        (&flag, "prog serve serve", "prog serve -p 9000"),
        (&flag, "prog -- serve", "prog serve -p 9000"),
        (&flag, "prog serve ''", "prog serve -p 9000"),
        (&run, "prog run run", "prog run -p 9000"),
        (&run, "prog run", "prog -p 9000"),
        (&run, "prog run", "prog -p run"),
        (&both, "prog run mount", "prog run serve -p 9000"),
        (&both, "prog run serve", "prog serve -p 9000"),
    ] {
        assert!(!takes(settings, line, daemon), "{line} of {daemon}");
    }
}
