//! Console sessions as the documentation shows them: commands after `$ `, each with its output.

use std::fs;
use std::path::Path;

use crate::support::scratch::Scratch;
use crate::support::{program, requires};

/// Runs a program as `cargo run` does, without building it.
const CARGO: &str = r#"cargo() {
    [ "$1" = run ] && shift
    [ "$1 $2" = '--features clap' ] && shift 2
    [ "$1" = --example ] || return 99
    program=$2
    shift 2
    [ "$1" = -- ] && shift
    "$program" "$@"
}
"#;

/// What the shell writes after each command.
const END: &str = "-- end of a command --\n";

/// A command, and the lines that it prints.
#[derive(Debug, PartialEq)]
struct Command {
    line: String,
    output: Vec<String>,
}

/// The commands of all console blocks of a text in Markdown.
#[derive(Debug)]
pub(crate) struct Session(Vec<Command>);

impl Session {
    pub(crate) fn of(text: &str) -> Self {
        let mut commands: Vec<Command> = Vec::new();
        let mut is_inside = false;
        for line in text.lines() {
            if line.starts_with("```") {
                is_inside = line == "```console";
            } else if let (true, Some(line)) = (is_inside, line.strip_prefix("$ ")) {
                commands.push(Command {
                    line: line.to_owned(),
                    output: Vec::new(),
                });
            } else if is_inside {
                let command = commands.last_mut().expect("a command before its output");
                command.output.push(line.to_owned());
            }
        }
        assert!(commands.len() > 1, "a text without a session");
        Self(commands)
    }

    /// The session in the head comment of an example.
    pub(crate) fn of_example(name: &str) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/{name}.rs"));
        let source = fs::read_to_string(source).expect("the example");
        let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
        let lines: Vec<_> = lines.map(str::trim_start).collect();
        Self::of(&lines.join("\n"))
    }

    /// One shell script that runs all commands.
    pub(crate) fn script(&self) -> String {
        let commands = self.0.iter().map(|Command { line, .. }| {
            format!("{line}\nstatus=$?; printf '%s' '{END}'; (exit $status)\n")
        });
        format!("exec 2>&1\n{CARGO}{}", commands.collect::<String>())
    }

    /// Compares the output of the script with what the text shows. Pids, ports and times differ from
    /// run to run, and so does the directory, which the text calls `shown_directory`.
    pub(crate) fn expect(&self, output: &str, scratch: &Scratch, shown_directory: &str) {
        let outputs: Vec<&str> = output.split_terminator(END).collect();
        assert_eq!(outputs.len(), self.0.len(), "{output}");
        let directory = scratch.dir().to_str().expect("UTF-8");
        for (command, output) in self.0.iter().zip(outputs) {
            let printed: Vec<_> = output
                .lines()
                .map(|line| general(line, directory))
                .collect();
            let shown = command.output.iter();
            let shown: Vec<_> = shown.map(|line| general(line, shown_directory)).collect();
            assert_eq!(printed, shown, "{command:?}");
        }
    }
}

/// A line without what differs from run to run: its directory, and the digits of a line that has a
/// pid, a port or a time.
fn general(line: &str, directory: &str) -> String {
    let line = line.replace(directory, "DIRECTORY");
    if !["process", "pid", ":"]
        .iter()
        .any(|word| line.contains(word))
    {
        return line;
    }
    let digits = line.replace(|character: char| character.is_ascii_digit(), "#");
    let mut general = String::new();
    for character in digits.chars() {
        if character != '#' || !general.ends_with('#') {
            general.push(character);
        }
    }
    general
}

/// A `PATH` that begins with a directory of these programs.
pub(crate) fn path_with(scratch: &Scratch, programs: &[&str]) -> String {
    let bin = scratch.path("bin");
    fs::create_dir(&bin).expect("mkdir");
    for name in programs {
        scratch.copy_program(&program::path(name), &format!("bin/{name}"));
    }
    let path = std::env::var("PATH").expect("PATH");
    format!("{}:{path}", bin.display())
}

/// The shell that runs a session.
pub(crate) fn shell() -> std::path::PathBuf {
    requires::find("sh").expect("a shell")
}
