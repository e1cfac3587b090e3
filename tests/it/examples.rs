//! Each example does what its head comment shows.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::support::daemon::in_this_c_library;
use crate::support::deadline::eventually;
use crate::support::scratch::Scratch;
use crate::support::session::{Session, path_with, shell};
use crate::support::start::Start;
use crate::support::users::UNPRIVILEGED;
use crate::support::{program, requires};

/// Runs the session of an example in one shell, and compares what each command prints.
fn expect_session(example: &str) {
    expect_session_by(example, Scratch::start_path);
}

/// The same, with a shell that `start` starts.
fn expect_session_by(example: &str, start: impl Fn(&Scratch, &Path) -> Start) {
    let scratch = Scratch::new();
    let session = Session::of_example(example);
    let start = start(&scratch, &shell()).args(["-c", &session.script()]);
    let outcome = start.env("PATH", path_with(&scratch, &[example])).run();
    session.expect(&outcome.out_text(), &scratch, "/home/you");
    scratch.expect_nothing_left();
}

#[test]
fn hello_does_what_its_comment_says() {
    expect_session("hello");
}

#[test]
fn clock_does_what_its_comment_says() {
    requires!(linux("the signal handlers of another process"));
    expect_session("clock");
}

#[test]
fn progress_does_what_its_comment_says() {
    expect_session("progress");
}

#[test]
fn result_does_what_its_comment_says() {
    expect_session("result");
}

#[test]
fn exit_code_does_what_its_comment_says() {
    expect_session("exit_code");
}

#[test]
fn queue_does_what_its_comment_says() {
    requires!(linux("the start time of a process"));
    expect_session("queue");
}

#[test]
fn tickd_does_what_its_comment_says() {
    expect_session("tickd");
}

#[test]
fn cached_does_what_its_comment_says() {
    expect_session("cached");
}

#[test]
fn cached_runs_in_the_foreground_too() {
    let scratch = Scratch::new();
    let cached = |words: &[&str]| scratch.start("cached").args(words);
    let server = cached(&["daemon"]).spawn();
    eventually("it serves", || {
        (server.output() == "serving cached.sock\n").then_some(())
    });
    // The client finds it, and so do a second one and the verbs.
    for count in 1..=2 {
        let client = cached(&["get", "key"]).run();
        assert_eq!(client.out_text(), format!("key: {count}\n"), "{client:?}");
    }
    assert_eq!(scratch.read("cached.log"), "", "no daemon was started");
    let second = cached(&["daemon"]).run();
    assert_eq!(second.code(), 69, "{second:?}");
    assert!(server.is_alive());
    let stop = cached(&["stop"]).run();
    let stopped = format!("cached: stopped, pid {}\n", server.pid());
    assert_eq!((stop.code(), stop.out_text()), (0, stopped));
    server.wait();
    scratch.expect_nothing_left();
}

#[test]
fn clients_on_a_cold_machine_start_one_daemon() {
    requires!(linux("locks on ranges of bytes"));
    let scratch = Scratch::new();
    // They wait for the FIFO to be opened.
    let script = "
        mkfifo gate
        for i in $(seq 100); do (: < gate; $0 get key || echo failed: $?) & done
        exec 9> gate
        wait";
    let start = scratch.start_path(&shell()).args(["-c", script]);
    let outcome = start.arg(program::path("cached")).run();
    assert_eq!(outcome.err_text(), "");
    let said = outcome.out_text();
    let mut answers: Vec<_> = said.lines().map(str::to_owned).collect();
    answers.sort_by_key(|line| (line.len(), line.clone()));
    let expected: Vec<_> = (1..=100).map(|count| format!("key: {count}")).collect();
    assert_eq!(answers, expected, "one daemon has counted all");
    assert_eq!(scratch.read("cached.log"), "serving cached.sock\n");
}

