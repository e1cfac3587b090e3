//! The arguments of the daemon that runs.

use std::ffi::{OsStr, OsString};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use crate::program_name;
use crate::sys::{image, process};

/// An exec takes less.
const EXEC_TIMEOUT: Duration = Duration::from_secs(1);
const POLL_INTERVAL: Duration = Duration::from_millis(1);

pub(super) const UNREADABLE: &str =
    "its arguments cannot be read; repeat them, or stop and start it";
const OVERWRITTEN: &str = "it may have overwritten its arguments, or executed another program; \
                           repeat them, or stop and start it";

/// The words of its command line. `argv0` is the first word of this one.
///
/// # Errors
///
/// Why they are not known.
pub(super) fn arguments_of(pid: Pid, argv0: &OsStr) -> Result<Vec<OsString>, &'static str> {
    let words = process::arguments_of(pid).ok_or(UNREADABLE)?;
    let program = program_name::shared_with(pid);
    // Below an emulator the first word is the emulator's.
    if image::is_emulated() || are_original(&words, argv0, program.as_deref()) {
        Ok(words)
    } else {
        Err(OVERWRITTEN)
    }
}

/// In the middle of an exec a process has no arguments, and before it those of its launcher.
///
/// # Errors
///
/// It has none of its own yet.
pub(super) fn wait_for_exec(pid: Pid) -> Result<(), &'static str> {
    let start = Instant::now();
    let has_arguments = || process::has_executed(pid) && !process::lacks_arguments(pid);
    while !has_arguments() {
        if start.elapsed() >= EXEC_TIMEOUT {
            return Err(UNREADABLE);
        }
        thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}

/// Whether the first of these words is that of this program, as far as can be told. A program that shows
/// a title in the place of its command line writes it over the first words, and NUL bytes over the rest.
fn are_original(words: &[OsString], argv0: &OsStr, program: Option<&OsStr>) -> bool {
    let Some((first, others)) = words.split_first() else {
        return false;
    };
    let is_padding = !others.is_empty() && others.iter().all(|word| word.is_empty());
    !is_padding && (first == argv0 || is_name(first, argv0, program))
}

/// Whether this first word names the program. `program` is the name of its file, if this process executes
/// one of that name too.
fn is_name(first: &OsStr, argv0: &OsStr, program: Option<&OsStr>) -> bool {
    // A title that ends with a path: `hello: serves /srv/hello`.
    let is_title = first.as_encoded_bytes().windows(2).any(|it| it == b" /");
    let name = program_name::in_argv0(first).filter(|_| !is_title);
    let is_program = name.is_some() && (name == program_name::in_argv0(argv0) || name == program);
    // So a program executes itself.
    is_program || first == image::Image::NAME
}

#[cfg(test)]
mod tests;
