//! The arguments for clap: what help, completions and man pages show, and what the program sees.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Args, Command, CommandFactory, FromArgMatches, Parser};
use clap_complete::Shell;
use daemon::PathSource;
use daemon::clap::{Background, ControlFlag, Switch, show_default};

use crate::support::scratch::Scratch;

#[derive(Debug, Parser)]
#[command(
    name = "hello",
    mut_arg("pid_file", |arg| show_default(arg, PathSource::template("/run/{{hello}}.pid"))),
    mut_arg("log_file", |arg| show_default(arg, Path::new("/var/log/{hello}.log"))),
)]
struct Derived {
    #[command(flatten)]
    background: Background,
    /// Says it louder
    #[arg(short, long)]
    loud: bool,
}

fn built() -> Command {
    let loud = Arg::new("loud")
        .short('l')
        .long("loud")
        .action(ArgAction::SetTrue)
        .help("Says it louder");
    Background::augment_args(Command::new("hello"))
        .arg(loud)
        .mut_arg("pid_file", |arg| {
            show_default(arg, PathSource::template("/run/{{hello}}.pid"))
        })
        .mut_arg("log_file", |arg| {
            show_default(arg, Path::new("/var/log/{hello}.log"))
        })
}

const HELP: &str = "\
Usage: hello [OPTIONS]

Options:
  -d, --background       Run in the background
      --pid-file <PATH>  In the background, keep the pid in PATH [default: /run/{hello}.pid]
      --log-file <PATH>  In the background, append all output to PATH [default: /var/log/{hello}.log]
  -l, --loud             Says it louder
  -h, --help             Print help
";

#[test]
fn help_shows_flags_with_their_defaults() {
    for mut command in [Derived::command(), built()] {
        command.clone().debug_assert();
        assert_eq!(command.render_help().to_string(), HELP);
    }
}

#[test]
fn man_page_shows_flags() {
    for command in [Derived::command(), built()] {
        let mut page = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut page)
            .expect("render");
        let page = String::from_utf8(page).expect("UTF-8").replace('\\', "");
        for text in [
            "fB-dfR, fB--backgroundfR\nRun in the background",
            "fB--pid-filefR fI<PATH>fR\n\
             In the background, keep the pid in PATH [default: /run/{hello}.pid]",
            "fB--log-filefR fI<PATH>fR\n\
             In the background, append all output to PATH [default: /var/log/{hello}.log]",
        ] {
            assert!(page.contains(text), "{text:?} in {page}");
        }
    }
}

#[test]
fn completions_know_flags_and_paths() {
    for mut command in [Derived::command(), built()] {
        let mut complete = |shell: Shell| {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "hello", &mut script);
            String::from_utf8(script).expect("UTF-8")
        };
        let bash = complete(Shell::Bash);
        let options = bash
            .lines()
            .find_map(|line| line.trim().strip_prefix("opts=\"-"))
            .expect("the options");
        let options = format!("-{}", options.trim_end_matches('"'));
        for option in ["-d", "--background", "--pid-file", "--log-file"] {
            let mut words = options.split(' ');
            assert!(words.any(|word| word == option), "{options}");
        }
        let zsh = complete(Shell::Zsh);
        assert!(zsh.contains("'-d[Run in the background]'"), "{zsh}");
        assert!(zsh.contains("'--background[Run in the background]'"));
        assert!(zsh.contains("'--pid-file=[In the background, keep the pid in PATH"));
        assert!(zsh.contains("]:PATH:_files'"));
        let fish = complete(Shell::Fish);
        assert!(
            fish.contains("-s d -l background -d 'Run in the background'"),
            "{fish}"
        );
        assert!(fish.contains("-l log-file -d 'In the background, append all output to PATH"));
    }
}

