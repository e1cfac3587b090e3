//! With subcommands some of the words count only after one of them.

use super::{ask, background, background_at, control, full, in_place, words};
use crate::command_line::{Invocation, Verb};

#[test]
fn switch_counts_only_after_a_subcommand() {
    let settings = full().subcommand(["mount", "serve"]);
    for line in ["prog genkey -d", "prog -d mount META", "prog -- mount -d"] {
        assert_eq!(
            ask(&settings, &words(line)),
            Ok(Invocation::Foreground),
            "{line}"
        );
    }
    let found = [
        ("prog mount -d META", "prog mount META"),
        ("prog -v serve --background", "prog -v serve"),
        ("prog -d mount -d", "prog -d mount"),
    ];
    for (line, argv) in found {
        assert_eq!(ask(&settings, &words(line)), Ok(background(argv)), "{line}");
    }
}

#[test]
fn verb_counts_on_both_sides_of_the_subcommand() {
    let settings = full().subcommand(["mount"]);
    for (line, argv) in [
        ("prog -s stop", "prog"),
        ("prog genkey -s stop", "prog genkey"),
        ("prog -s stop mount", "prog mount"),
        ("prog mount -s stop META", "prog mount META"),
    ] {
        let expected = Ok(control(Verb::Stop, argv, None));
        assert_eq!(ask(&settings, &words(line)), expected, "{line}");
    }
    let end = words("prog -- -s stop");
    assert_eq!(ask(&settings, &end), Ok(Invocation::Foreground));
}

#[test]
fn path_flags_count_on_both_sides_of_the_subcommand() {
    let settings = full().subcommand(["mount"]);
    for line in [
        "prog mount -d --pid-file X META",
        "prog --pid-file X mount -d META",
        "prog --pid-file=X mount META -d",
    ] {
        let expected = Ok(background_at("prog mount META", Some("X"), None));
        assert_eq!(ask(&settings, &words(line)), expected, "{line}");
    }
}

#[test]
fn path_of_a_path_flag_is_no_subcommand() {
    let settings = full().subcommand(["mount"]);
    let line = words("prog --pid-file mount -d");
    assert_eq!(ask(&settings, &line), Ok(Invocation::Foreground));
}

#[test]
fn question_counts_on_both_sides_of_the_subcommand() {
    let settings = full().subcommand(["mount"]);
    for (line, argv) in [
        ("prog --help mount -d", "prog --help mount"),
        ("prog mount -d --help", "prog mount --help"),
    ] {
        assert_eq!(ask(&settings, &words(line)), Ok(in_place(argv)), "{line}");
    }
}
