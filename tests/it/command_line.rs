//! The switch on the command line, and the arguments that the program gets.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::support::daemon::read_report;
use crate::support::report::Report;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::terminal::Terminal;

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// The arguments that the program saw, without its name, and whether it was the daemon.
fn run(options: &str, arguments: &[OsString]) -> (Vec<OsString>, bool) {
    let scratch = Scratch::new();
    let start = scratch.report().args(arguments).does("report");
    let outcome = start.options(format!("pid=report.pid\n{options}")).run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let Report {
        arguments,
        is_daemon,
        ..
    } = read_report(&scratch.path("report.json"));
    let seen = arguments.into_iter().skip(1).map(OsString::from_vec);
    (seen.collect(), is_daemon)
}

/// The program runs as the daemon and sees the remaining words.
fn expect_daemon(options: &str, arguments: &[&str], remaining: &[&str]) {
    let (seen, is_daemon) = run(options, &words(arguments));
    assert!(is_daemon, "{arguments:?}");
    assert_eq!(seen, words(remaining), "{arguments:?}");
}

#[test]
fn switch_is_found_at_every_position() {
    expect_daemon("", &["-d"], &[]);
    expect_daemon("", &["--background"], &[]);
    expect_daemon("", &["a", "-d", "b"], &["a", "b"]);
    expect_daemon("", &["a", "b", "--background"], &["a", "b"]);
    expect_daemon("flags=-b,--bg", &["-d", "--bg"], &["-d"]);
}

#[test]
fn foreground_flag_keeps_the_foreground() {
    let options = "foreground_flag=-f";
    expect_daemon(options, &["a", "-d"], &["a", "-d"]);
    for stays in ["-f", "--help"] {
        let arguments = words(&["a", stays]);
        assert_eq!(run(options, &arguments), (arguments, false));
    }
}

#[test]
fn arguments_arrive_byte_for_byte() {
    let arguments = [
        OsString::from_vec(b"caf\xe9".to_vec()),
        OsString::from_vec(vec![0xff, 0xfe, b'-', b'd']),
        OsString::new(),
        OsString::from(" a b\n\tc\\'\""),
        OsString::from("x".repeat(100_000)),
    ];
    let with_switch: Vec<_> = [OsString::from("-d")]
        .into_iter()
        .chain(arguments.clone())
        .collect();
    let (seen, is_daemon) = run("", &with_switch);
    assert!(is_daemon);
    assert_eq!(seen, arguments);
    let (seen, is_daemon) = run("", &arguments);
    assert!(!is_daemon);
    assert_eq!(seen, arguments);
}

#[test]
fn ten_thousand_arguments_arrive() {
    let many: Vec<_> = (0..10_000)
        .map(|number| OsString::from(number.to_string()))
        .collect();
    let with_switch: Vec<_> = many.iter().cloned().chain([OsString::from("-d")]).collect();
    let (seen, is_daemon) = run("", &with_switch);
    assert!(is_daemon);
    assert_eq!(seen, many);
}

#[test]
fn argv_0_arrives_even_if_it_is_false() {
    for name in [
        &b"another"[..],
        b"",
        b"-report",
        b"/no/such/path",
        b"a b\n",
        b"caf\xe9",
    ] {
        let scratch = Scratch::new();
        let daemon = scratch.up(scratch.background().arg0(OsStr::from_bytes(name)));
        let report = daemon.report();
        assert_eq!(report.arguments, [name]);
        assert_eq!(report.comm, b"report", "the kernel's name is not the lie");
    }
}

#[test]
fn message_starts_with_the_name_in_argv_0() {
    let scratch = Scratch::new();
    for (name, shown) in [
        ("/usr/bin/hello", "hello: "),
        ("-hello", "hello: "),
        // Without a name the message uses that of the system.
        ("", "report: "),
        ("-", "report: "),
    ] {
        let start = scratch
            .background()
            .arg0(name)
            .options("pid=missing/report.pid");
        let launch = start.run();
        assert_eq!(launch.code(), 73);
        assert!(launch.err_text().starts_with(shown), "{launch:?}");
    }
}

#[test]
fn daemon_gets_the_environment_of_the_caller() {
    let scratch = Scratch::new();
    let surroundings = |start: crate::support::start::Start| {
        start
            .env_clear()
            .env("TEST_MARK", scratch.mark())
            .env("TEST_REPORT", scratch.path("report.json"))
            .env("TEST_OPTIONS", "pid=report.pid\nlog=report.log")
            .env("LATIN", OsStr::from_bytes(b"caf\xe9"))
            .env("EMPTY", "")
            .env("LINES", "a\nb=c")
    };
    let start = surroundings(scratch.report()).does("report");
    assert_eq!(start.run().code(), 0);
    let mut foreground = read_report(&scratch.path("report.json")).environment;
    std::fs::remove_file(scratch.path("report.json")).expect("the report");

    let daemon = scratch.up(surroundings(scratch.background()).does("report stay"));
    let mut background = daemon.report().environment;
    // The variable with the steps is the only difference.
    for environment in [&mut foreground, &mut background] {
        environment.retain(|(name, _)| name != b"TEST_DOES");
    }
    assert_eq!(background, foreground, "in the same order too");
    assert_eq!(background.len(), 6);
}

