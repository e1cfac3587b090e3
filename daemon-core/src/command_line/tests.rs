//! Each rule of the command line, as a sentence.

use super::*;

/// The answer, or the exit status and the message.
type Answer = Result<Asked, (u8, String)>;

fn ask(settings: &Daemon, command_line: &[OsString]) -> Answer {
    read(settings, || command_line.iter().cloned())
        .map_err(|error| (error.exit_status(), error.to_string()))
}

/// Splits at spaces; `''` is an empty word.
fn words(line: &str) -> Vec<OsString> {
    let word = |word| OsString::from(if word == "''" { "" } else { word });
    line.split(' ').map(word).collect()
}

fn plain() -> Daemon {
    Daemon::new().background_flags(["-d", "--background"])
}

fn full() -> Daemon {
    plain()
        .pid_flag("--pid-file")
        .log_flag("-l")
        .control_flag("-s")
}

fn background(argv: &str) -> Asked {
    background_at(argv, None, None)
}

fn background_at(argv: &str, pid_file: Option<&str>, log_file: Option<&str>) -> Asked {
    Asked::Background {
        argv: words(argv),
        chosen: chosen(pid_file, log_file),
    }
}

fn control(verb: Verb, argv: &str, pid_file: Option<&str>) -> Asked {
    Asked::Control {
        verb,
        argv: words(argv),
        chosen: chosen(pid_file, None),
    }
}

fn chosen(pid_file: Option<&str>, log_file: Option<&str>) -> ChosenPaths {
    ChosenPaths {
        pid_file: pid_file.map(PathBuf::from),
        log_file: log_file.map(PathBuf::from),
    }
}

fn in_place(argv: &str) -> Asked {
    let argv = words(argv);
    Asked::InPlace { argv }
}

fn usage(message: &str) -> (u8, String) {
    (64, message.to_owned())
}

#[test]
fn without_the_switch_it_is_the_foreground() {
    for line in [
        "prog",
        "prog --port 80 x",
        "prog --help",
        "prog ''",
        "prog -",
    ] {
        assert_eq!(ask(&full(), &words(line)), Ok(Asked::Foreground), "{line}");
    }
}

#[test]
fn an_empty_argv_is_the_foreground() {
    assert_eq!(ask(&full(), &[]), Ok(Asked::Foreground));
}

#[test]
fn argv_0_is_never_the_switch() {
    assert_eq!(ask(&plain(), &words("-d")), Ok(Asked::Foreground));
    assert_eq!(ask(&plain(), &words("-d -d")), Ok(background("-d")));
}

#[test]
fn each_spelling_of_the_switch_is_found_and_removed_wherever_it_stands() {
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
        assert_eq!(ask(&plain(), &words(line)), Ok(Asked::Foreground), "{line}");
    }
}

#[test]
fn words_like_the_switch_stay_in_the_argv_of_the_daemon() {
    let line = words("prog -vd -d --background=true -- -d");
    let expected = Ok(background("prog -vd --background=true -- -d"));
    assert_eq!(ask(&plain(), &line), expected);
}

#[test]
fn after_two_dashes_nothing_is_ours() {
    for line in ["prog -- -d", "prog -- -s stop", "prog x -- --background"] {
        assert_eq!(ask(&full(), &words(line)), Ok(Asked::Foreground), "{line}");
    }
    let line = words("prog -d -- --pid-file x -s stop --help");
    let expected = Ok(background("prog -- --pid-file x -s stop --help"));
    assert_eq!(ask(&full(), &line), expected);
}

#[test]
fn no_switch_at_all_leaves_every_word_alone() {
    let none = Daemon::new().background_flags::<OsString>([]);
    let line = words("prog -d --background");
    assert_eq!(ask(&none, &line), Ok(Asked::Foreground));
}

#[cfg(unix)]
#[test]
fn arguments_that_are_not_utf_8_pass_byte_for_byte() {
    use std::os::unix::ffi::OsStringExt;

    let odd = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let line = [
        odd(b"/opt/pr\xf6g"),
        odd(b"-d"),
        odd(b"caf\xe9"),
        odd(b"\xff-d"),
    ];
    let argv = vec![odd(b"/opt/pr\xf6g"), odd(b"caf\xe9"), odd(b"\xff-d")];
    let chosen = ChosenPaths::default();
    assert_eq!(ask(&full(), &line), Ok(Asked::Background { argv, chosen }));
}

#[cfg(unix)]
#[test]
fn chosen_paths_need_not_be_utf_8() {
    use std::os::unix::ffi::OsStringExt;

    let odd = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let line = [
        odd(b"prog"),
        odd(b"-d"),
        odd(b"--pid-file=\xff.pid"),
        odd(b"-l"),
        odd(b"\xfe"),
    ];
    let argv = words("prog");
    let chosen = ChosenPaths {
        pid_file: Some(odd(b"\xff.pid").into()),
        log_file: Some(odd(b"\xfe").into()),
    };
    assert_eq!(ask(&full(), &line), Ok(Asked::Background { argv, chosen }));
}

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
fn a_path_may_hold_equals_signs_and_begin_with_a_dash_after_one() {
    let line = words("prog -d --pid-file=-a=b");
    let expected = Ok(background_at("prog", Some("-a=b"), None));
    assert_eq!(ask(&full(), &line), expected);
}

#[test]
fn a_short_path_flag_takes_its_path_only_as_the_next_word() {
    let line = words("prog -d -l=b.log -lb.log");
    assert_eq!(ask(&full(), &line), Ok(background("prog -l=b.log -lb.log")));
}

#[test]
fn a_longer_flag_is_not_a_path_flag() {
    let line = words("prog -d --pid-files=x --pid-file-mode 7");
    let expected = Ok(background("prog --pid-files=x --pid-file-mode 7"));
    assert_eq!(ask(&full(), &line), expected);
}

