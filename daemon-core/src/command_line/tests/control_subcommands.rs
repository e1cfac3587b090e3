//! The verbs as the program's first word.

use super::{ask, background, control, in_place, plain, usage, words};
use crate::command_line::Invocation;
use crate::daemon::Daemon;
use crate::signal::Signal;
use crate::verb::{LogArguments, Verb};

fn settings() -> Daemon {
    Daemon::new()
        .control_subcommands("run")
        .pid_flag("--pid-file")
}

#[test]
fn verb_is_the_first_word() {
    for (line, verb, argv, pid_file) in [
        (
            "prog start x --port 80",
            Verb::Start,
            "prog run x --port 80",
            None,
        ),
        ("prog stop --pid-file a", Verb::Stop, "prog run", Some("a")),
        ("prog restart", Verb::Restart, "prog run", None),
        ("prog status -- -d", Verb::Status, "prog run -- -d", None),
    ] {
        let expected = Ok(control(verb, argv, pid_file));
        assert_eq!(ask(&settings(), &words(line)), expected, "{line}");
    }
}

#[test]
fn question_to_a_verb_is_the_programs() {
    let settings = settings().log("hello.log");
    for line in ["prog stop --help", "prog log --version"] {
        let answer = ask(&settings, &words(line));
        assert_eq!(answer, Ok(Invocation::Foreground), "{line}");
    }
    for (line, argv) in [
        ("prog stop --pid-file a --help", "prog stop --help"),
        ("prog log -f --help", "prog log --help"),
    ] {
        let answer = ask(&settings, &words(line));
        assert_eq!(answer, Ok(in_place(argv)), "{line}");
    }
}

#[test]
fn other_first_words_belong_to_the_program() {
    for line in [
        "prog",
        "prog run",
        "prog -v stop",
        "prog genkey stop",
        "prog reopen",
        "prog log",
        "prog rotate",
        "prog -d",
        "prog genkey -d",
    ] {
        let answer = ask(&settings(), &words(line));
        assert_eq!(answer, Ok(Invocation::Foreground), "{line}");
    }
    let reopens = settings().log_reopen(Signal::SIGUSR1);
    let expected = Ok(control(Verb::Reopen, "prog run", None));
    assert_eq!(ask(&reopens, &words("prog reopen")), expected);
    let view = LogArguments {
        follows: true,
        ..LogArguments::default()
    };
    let expected = Ok(control(Verb::Log(view), "prog run x", None));
    let logs = settings().log("hello.log");
    assert_eq!(ask(&logs, &words("prog log -f x")), expected);
}

#[test]
fn switch_counts_after_the_word_of_a_run() {
    let expected = Ok(background("prog run x"));
    assert_eq!(ask(&settings(), &words("prog run -d x")), expected);
    let message = "cannot use the verb stop: it cannot be combined with -d";
    assert_eq!(
        ask(&settings(), &words("prog stop -d")),
        Err(usage(message))
    );
}

#[test]
fn flag_and_subcommands_exclude_each_other() {
    let both = plain().control_flag("-s").control_subcommands("run");
    let message =
        "cannot read the command line: control_subcommands and control_flag cannot be combined";
    let expected = Err((78, message.to_owned()));
    for line in ["prog stop", "prog"] {
        assert_eq!(ask(&both, &words(line)), expected, "{line}");
    }
}
