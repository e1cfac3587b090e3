//! Each rule of the command line, as a sentence.

#[cfg(unix)]
mod arguments;
mod control_subcommands;
mod foreground_flag;
mod instance_flag;
#[cfg(unix)]
mod not_utf_8;
mod path_flags;
mod questions;
mod subcommands;
mod switch;
mod timeout_flag;
mod verbs;

use std::path::PathBuf;

use super::*;

/// The answer, or the exit status and the message.
type Answer = Result<Invocation, (u8, String)>;

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
    Daemon::new().background_flag(["-d", "--background"])
}

fn full() -> Daemon {
    plain()
        .pid_flag("--pid-file")
        .log_flag("-l")
        .control_flag("-s")
}

fn background(argv: &str) -> Invocation {
    background_at(argv, None, None)
}

fn background_at(argv: &str, pid_file: Option<&str>, log_file: Option<&str>) -> Invocation {
    Invocation::Background {
        argv: words(argv),
        chosen: chosen(pid_file, log_file),
    }
}

fn control(verb: Verb, argv: &str, pid_file: Option<&str>) -> Invocation {
    Invocation::Control {
        verb,
        argv: words(argv),
        chosen: chosen(pid_file, None),
    }
}

fn chosen(pid_file: Option<&str>, log_file: Option<&str>) -> Chosen {
    Chosen {
        pid_file: pid_file.map(PathBuf::from),
        log_file: log_file.map(PathBuf::from),
        ..Chosen::default()
    }
}

fn in_place(argv: &str) -> Invocation {
    let argv = words(argv);
    Invocation::InPlace { argv }
}

fn usage(message: &str) -> (u8, String) {
    (64, message.to_owned())
}