#[test]
fn in_the_foreground_path_flags_are_left_to_the_program_even_wrong_ones() {
    for line in [
        "prog --pid-file x",
        "prog --pid-file",
        "prog --pid-file=",
        "prog --pid-file x --pid-file y",
        "prog -l -- -d",
    ] {
        assert_eq!(ask(&full(), &words(line)), Ok(Asked::Foreground), "{line}");
    }
}

#[test]
fn a_path_flag_without_a_path_is_refused() {
    let expected = "cannot use the flag --pid-file: a path must follow it; \
                    one that begins with a dash is written ./-name";
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
fn an_empty_path_is_refused() {
    for line in ["prog -d --pid-file=", "prog -d --pid-file ''"] {
        let expected = Err(usage("cannot use the flag --pid-file: its value is empty"));
        assert_eq!(ask(&full(), &words(line)), expected, "{line}");
    }
}

#[test]
fn a_repeated_path_flag_is_refused() {
    for line in [
        "prog -d -l x -l x",
        "prog -l x -d -l y",
        "prog -s stop -l x -l y",
    ] {
        let expected = Err(usage("cannot use the flag -l: it is given twice"));
        assert_eq!(ask(&full(), &words(line)), expected, "{line}");
    }
}

#[test]
fn a_question_beside_the_switch_is_answered_in_place_without_the_switch() {
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
fn short_words_and_words_after_two_dashes_are_no_question() {
    let line = words("prog -d -h -V --helper -- --help");
    let expected = Ok(background("prog -h -V --helper -- --help"));
    assert_eq!(ask(&full(), &line), expected);
}

#[test]
fn every_control_verb_is_known() {
    let verbs = [
        ("status", Verb::Status),
        ("stop", Verb::Stop),
        ("reload", Verb::Reload),
        ("reopen", Verb::Reopen),
        ("restart", Verb::Restart),
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
fn a_long_control_flag_takes_its_verb_in_both_forms() {
    let settings = plain().control_flag("--control");
    for line in ["prog --control stop x", "prog --control=stop x"] {
        let expected = Ok(control(Verb::Stop, "prog x", None));
        assert_eq!(ask(&settings, &words(line)), expected, "{line}");
    }
}

#[test]
fn an_unknown_verb_is_refused() {
    let expected = "cannot use the flag -s: unknown verb stpo; \
                    expected status, stop, reload, reopen or restart";
    assert_eq!(ask(&full(), &words("prog -s stpo")), Err(usage(expected)));
}

#[test]
fn a_missing_verb_is_refused() {
    let expected = "cannot use the flag -s: \
                    status, stop, reload, reopen or restart must follow it";
    for line in ["prog -s", "prog -s -d", "prog -s --help", "prog -s -- stop"] {
        assert_eq!(ask(&full(), &words(line)), Err(usage(expected)), "{line}");
    }
}

#[test]
fn a_verb_beside_the_switch_is_refused() {
    for line in [
        "prog -d -s stop",
        "prog -s stop -d",
        "prog -s stop -d --help",
    ] {
        let expected = Err(usage(
            "cannot use the flag -s: it cannot be used together with -d",
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
fn a_question_stops_no_daemon() {
    for verb in ["stop", "restart"] {
        let line = words(&format!("prog -s {verb} x --help"));
        assert_eq!(ask(&full(), &line), Ok(in_place("prog x --help")), "{verb}");
    }
}

#[test]
fn with_subcommands_the_switch_counts_only_after_one_of_them() {
    let settings = full().subcommands(["mount", "serve"]);
    for line in ["prog genkey -d", "prog -d mount META", "prog -- mount -d"] {
        assert_eq!(
            ask(&settings, &words(line)),
            Ok(Asked::Foreground),
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
fn with_subcommands_a_verb_counts_only_after_one_of_them() {
    let settings = full().subcommands(["mount"]);
    for line in ["prog -s stop", "prog genkey -s stop", "prog -s stop mount"] {
        assert_eq!(
            ask(&settings, &words(line)),
            Ok(Asked::Foreground),
            "{line}"
        );
    }
    let line = words("prog mount -s restart META");
    let expected = Ok(control(Verb::Restart, "prog mount META", None));
    assert_eq!(ask(&settings, &line), expected);
}

#[test]
fn path_flags_count_on_both_sides_of_the_subcommand() {
    let settings = full().subcommands(["mount"]);
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
fn the_path_of_a_path_flag_is_no_subcommand() {
    let settings = full().subcommands(["mount"]);
    let line = words("prog --pid-file mount -d");
    assert_eq!(ask(&settings, &line), Ok(Asked::Foreground));
}

#[test]
fn a_question_counts_on_both_sides_of_the_subcommand() {
    let settings = full().subcommands(["mount"]);
    for (line, argv) in [
        ("prog --help mount -d", "prog --help mount"),
        ("prog mount -d --help", "prog mount --help"),
    ] {
        assert_eq!(ask(&settings, &words(line)), Ok(in_place(argv)), "{line}");
    }
}

#[test]
fn the_command_line_is_fetched_once_in_the_foreground() {
    let fetched = std::cell::Cell::new(0);
    let asked = read(&full(), || {
        fetched.set(fetched.get() + 1);
        words("prog --port 80").into_iter()
    });
    assert!(matches!(asked, Ok(Asked::Foreground)));
    assert_eq!(fetched.get(), 1);
}

#[test]
fn control_characters_in_a_message_are_escaped() {
    let line = [OsString::from("prog"), "-s".into(), "a\nb".into()];
    let message = ask(&full(), &line).map_err(|(_, message)| message.contains("a\\nb"));
    assert_eq!(message, Err(true));
}