#[test]
fn clients_of_a_broken_daemon_get_its_reason() {
    requires!(linux("locks on ranges of bytes"));
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("cached.sock")).expect("an obstacle");
    let script = "
        mkfifo gate
        for i in $(seq 20); do (: < gate; $0 get key; echo $?) & done
        exec 9> gate
        wait";
    let start = scratch.start_path(&shell()).args(["-c", script]);
    let outcome = start.arg(program::path("cached")).run();
    assert_eq!(outcome.out_text(), "1\n".repeat(20), "{outcome:?}");
    let said = outcome.err_text();
    let reason = in_this_c_library("Address already in use");
    let reasons = said.matches(&format!("cached: {reason}")).count();
    let lines = said
        .matches("the daemon ended with status 1 before it was ready")
        .count();
    assert!(reasons >= 20 && lines == 20, "{said}");
    scratch.expect_nothing_left();
}

#[test]
fn every_example_has_a_test() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut names: Vec<_> = fs::read_dir(examples)
        .expect("the examples")
        .map(|entry| entry.expect("an example").file_name())
        .collect();
    names.sort();
    let tested = [
        "cached",
        "clock",
        "echo_server",
        "exit_code",
        "hello",
        "mount",
        "progress",
        "queue",
        "result",
        "tickd",
    ];
    let tested = tested.map(|name| OsString::from(format!("{name}.rs")));
    assert_eq!(names, tested);
}

/// A start by an ordinary user. The scratch directory is their home.
fn start_as_nobody(scratch: &Scratch, program: &Path) -> Start {
    let owner = Some(UNPRIVILEGED.into());
    nix::unistd::chown(scratch.dir(), owner, None).expect("chown");
    scratch
        .start_path(program)
        .user(UNPRIVILEGED)
        .env("HOME", scratch.dir())
        .env("XDG_STATE_HOME", "")
        .env("XDG_RUNTIME_DIR", "")
}

#[test]
fn hello_works_for_an_ordinary_user() {
    requires!(users);
    let scratch = Scratch::new();
    let copy = scratch.copy_program(&program::path("hello"), "hello");
    let start = start_as_nobody(&scratch, &copy).arg("-d");
    let daemon = scratch.daemon_of(start.run(), "hello.pid");
    let pid = daemon.pid();
    assert_eq!(
        scratch.read("hello.log"),
        format!("hello from process {pid}\n")
    );
    let ids = crate::support::process::status_field(pid, "Uid").expect("its ids");
    assert_eq!(
        ids.split_whitespace().next(),
        Some(&*UNPRIVILEGED.to_string())
    );
}

/// The examples that need the feature.
#[cfg(feature = "clap")]
mod with_clap {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpStream;

    use super::*;
    use crate::support::terminal::Terminal;

    #[test]
    fn echo_server_does_what_its_comment_says() {
        requires!(linux("the sockets of another process"));
        expect_session("echo_server");
    }

    #[test]
    fn echo_server_echoes_when_the_prompt_returns() {
        let scratch = Scratch::new();
        let launch = scratch.start("echo_server").arg("-d").run();
        scratch.daemon_of(launch, "echo_server.pid");
        let log = scratch.read("echo_server.log");
        let address = log
            .trim_end()
            .strip_prefix("listening on ")
            .expect("an address");
        let mut client = TcpStream::connect(address).expect("connect");
        client.write_all(b"hello\n").expect("send");
        let mut line = String::new();
        BufReader::new(client)
            .read_line(&mut line)
            .expect("receive");
        assert_eq!(line, "hello\n");
    }

    #[test]
    fn echo_server_has_no_runtime_in_the_launcher() {
        requires!(strace);
        let scratch = Scratch::new();
        // Without `-f`, so the launcher alone is watched.
        let strace = ["strace", "-qq", "-o", "trace"];
        let start = scratch.start("echo_server").arg("-d");
        let launch = start.under(&strace).run();
        scratch.daemon_of(launch, "echo_server.pid");
        let trace = scratch.read("trace");
        assert!(trace.contains("clone("), "the launcher was watched");
        assert!(!trace.contains("CLONE_THREAD"), "no thread in the launcher");
        assert!(!trace.contains("epoll"), "no runtime in the launcher");
    }

