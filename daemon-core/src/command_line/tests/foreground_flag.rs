//! The flag that keeps a program in the foreground.

use super::{ask, background, background_at, control, usage, words};
use crate::command_line::{Invocation, Verb};
use crate::daemon::Daemon;

fn settings() -> Daemon {
    Daemon::new()
        .foreground_flag(["-f", "--foreground"])
        .pid_flag("--pid-file")
        .control_flag("-s")
}

#[test]
fn background_is_the_default() {
    for line in ["prog", "prog x -d", "prog -- -f", "prog -vf", "prog -h"] {
        assert_eq!(
            ask(&settings(), &words(line)),
            Ok(background(line)),
            "{line}"
        );
    }
    let line = words("prog --pid-file a x");
    let expected = background_at("prog x", Some("a"), None);
    assert_eq!(ask(&settings(), &line), Ok(expected));
}

#[test]
fn flag_and_questions_keep_the_foreground() {
    for line in [
        "prog -f",
        "prog x --foreground",
        "prog --help",
        "prog x --version",
    ] {
        let answer = ask(&settings(), &words(line));
        assert_eq!(answer, Ok(Invocation::Foreground), "{line}");
    }
}

#[test]
fn background_needs_the_subcommand() {
    let settings = || settings().subcommand(["serve"]);
    for line in [
        "prog",
        "prog genkey",
        "prog -f serve",
        "prog serve -f",
        "prog -- serve",
    ] {
        let answer = ask(&settings(), &words(line));
        assert_eq!(answer, Ok(Invocation::Foreground), "{line}");
    }
    let line = "prog serve x";
    assert_eq!(ask(&settings(), &words(line)), Ok(background(line)));
}

#[test]
fn verb_cannot_be_combined_with_the_flag() {
    let expected = Ok(control(Verb::Stop, "prog", None));
    assert_eq!(ask(&settings(), &words("prog -s stop")), expected);
    let message = "cannot use the flag -s: it cannot be combined with -f";
    for line in ["prog -f -s stop", "prog -s stop -f"] {
        assert_eq!(
            ask(&settings(), &words(line)),
            Err(usage(message)),
            "{line}"
        );
    }
}

#[test]
fn switch_and_foreground_flag_exclude_each_other() {
    let both = settings().background_flag(["-d"]);
    let message =
        "cannot read the command line: foreground_flag and background_flag cannot be combined";
    for line in ["prog", "prog -f", "prog -d"] {
        let expected = Err((78, message.to_owned()));
        assert_eq!(ask(&both, &words(line)), expected, "{line}");
    }
}