#[test]
fn completions_know_the_verbs() {
    let mut command = ControlFlag::augment_args(Command::new("hello"));
    command.clone().debug_assert();
    let mut complete = |shell: Shell| {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command, "hello", &mut script);
        String::from_utf8(script).expect("UTF-8")
    };
    let verbs = "status start stop reload reopen restart rotate log unit user-unit";
    let bash = complete(Shell::Bash);
    assert!(bash.contains(&format!("compgen -W \"{verbs}\"")), "{bash}");
    let zsh = complete(Shell::Zsh);
    let expected = format!("'-s+[Control the daemon]:VERB:({verbs})'");
    assert!(zsh.contains(&expected), "{zsh}");
    let fish = complete(Shell::Fish);
    assert!(fish.contains("stop\\t''"), "{fish}");
    let parse = |words: &[&str]| command.clone().try_get_matches_from(words);
    let matches = parse(&["hello", "-sstop"]).expect("a verb");
    let control = ControlFlag::from_arg_matches(&matches).expect("its argument");
    assert_eq!(control.verb.as_deref(), Some("stop"));
    assert!(parse(&["hello", "-s", "halt"]).is_err());
}

#[test]
fn switch_alone_has_no_path_flags() {
    let mut command = Switch::augment_args(Command::new("hello"));
    command.clone().debug_assert();
    let help = command.render_help().to_string();
    assert!(help.contains("-d, --background  Run in the background\n"));
    assert!(!help.contains("PATH"), "{help}");
    let matches = command.get_matches_from(["hello", "-d"]);
    assert!(Switch::from_arg_matches(&matches).unwrap().is_asked);
}

#[test]
#[should_panic(expected = "'-d' is in use by both 'debug' and 'background'")]
fn clap_reports_a_duplicate_switch() {
    let debug = Arg::new("debug").short('d').action(ArgAction::SetTrue);
    Switch::augment_args(Command::new("hello").arg(debug)).debug_assert();
}

#[test]
#[should_panic(expected = "'--log-file' is in use by both")]
fn clap_reports_a_duplicate_path_flag() {
    let log = Arg::new("log").long("log-file");
    Background::augment_args(Command::new("hello").arg(log)).debug_assert();
}

