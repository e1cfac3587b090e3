//! Which words a process was executed with.

use super::*;

fn are_of_program(words: &[&str]) -> bool {
    let words: Vec<_> = words.iter().map(OsString::from).collect();
    let program = Some(OsStr::new("hello-1.2"));
    are_original(&words, OsStr::new("./hello"), program)
}

#[test]
fn command_line_of_the_program_is_its_own() {
    for first in [
        "hello",
        "./hello",
        "/usr/bin/hello",
        "/opt/my programs/hello",
        "-hello",
        "hello [supervisor]",
        "/opt/hello/hello-1.2",
        image::Image::NAME,
    ] {
        for words in [&[first][..], &[first, "-p", "9000"], &[first, "", "x"]] {
            assert!(are_of_program(words), "{words:?}");
        }
    }
}

#[test]
fn title_is_no_command_line() {
    for words in [
        &[][..],
        &[""],
        &["hello: serves"],
        &["hello: serves /srv/hello"],
        &["serves /usr/bin/hello"],
        &["hello worker", "-p", "9000"],
        &["other", "-p", "9000"],
        &["hello", ""],
        &["hello: serves", "", "", ""],
    ] {
        assert!(!are_of_program(words), "{words:?}");
    }
}