    #[test]
    fn mount_does_what_its_comment_says() {
        requires!(users, program("curl"));
        expect_session_by("mount", start_as_nobody);
    }

    #[test]
    fn mount_is_ready_when_the_prompt_returns() {
        let scratch = Scratch::new();
        let mount = |arguments: &[&str]| scratch.start("mount").args(arguments);
        assert_eq!(mount(&["format", "vol", "docs"]).run().code(), 0);
        fs::write(scratch.path("greeting"), "hello\n").expect("write");

        let (mut terminal, tty) = Terminal::new();
        let start = mount(&["mount", "-d", "--log-file=log", "vol", "."]);
        let daemon = scratch.daemon_of(start.on_terminal(tty).run(), "vol/pid");
        let url = scratch.read("vol/url");
        let log = scratch.path("log");
        let line = format!(
            "mount: OK, docs is ready at {url}; running in the background, pid {}, log {}\n",
            daemon.pid(),
            log.display()
        );
        assert_eq!(terminal.read_to_end(), line);
        assert_eq!(scratch.read("log"), format!("OK, docs is ready at {url}\n"));

        let address = url.trim_start_matches("http://").trim_end_matches('/');
        let get = |target: &str| {
            let mut client = TcpStream::connect(address).expect("connect");
            write!(client, "GET {target} HTTP/1.0\r\n\r\n").expect("send");
            let mut answer = String::new();
            client.read_to_string(&mut answer).expect("receive");
            answer
        };
        let greeting = get("/greeting");
        assert!(
            greeting.starts_with("HTTP/1.0 200 OK\r\n") && greeting.ends_with("\r\n\r\nhello\n")
        );
        assert!(get("/").contains("greeting\n"));
        for lost in ["/missing", "/../etc/passwd", "//etc/passwd", "greeting"] {
            assert!(get(lost).starts_with("HTTP/1.0 404 "), "{lost}");
        }

        let second = mount(&["mount", "-d", "--log-file=log", "vol", "."]).run();
        assert_eq!(second.code(), 69);
        let mut beside = mount(&["mount", "vol", "."]).spawn_child();
        let mut said = String::new();
        let out = beside.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut said).expect("read");
        beside.kill().and_then(|()| beside.wait()).expect("kill");
        assert!(said.starts_with("OK, ") && !said.contains(&url), "{said}");
        let status = mount(&["status", "vol"]).run().out_text();
        let told = format!("docs is ready at {url}, pid {}\n", daemon.pid());
        assert_eq!(status, told, "the daemon's, not that of the foreground");
        assert_eq!(
            mount(&["umount", "vol"]).run().out_text(),
            "docs is unmounted\n"
        );
        scratch.expect_nothing_left();
    }

    #[test]
    fn help_of_mount_shows_switch_and_log() {
        let scratch = Scratch::new();
        let help = |arguments: &[&str]| {
            let start = scratch.start("mount").args(arguments);
            let start = start
                .env("HOME", scratch.dir())
                .env("XDG_STATE_HOME", "/state");
            let outcome = start.run();
            assert_eq!(outcome.code(), 0, "{outcome:?}");
            outcome.out_text()
        };
        let shown = help(&["mount", "--help"]);
        assert!(shown.contains("-d, --background"), "{shown}");
        let directory = if nix::unistd::geteuid().is_root() {
            "/var/log"
        } else {
            "/state"
        };
        let log = format!("append all output to PATH [default: {directory}/mount.log]");
        assert!(shown.contains(&log), "{shown}");
        assert_eq!(help(&["mount", "-d", "--help"]), shown);
        assert!(help(&["--help"]).contains("umount"));
    }
}
