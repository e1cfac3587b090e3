//! Each example does what its head comment shows.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    reason = "a broken expectation is how a test fails"
)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use support::scratch::Scratch;
use support::{program, requires};

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
             [ \"$1 $2 $3\" = 'run --example {example}' ] || exit 99\n\
             shift 3\n\
             [ \"$1\" = -- ] && shift\n\
             exec '{}' \"$@\"\n",
            program::path(example).display()
        ),
    );
    fs::set_permissions(cargo, fs::Permissions::from_mode(0o755)).expect("chmod");
    let path = std::env::var("PATH").expect("PATH");
    format!("{}:{path}", bin.display())
}

/// Runs the session of an example in one shell, and compares what each command prints.
fn expect_session(example: &str) {
    const END: &str = "-- end of a command --\n";
    let scratch = Scratch::new();
    let path = directory_with_cargo(&scratch, example);
    let commands = session(example);
    let script: Vec<_> = commands
        .iter()
        .map(|Command { line, .. }| {
            format!("{line}\nstatus=$?; printf '%s' '{END}'; (exit $status)\n")
        })
        .collect();
    let shell = requires::find("sh").expect("a shell");
    let start = scratch
        .start_path(&shell)
        .args(["-c", &format!("exec 2>&1\n{}", script.concat())]);
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
    assert_eq!(
        names,
        ["echo_server.rs", "exit_code.rs", "hello.rs", "result.rs"]
    );
}

#[test]
fn hello_works_for_an_ordinary_user() {
    if !requires::root() || !requires::program("setpriv") {
        return;
    }
    let scratch = Scratch::new();
    let copy = scratch.copy_program(&program::path("hello"), "hello");
    let nobody = 65534;
    nix::unistd::chown(scratch.dir(), Some(nobody.into()), Some(nobody.into())).expect("chown");
    let setpriv = requires::find("setpriv").expect("setpriv");
    let start = scratch.start_path(&setpriv);
    let start = start.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    let daemon = scratch.daemon_of(start.arg(&copy).arg("-d").run(), "hello.pid");
    let pid = daemon.pid();
    assert_eq!(
        scratch.read("hello.log"),
        format!("hello from process {pid}\n")
    );
    let ids = support::process::status_field(pid, "Uid").expect("its ids");
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
    assert!(trace.contains("CLONE_VFORK"), "the launcher was watched");
    assert!(!trace.contains("CLONE_THREAD"), "no thread in the launcher");
    assert!(!trace.contains("epoll"), "no runtime in the launcher");
}
