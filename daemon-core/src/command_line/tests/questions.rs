//! Questions like `--help`, which are answered in place.

use super::{ask, background, full, in_place, plain, words};
use crate::command_line::Invocation;
use crate::daemon::Daemon;

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

/// An image that is executed in place would execute itself for ever.
#[test]
fn question_is_answered_after_one_exec() {
    let logs = |settings: Daemon| settings.log("hello.log").subcommand(["mount"]);
    let subcommands = || logs(plain().pid_flag("--pid-file")).control_subcommands("run");
    let settings = [
        full(),
        logs(full()),
        subcommands(),
        logs(Daemon::new().foreground_flag(["-d"])).control_flag("-s"),
        logs(Daemon::new().foreground_flag(["-d"])).control_subcommands("run"),
        full().instance_flag("--name").subcommand(["run", "stop"]),
    ];
    let all = [
        "--help",
        "-d",
        "--pid-file",
        "-s",
        "stop",
        "-sstop",
        "log",
        "-f",
        "-n",
        "run",
        "mount",
        "--",
    ];
    let mut questions = 0;
    let mut expect_one_exec = |settings: &Daemon, line: Vec<&str>| {
        let line: Vec<_> = line.iter().map(Into::into).collect();
        if let Ok(Invocation::InPlace { argv }) = ask(settings, &line) {
            questions += 1;
            let second = ask(settings, &argv);
            assert_eq!(second, Ok(Invocation::Foreground), "{line:?}");
        }
    };
    for settings in &settings {
        for code in 0..all.len().pow(4) {
            let digits = (0..4).map(|place| code / all.len().pow(place) % all.len());
            let mut line = vec!["prog"];
            line.extend(digits.map(|digit| all[digit]));
            line.push("--help");
            expect_one_exec(settings, line);
        }
    }
    // Here `run` becomes the first word.
    let line = "prog --pid-file stop run -d mount -d --help";
    expect_one_exec(&subcommands(), line.split(' ').collect());
    assert!(questions > 1000, "{questions}");
}
