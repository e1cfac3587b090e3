//! The control verbs.

use std::ffi::OsString;

use super::{ask, control, full, plain, usage, words};
use crate::command_line::{Invocation, Verb};
use crate::verb::LogArguments;

#[test]
fn every_control_verb_is_known() {
    let verbs = [
        ("status", Verb::Status),
        ("start", Verb::Start),
        ("stop", Verb::Stop),
        ("reload", Verb::Reload),
        ("reopen", Verb::Reopen),
        ("restart", Verb::Restart),
        ("rotate", Verb::Rotate),
        ("log", Verb::Log(LogArguments::default())),
    ];
    for (word, verb) in verbs {
        let line = words(&format!("prog -s {word}"));
        assert_eq!(
            ask(&full(), &line),
            Ok(control(verb, "prog", None)),
            "{word}"
        );
    }
}

#[test]
fn restart_gets_the_arguments_of_this_command_line() {
    let line = words("prog --port 80 -s restart --pid-file a.pid x -- -d");
    let expected = Ok(control(
        Verb::Restart,
        "prog --port 80 x -- -d",
        Some("a.pid"),
    ));
    assert_eq!(ask(&full(), &line), expected);
}

#[test]
fn long_control_flag_takes_its_verb_in_both_forms() {
    let settings = plain().control_flag("--control");
    for line in ["prog --control stop x", "prog --control=stop x"] {
        let expected = Ok(control(Verb::Stop, "prog x", None));
        assert_eq!(ask(&settings, &words(line)), expected, "{line}");
    }
}

#[test]
fn verb_may_be_attached_to_its_flag() {
    for line in ["prog -sstop x", "prog -s=stop x"] {
        let expected = Ok(control(Verb::Stop, "prog x", None));
        assert_eq!(ask(&full(), &words(line)), expected, "{line}");
    }
    for (line, word) in [
        ("prog -sstpo", "stpo"),
        ("prog -stop", "top"),
        ("prog -s5", "5"),
    ] {
        let expected = format!(
            "cannot use the flag -s: unknown verb {word}; \
             expected status, start, stop, reload, reopen, restart, rotate, log, unit or \
                    user-unit"
        );
        assert_eq!(ask(&full(), &words(line)), Err(usage(&expected)), "{line}");
    }
    let expected = Err(usage("cannot use the flag -s: its value is empty"));
    assert_eq!(ask(&full(), &words("prog -s=")), expected);
    // Another word, of the program.
    let long = plain().control_flag("--ctl");
    for line in ["prog --ctl-port 80", "prog --ctlstop", "prog -- --ctl=stop"] {
        assert_eq!(
            ask(&long, &words(line)),
            Ok(Invocation::Foreground),
            "{line}"
        );
    }
}

#[test]
fn unknown_verb_is_refused() {
    let expected = "cannot use the flag -s: unknown verb stpo; \
                    expected status, start, stop, reload, reopen, restart, rotate, log, unit or \
                    user-unit";
    assert_eq!(ask(&full(), &words("prog -s stpo")), Err(usage(expected)));
}

#[test]
fn missing_verb_is_refused() {
    let expected = "cannot use the flag -s: \
                    expected status, start, stop, reload, reopen, restart, rotate, log, unit or \
                    user-unit";
    for line in ["prog -s", "prog -s -d", "prog -s --help", "prog -s -- stop"] {
        assert_eq!(ask(&full(), &words(line)), Err(usage(expected)), "{line}");
    }
}

#[test]
fn verb_beside_the_switch_is_refused() {
    for line in [
        "prog -d -s stop",
        "prog -s stop -d",
        "prog -s stop -d --help",
    ] {
        let expected = Err(usage(
            "cannot use the flag -s: it cannot be combined with -d",
        ));
        assert_eq!(ask(&full(), &words(line)), expected, "{line}");
    }
}

#[test]
fn two_verbs_are_refused() {
    let expected = Err(usage("cannot use the flag -s: it is given twice"));
    assert_eq!(ask(&full(), &words("prog -s stop -s stop")), expected);
}

#[test]
fn control_characters_in_a_message_are_escaped() {
    let line = [OsString::from("prog"), "-s".into(), "a\nb".into()];
    let message = ask(&full(), &line).map_err(|(_, message)| message.contains("a\\nb"));
    assert_eq!(message, Err(true));
}

#[test]
fn words_of_log_stand_directly_after_it() {
    for (line, line_count, follows, argv) in [
        ("prog -s log", 10, false, "prog"),
        ("prog -s log -f", 10, true, "prog"),
        ("prog -slog -n 3 -f", 3, true, "prog"),
        ("prog a -s log -n 0 b -f", 0, false, "prog a b -f"),
        ("prog -s log -f -- -n 3", 10, true, "prog -- -n 3"),
        ("prog -f -s log", 10, false, "prog -f"),
    ] {
        let view = LogArguments {
            line_count,
            follows,
        };
        let expected = Ok(control(Verb::Log(view), argv, None));
        assert_eq!(ask(&full(), &words(line)), expected, "{line}");
    }
    // They are no words of another verb.
    let expected = Ok(control(Verb::Stop, "prog -f", None));
    assert_eq!(ask(&full(), &words("prog -s stop -f")), expected);
}

#[test]
fn count_of_lines_is_a_number() {
    for (line, found) in [
        ("prog -s log -n", "it is missing"),
        ("prog -s log -n -f", "found -f"),
        ("prog -s log -n -1", "found -1"),
    ] {
        let message = format!("cannot use the verb log: -n takes a number of lines; {found}");
        assert_eq!(ask(&full(), &words(line)), Err(usage(&message)), "{line}");
    }
}
