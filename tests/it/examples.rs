//! Each example does what its head comment shows.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::{program, requires};

/// A command of a head comment, and what it prints.
#[derive(Debug)]
struct Command {
    line: String,
    output: Vec<String>,
}

/// Reads the console session in the head comment of an example.
fn session(example: &str) -> Vec<Command> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(example);
    let source = fs::read_to_string(source.with_extension("rs")).expect("the example");
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let lines = lines.map(|line| line.strip_prefix(' ').unwrap_or(line));
    let session = lines
        .skip_while(|line| *line != "```console")
        .skip(1)
        .take_while(|line| *line != "```");
    let mut commands: Vec<Command> = Vec::new();
    for line in session {
        if let Some(line) = line.strip_prefix("$ ") {
            let (line, output) = (line.to_owned(), Vec::new());
            commands.push(Command { line, output });
        } else {
            let command = commands.last_mut().expect("a command before its output");
            command.output.push(line.to_owned());
        }
    }
    assert!(commands.len() > 1, "{example} has a session");
    commands
}

/// A directory whose `cargo` runs the example that has been built, and nothing else.
fn directory_with_cargo(scratch: &Scratch, example: &str) -> String {
    let bin = scratch.path("bin");
    fs::create_dir(&bin).expect("mkdir");
    let cargo = scratch.write(
        "bin/cargo",
        format!(
            "#!/bin/sh\n\
             [ \"$1\" = run ] && shift\n\
             [ \"$1 $2\" = '--features clap' ] && shift 2\n\
             [ \"$1 $2\" = '--example {example}' ] || exit 99\n\
             shift 2\n\
             [ \"$1\" = -- ] && shift\n\
             exec '{}' \"$@\"\n",
            scratch
                .copy_program(&program::path(example), example)
                .display()
        ),
    );
    fs::set_permissions(cargo, fs::Permissions::from_mode(0o755)).expect("chmod");
    let path = std::env::var("PATH").expect("PATH");
    format!("{}:{path}", bin.display())
}

/// Runs the session of an example in one shell, and compares what each command prints.
fn expect_session(example: &str) {
    expect_session_by(example, Scratch::start_path);
}

/// The same by somebody who starts programs in a way of their own.
fn expect_session_by(example: &str, start: impl Fn(&Scratch, &Path) -> Start) {
    const END: &str = "-- end of a command --\n";
    let scratch = Scratch::new();
    let path = directory_with_cargo(&scratch, example);
    let commands = session(example);
    let mut script = vec!["exec 2>&1\n".to_owned()];
    script.extend(commands.iter().map(|Command { line, .. }| {
        format!("{line}\nstatus=$?; printf '%s' '{END}'; (exit $status)\n")
    }));
    let script = script.concat();
    let shell = requires::find("sh").expect("a shell");
    let start = start(&scratch, &shell).args(["-c", &script]);
    let shown = start.env("PATH", path).run().out_text();
    let shown: Vec<&str> = shown.split_terminator(END).collect();
    assert_eq!(shown.len(), commands.len(), "{shown:?}");
    for (command, shown) in commands.iter().zip(shown) {
        let shown: Vec<_> = shown
            .lines()
            .map(|line| without_particulars(line, &scratch))
            .collect();
        let home = Path::new("/home/you");
        let expected = command.output.iter();
        let expected: Vec<_> = expected.map(|line| generic(line, home)).collect();
        assert_eq!(shown, expected, "{command:?}");
    }
    // The session ended what it began.
    scratch.expect_nothing_left();
}

fn without_particulars(line: &str, scratch: &Scratch) -> String {
    generic(line, scratch.dir())
}

/// A line with its numbers and its directory taken out, which are others at each run.
fn generic(line: &str, directory: &Path) -> String {
    let line = line.replace(directory.to_str().expect("UTF-8"), "DIRECTORY");
    let mut generic = String::new();
    for character in line.chars() {
        match character {
            '0'..='9' if generic.ends_with('#') => {}
            '0'..='9' if line.contains("process") || line.contains("pid") || line.contains(':') => {
                generic.push('#');
            }
            _ => generic.push(character),
        }
    }
    generic
}

#[test]
fn hello_does_what_its_comment_says() {
    expect_session("hello");
}

#[test]
fn echo_server_does_what_its_comment_says() {
    expect_session("echo_server");
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
fn every_example_has_a_test() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut names: Vec<_> = fs::read_dir(examples)
        .expect("the examples")
        .map(|entry| entry.expect("an example").file_name())
        .collect();
    names.sort();
    let tested = ["echo_server", "exit_code", "hello", "mount", "result"];
    let tested = tested.map(|name| OsString::from(format!("{name}.rs")));
    assert_eq!(names, tested);
}

/// A start by an ordinary user, whose home the scratch directory is.
fn start_as_nobody(scratch: &Scratch, program: &Path) -> Start {
    let nobody = 65534;
    nix::unistd::chown(scratch.dir(), Some(nobody.into()), Some(nobody.into())).expect("chown");
    let setpriv = requires::find("setpriv").expect("setpriv");
    let start = scratch.start_path(&setpriv);
    start
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(program)
        .env("HOME", scratch.dir())
        .env("XDG_STATE_HOME", "")
        .env("XDG_RUNTIME_DIR", "")
}

#[test]
fn hello_works_for_an_ordinary_user() {
    if !requires::root() || !requires::program("setpriv") {
        return;
    }
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
    assert_eq!(ids.split_whitespace().next(), Some("65534"));
}

#[test]
fn the_echo_server_echoes_as_soon_as_the_prompt_is_back() {
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
fn the_runtime_of_the_echo_server_starts_in_the_daemon_alone() {
    if !requires::program("strace") {
        return;
    }
    let scratch = Scratch::new();
    let strace = requires::find("strace").expect("strace");
    // Without `-f`, so the launcher alone is watched.
    let start = scratch.start_path(&strace).args(["-qq", "-o", "trace"]);
    let launch = start.arg(program::path("echo_server")).arg("-d").run();
    scratch.daemon_of(launch, "echo_server.pid");
    let trace = scratch.read("trace");
    assert!(trace.contains("clone("), "the launcher was watched");
    assert!(!trace.contains("CLONE_THREAD"), "no thread in the launcher");
    assert!(!trace.contains("epoll"), "no runtime in the launcher");
}

/// The example that needs the feature.
#[cfg(feature = "clap")]
mod mount {
    use std::io::Read;

    use super::*;
    use crate::support::terminal::Terminal;

    #[test]
    fn mount_does_what_its_comment_says_and_logs_where_an_ordinary_user_may() {
        if !requires::root() || !requires::program("setpriv") || !requires::program("curl") {
            return;
        }
        expect_session_by("mount", start_as_nobody);
    }

    #[test]
    fn mount_is_ready_when_the_prompt_is_back_and_says_where_on_a_terminal() {
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
    fn the_help_of_mount_shows_the_switch_and_where_the_log_is() {
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
