//! The flags that choose the PID file and the log.

use super::{ask, background, background_at, full, usage, words};
use crate::command_line::Invocation;

#[test]
fn path_flags_are_read_and_removed_in_both_forms() {
    for line in [
        "prog -d --pid-file a.pid -l b.log x",
        "prog --pid-file=a.pid x -l b.log -d",
        "prog -l b.log x --pid-file a.pid -d",
    ] {
        let expected = Ok(background_at("prog x", Some("a.pid"), Some("b.log")));
        assert_eq!(ask(&full(), &words(line)), expected, "{line}");
    }
}

#[test]
fn path_may_contain_equals_signs() {
    let line = words("prog -d --pid-file=-a=b");
    let expected = Ok(background_at("prog", Some("-a=b"), None));
    assert_eq!(ask(&full(), &line), expected);
}

#[test]
fn value_in_the_word_of_a_short_flag_is_refused() {
    for word in ["-l=b.log", "-lb.log", "-lx"] {
        let expected = Err(usage(&format!(
            "cannot use the flag -l: write its value as a separate word, found {word}"
        )));
        for line in ["prog -d WORD", "prog WORD -d", "prog -s stop WORD"] {
            let line = words(&line.replace("WORD", word));
            assert_eq!(ask(&full(), &line), expected, "{line:?}");
        }
        for line in ["prog WORD", "prog -- WORD -d"] {
            let line = words(&line.replace("WORD", word));
            assert_eq!(ask(&full(), &line), Ok(Invocation::Foreground), "{line:?}");
        }
    }
    // A cluster is a word of the program.
    let line = words("prog -d -vlb.log");
    assert_eq!(ask(&full(), &line), Ok(background("prog -vlb.log")));
}

#[test]
fn longer_flag_is_not_a_path_flag() {
    let line = words("prog -d --pid-files=x --pid-file-mode 7");
    let expected = Ok(background("prog --pid-files=x --pid-file-mode 7"));
    assert_eq!(ask(&full(), &line), expected);
}

#[test]
fn path_flags_in_the_foreground_are_not_checked() {
    for line in [
        "prog --pid-file x",
        "prog --pid-file",
        "prog --pid-file=",
        "prog --pid-file x --pid-file y",
        "prog -l -- -d",
    ] {
        assert_eq!(
            ask(&full(), &words(line)),
            Ok(Invocation::Foreground),
            "{line}"
        );
    }
}

#[test]
fn path_flag_without_a_path_is_refused() {
    let expected = "cannot use the flag --pid-file: expected a path; \
                    write ./-name for one that begins with a dash";
    for line in [
        "prog -d --pid-file",
        "prog --pid-file -d",
        "prog -d --pid-file -l x",
        "prog -d --pid-file --verbose",
        "prog -d --pid-file -- x",
        "prog -d --pid-file -",
        "prog -d --pid-file --pid-file x",
    ] {
        assert_eq!(ask(&full(), &words(line)), Err(usage(expected)), "{line}");
    }
}

#[test]
fn empty_path_is_refused() {
    for line in ["prog -d --pid-file=", "prog -d --pid-file ''"] {
        let expected = Err(usage("cannot use the flag --pid-file: its value is empty"));
        assert_eq!(ask(&full(), &words(line)), expected, "{line}");
    }
}

#[test]
fn repeated_path_flag_is_refused() {
    for line in [
        "prog -d -l x -l x",
        "prog -l x -d -l y",
        "prog -s stop -l x -l y",
    ] {
        let expected = Err(usage("cannot use the flag -l: it is given twice"));
        assert_eq!(ask(&full(), &words(line)), expected, "{line}");
    }
}