#[test]
fn chosen_paths_need_not_be_utf_8() {
    let parse = |arguments: &[&[u8]]| {
        let arguments = arguments.iter().map(|it| OsStr::from_bytes(it));
        let parsed = Derived::try_parse_from([OsStr::new("hello")].into_iter().chain(arguments));
        parsed.map(|parsed| parsed.background)
    };
    assert_eq!(
        parse(&[]).unwrap(),
        Background::default(),
        "a default is no choice"
    );
    let background = parse(&[b"--pid-file", b"caf\xe9", b"-d", b"--log-file=\xff"]).unwrap();
    assert!(background.is_asked);
    let path = |bytes: &[u8]| Some(PathBuf::from(OsString::from_vec(bytes.to_vec())));
    assert_eq!(background.pid_file, path(b"caf\xe9"));
    assert_eq!(background.log_file, path(b"\xff"));
    for wrong in [
        &[&b"--pid-file"[..]][..],
        &[b"--log-file", b"-d"],
        &[b"--pid-file="],
    ] {
        assert!(parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn default_value_of_clap_is_not_a_choice() {
    let command = built().mut_arg("pid_file", |arg| arg.default_value("/run/hello.pid"));
    let matches = command
        .clone()
        .get_matches_from(["hello", "--log-file", "x"]);
    let background = Background::from_arg_matches(&matches).unwrap();
    assert_eq!(background.pid_file, None);
    assert_eq!(background.log_file, Some("x".into()));
}

#[test]
fn update_changes_only_given_flags() {
    let mut derived = Derived::parse_from(["hello", "-d", "--pid-file", "a", "--log-file", "b"]);
    derived.update_from(["hello", "--log-file", "c"]);
    let Background {
        is_asked,
        pid_file,
        log_file,
        ..
    } = derived.background;
    assert!(is_asked);
    assert_eq!((pid_file, log_file), (Some("a".into()), Some("c".into())));
}

#[test]
fn attribute_removes_flags_in_the_daemon_only() {
    let scratch = Scratch::new();
    let arguments = ["serve", "/srv", "--pid-file", "a.pid"];
    let outcome = scratch.start("clap_attribute").args(arguments).run();
    let seen = "/srv Background { is_asked: false, pid_file: Some(\"a.pid\"), log_file: None }\n";
    assert_eq!((outcome.code(), &*outcome.out_text()), (0, seen));
    assert!(!scratch.path("a.pid").exists());

    let start = scratch.start("clap_attribute").args(arguments).arg("-d");
    scratch.daemon_of(start.run(), "a.pid");
    let seen = "/srv Background { is_asked: false, pid_file: None, log_file: None }\n";
    assert_eq!(scratch.read("clap_attribute.log"), seen);
}

#[test]
fn flag_that_only_clap_sees_is_a_usage_error() {
    for arguments in [
        &["serve", "/srv", "-vd"][..],
        &["serve", "/srv", "-dv"],
        &["serve", "/srv", "-v", "--backgr"],
        &["serve", "/srv", "-vs", "stop"],
    ] {
        let scratch = Scratch::new();
        let outcome = scratch.start("clap_attribute").args(arguments).run();
        assert_eq!(outcome.code(), 2, "{outcome:?}");
        let flag = if arguments.contains(&"stop") {
            "-s"
        } else {
            "-d"
        };
        let words = format!("write {flag} as a separate word");
        assert!(outcome.err_text().contains(&words), "{outcome:?}");
        assert_eq!(outcome.out_text(), "", "the program did not run");
    }
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/adding.md");
    let page = fs::read_to_string(page).expect("a page");
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains("\"write -d as a separate word, before `--`\""));
}

#[test]
fn attribute_leaves_other_subcommands_alone() {
    let scratch = Scratch::new();
    let outcome = scratch.start("clap_attribute").args(["genkey", "-d"]).run();
    assert_eq!(outcome.out_text(), "genkey true\n", "{outcome:?}");
}

#[test]
fn attribute_shows_help_with_and_without_the_switch() {
    let help = |arguments: &[&str]| {
        let scratch = Scratch::new();
        let outcome = scratch.start("clap_attribute").args(arguments).run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
        outcome.out_text()
    };
    let serve = help(&["serve", "--help"]);
    assert!(serve.contains("-d, --background"), "{serve}");
    assert_eq!(help(&["serve", "-d", "--help"]), serve);
    // To us `-h` is a word of the program's; the daemon ends at once, and its output is shown.
    assert_eq!(help(&["serve", "-d", "-h"]), help(&["serve", "-h"]));
    assert!(!help(&["genkey", "--help"]).contains("background"));
}

#[test]
fn attribute_shows_usage_errors_of_clap() {
    let scratch = Scratch::new();
    let program = || scratch.start("clap_attribute").arg("serve");
    let foreground = program().arg("--nonsense").run();
    let background = program().args(["-d", "--nonsense"]).run();
    assert_eq!((foreground.code(), background.code()), (2, 2));
    assert!(
        background.err_text().starts_with(&foreground.err_text()),
        "{background:?}"
    );
}

#[test]
fn start_keeps_flags_and_uses_the_chosen_paths() {
    for arguments in [
        ["-b", "serve", "--pid-file=a.pid"],
        ["serve", "--bg", "--pid-file=a.pid"],
    ] {
        let scratch = Scratch::new();
        let outcome = scratch.start("clap_start").args(&arguments[2..]).run();
        assert!(
            outcome.out_text().contains("is_asked: false"),
            "{outcome:?}"
        );

        let daemon = scratch.daemon_of(scratch.start("clap_start").args(arguments).run(), "a.pid");
        let seen = "Background { is_asked: true, pid_file: Some(\"a.pid\"), log_file: None }\n";
        assert_eq!(scratch.read("clap_start.log"), seen, "{daemon:?}");
        assert!(!scratch.path("clap_start.pid").exists());
    }
}

#[test]
fn start_shows_the_default_paths_of_the_user() {
    let scratch = Scratch::new();
    let outcome = scratch
        .start("clap_start")
        .args(["serve", "-b", "--help"])
        .run();
    let path = scratch.path("clap_start.pid");
    let default = format!("[default: {}]", path.display());
    assert!(outcome.out_text().contains("-b, --bg "), "{outcome:?}");
    assert!(outcome.out_text().contains(&default), "{outcome:?}");
    assert!(!path.exists());
}
