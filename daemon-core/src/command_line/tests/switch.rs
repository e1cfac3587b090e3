//! The switch, in each of its spellings.

use std::ffi::OsString;

use super::{ask, background, full, plain, words};
use crate::command_line::{Invocation, read};
use crate::daemon::Daemon;

#[test]
fn without_the_switch_it_is_the_foreground() {
    for line in [
        "prog",
        "prog --port 80 x",
        "prog --help",
        "prog ''",
        "prog -",
    ] {
        assert_eq!(
            ask(&full(), &words(line)),
            Ok(Invocation::Foreground),
            "{line}"
        );
    }
}

#[test]
fn empty_argv_is_the_foreground() {
    assert_eq!(ask(&full(), &[]), Ok(Invocation::Foreground));
}

#[test]
fn argv_0_is_never_the_switch() {
    assert_eq!(ask(&plain(), &words("-d")), Ok(Invocation::Foreground));
    assert_eq!(ask(&plain(), &words("-d -d")), Ok(background("-d")));
}

#[test]
fn each_spelling_of_the_switch_is_removed() {
    for line in [
        "prog -d --port 80",
        "prog --port -d 80",
        "prog --port 80 -d",
        "prog --background --port 80",
        "prog -d --port -d 80 --background",
    ] {
        let expected = Ok(background("prog --port 80"));
        assert_eq!(ask(&plain(), &words(line)), expected, "{line}");
    }
}

#[test]
fn only_the_exact_word_is_the_switch() {
    for line in [
        "prog -vd",
        "prog -dv",
        "prog --background=true",
        "prog -d=1",
        "prog --backgroun",
        "prog --Background",
        "prog d",
        "prog ---background",
    ] {
        assert_eq!(
            ask(&plain(), &words(line)),
            Ok(Invocation::Foreground),
            "{line}"
        );
    }
}

#[test]
fn words_like_the_switch_stay_in_the_argv() {
    let line = words("prog -vd -d --background=true -- -d");
    let expected = Ok(background("prog -vd --background=true -- -d"));
    assert_eq!(ask(&plain(), &line), expected);
}

#[test]
fn switch_after_two_dashes_is_an_argument() {
    for line in ["prog -- -d", "prog -- -s stop", "prog x -- --background"] {
        assert_eq!(
            ask(&full(), &words(line)),
            Ok(Invocation::Foreground),
            "{line}"
        );
    }
    let line = words("prog -d -- --pid-file x -s stop --help");
    let expected = Ok(background("prog -- --pid-file x -s stop --help"));
    assert_eq!(ask(&full(), &line), expected);
}

#[test]
fn no_switch_at_all_leaves_every_word_alone() {
    let none = Daemon::new().background_flag::<OsString>([]);
    let line = words("prog -d --background");
    assert_eq!(ask(&none, &line), Ok(Invocation::Foreground));
}

#[test]
fn command_line_is_fetched_once_in_the_foreground() {
    let fetched = std::cell::Cell::new(0);
    let asked = read(&full(), || {
        fetched.set(fetched.get() + 1);
        words("prog --port 80").into_iter()
    });
    assert!(matches!(asked, Ok(Invocation::Foreground)));
    assert_eq!(fetched.get(), 1);
}
