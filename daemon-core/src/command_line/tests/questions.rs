//! Questions like `--help`, which are answered in place.

use super::{ask, background, full, in_place, words};

#[test]
fn question_beside_the_switch_is_answered_in_place() {
    let answers = [
        ("prog -d --help", "prog --help"),
        ("prog --version -d x", "prog --version x"),
        ("prog -d x --help --background", "prog x --help"),
        ("prog -d --pid-file x --help", "prog --help"),
    ];
    for (line, argv) in answers {
        assert_eq!(ask(&full(), &words(line)), Ok(in_place(argv)), "{line}");
    }
}

#[test]
fn words_after_two_dashes_are_no_question() {
    let line = words("prog -d -h -V --helper -- --help");
    let expected = Ok(background("prog -h -V --helper -- --help"));
    assert_eq!(ask(&full(), &line), expected);
}

#[test]
fn question_stops_no_daemon() {
    for verb in ["stop", "restart"] {
        let line = words(&format!("prog -s {verb} x --help"));
        assert_eq!(ask(&full(), &line), Ok(in_place("prog x --help")), "{verb}");
    }
}