#[test]
fn environment_of_the_daemon_is_changed() {
    let scratch = Scratch::new();
    let start = scratch.background().does("report stay");
    let start = start.options("pid=report.pid\nlog=report.log\nenv=B:3\nenv_remove=A,C");
    let daemon = scratch.up(start.env("A", "1").env("AB", "2"));
    let mut environment = daemon.report().environment;
    environment.retain(|(name, _)| [b"A".as_slice(), b"AB", b"B"].contains(&name.as_slice()));
    environment.sort();
    let variable = |name: &str, value: &str| (name.into(), value.into());
    assert_eq!(environment, [variable("AB", "2"), variable("B", "3")]);
}

#[test]
fn env_clear_keeps_no_variable_of_the_caller() {
    for more in ["", "\nrestart=on-failure"] {
        let scratch = Scratch::new();
        let report = scratch.path("report.json");
        let options = format!(
            "pid=report.pid\nlog=report.log\nenv=A:1\nenv_clear\nenv=B:2\nenv=TEST_MARK:{}\n\
             env=TEST_REPORT:{}\nenv=TEST_DOES:report stay{more}",
            scratch.mark(),
            report.display()
        );
        let again = options.replace('\n', "%0a");
        let options = format!("{options}\nenv=TEST_OPTIONS:{again}");
        let start = scratch.background().options(options).env("C", "3");
        let launch = start.env("LISTEN_FDNAMES", "x").run();
        assert_eq!((launch.code(), launch.err_text()), (0, String::new()));
        let environment = read_report(&report).environment;
        let names = environment.iter().map(|(name, _)| name.as_slice());
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        let expected = ["B", "TEST_DOES", "TEST_MARK", "TEST_OPTIONS", "TEST_REPORT"];
        assert_eq!(names, expected.map(str::as_bytes));
    }
}

#[test]
fn help_and_version_run_in_place() {
    for word in ["--help", "--version"] {
        for arguments in [["-d", word], [word, "-d"]] {
            let scratch = Scratch::new();
            let start = scratch
                .report()
                .args(arguments)
                .does("report say:usage return:2");
            let outcome = start.run();
            assert_eq!((outcome.code(), &*outcome.out_text()), (2, "usage\n"));
            let report = read_report(&scratch.path("report.json"));
            assert_eq!(report.pid, outcome.pid, "executed in place");
            assert!(!report.is_daemon);
            assert_eq!(
                report.arguments[1..],
                [word.as_bytes()],
                "without the switch"
            );
            assert!(!scratch.path("report.pid").exists());
        }
    }
}

#[test]
fn help_beside_the_switch_reaches_the_terminal() {
    let scratch = Scratch::new();
    let (mut terminal, slave) = Terminal::new();
    let start = scratch.background().arg("--help").does("say:usage");
    let outcome = start.on_terminal(slave).run();
    assert_eq!((outcome.code(), &*terminal.read_to_end()), (0, "usage\n"));
}

#[test]
fn help_beside_the_switch_forks_nothing() {
    requires!(strace);
    let scratch = Scratch::new();
    let calls = "trace=clone,clone3,fork,vfork,execve,socketpair,flock";
    let start = scratch.background().arg("--version").does("say:1.0");
    let start = start.traced(&["-e", calls]);
    assert_eq!(start.run().out_text(), "1.0\n");
    let trace = scratch.read("trace");
    assert_eq!(trace.lines().count(), 2, "{trace}");
    assert!(
        trace.lines().all(|line| line.contains("execve(")),
        "{trace}"
    );
}

#[test]
fn empty_command_line_runs_in_the_foreground() {
    let scratch = Scratch::new();
    let report = crate::support::program::path("report");
    let path = std::ffi::CString::new(report.as_os_str().as_bytes()).expect("no NUL");
    let start = scratch.report().does("say:hello").before_exec(move || {
        let (no_arguments, no_environment) = ([std::ptr::null()], [std::ptr::null()]);
        // SAFETY: the path is a C string, and both lists end with a null pointer.
        unsafe {
            libc::execve(
                path.as_ptr(),
                no_arguments.as_ptr(),
                no_environment.as_ptr(),
            )
        };
        Err(std::io::Error::last_os_error())
    });
    // Without its environment the program takes no step.
    let outcome = start.run();
    assert_eq!((outcome.code(), outcome.err_text()), (0, String::new()));
}

#[test]
fn empty_environment_starts_a_daemon() {
    requires!(program("env"));
    let scratch = Scratch::new();
    let env = requires::find("env").expect("env");
    let start = scratch.start_path(&env).arg("-i");
    let launch = start
        .arg(crate::support::program::path("report"))
        .arg("-d")
        .run();
    assert_eq!((launch.code(), launch.err_text()), (0, String::new()));
}
