//! What the launcher says on the terminal. Never with `println!`: a closed pipe or a full disk
//! must not kill this process.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::Path;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getpgid};

use crate::error::{Error, ErrorKind, shown};
use crate::program_name;
use crate::signals::IgnoreGuard;
use crate::sys;

/// Says why the start failed, after what the daemon itself had to say.
pub(crate) fn failure(error: &Error) {
    let output = error.output();
    write(Stream::Errors, output).ok();
    // The reason has its own line.
    if output.last().is_some_and(|last| *last != b'\n') {
        write(Stream::Errors, b"\n").ok();
    }
    line(&format!("{error}"));
}

/// Says that the daemon is up and where it serves, to a person, and before that what it says itself.
pub(crate) fn up(pid: Pid, log: Option<&Path>, status: Option<&str>, addresses: Option<&str>) {
    if !io::stderr().is_terminal() {
        return;
    }
    let log = log
        .map(|path| format!(", log {}", shown(path)))
        .unwrap_or_default();
    let status = status.map(|text| format!("{text}; ")).unwrap_or_default();
    let what = match addresses {
        Some(addresses) => format!("listening on {addresses}"),
        None => "running in the background".to_owned(),
    };
    line(&format!("{status}{what}, pid {pid}{log}"));
}

/// What the daemon has for standard output: its announcements, and what a short job wrote.
pub(crate) fn output(bytes: &[u8]) {
    if !bytes.is_empty() {
        write(Stream::Output, bytes).ok();
    }
}

/// What the user asked for, in one line on standard output.
pub(crate) fn answer(text: &str) {
    write(Stream::Output, program_name::line(text).as_bytes()).ok();
}

/// The same where the answer is all that was asked for.
///
/// # Errors
///
/// `OutOfReach`: it cannot be written. A reader that is gone has read enough.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    match write(Stream::Output, text.as_bytes()) {
        Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => {
            let what = "cannot print the answer";
            Err(Error::system(ErrorKind::OutOfReach, what, cause))
        }
        _ => Ok(()),
    }
}

/// One line on standard error, after the program's name.
pub(crate) fn line(text: &str) {
    write(Stream::Errors, program_name::line(text).as_bytes()).ok();
}

#[derive(Clone, Copy, PartialEq)]
enum Stream {
    Output,
    Errors,
}

#[inline(never)] // each use would have its own copy
fn write(stream: Stream, mut bytes: &[u8]) -> io::Result<()> {
    // In the background of a terminal set to `stty tostop`, writing would stop this process; with
    // the signal blocked the system lets the bytes through.
    let terminal_output = SigSet::from(Signal::SIGTTOU);
    let before = terminal_output.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK);
    // A limit on the size of files or a closed pipe must not kill this process.
    let _limit = IgnoreGuard::begin(Signal::SIGXFSZ);
    let _pipe = IgnoreGuard::begin(Signal::SIGPIPE);
    let (output, errors) = (io::stdout(), io::stderr());
    let (fd, mut is_flushed) = match stream {
        // What the program has left in its buffer comes first.
        Stream::Output => (output.as_fd(), false),
        Stream::Errors => (errors.as_fd(), true),
    };
    let written = loop {
        let written = if is_flushed {
            nix::unistd::write(fd, bytes).map_err(io::Error::from)
        } else {
            (&output).flush().map(|()| 0)
        };
        match written {
            Ok(length) => {
                bytes = bytes.get(length..).unwrap_or_default();
                if bytes.is_empty() || is_flushed && length == 0 {
                    break Ok(());
                }
                is_flushed = true;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Another program may have made it non-blocking.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut room = [PollFd::new(fd, PollFlags::POLLOUT)];
                let _ = poll(&mut room, PollTimeout::NONE);
            }
            // The user has closed it, and misses nothing.
            Err(error) if error.raw_os_error() == Some(libc::EBADF) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    written
}

/// What is waited for and how long by now, in place of the line before. A text that is too long for
/// the terminal is cut by it.
pub(super) fn status(text: &str, seconds: u64) {
    let name = shown(Path::new(&program_name::of_this_process()));
    let line = format!("\r\x1b[K\x1b[?7l{name}: {text} ({seconds} s)\x1b[?7h");
    write_if_there_is_room(&line);
}

/// Whether what the user types at the terminal of standard error is meant for this process, see
/// `tcgetpgrp(3)`.
pub(super) fn is_in_foreground() -> bool {
    sys::process_group_of_terminal(io::stderr().as_fd()).is_some_and(|it| Ok(it) == getpgid(None))
}

pub(super) fn clear_status() {
    write_if_there_is_room("\r\x1b[K");
}

/// A terminal that its user has stopped with Control-S must not hold the launcher up.
fn write_if_there_is_room(text: &str) {
    let stderr = io::stderr();
    let mut room = [PollFd::new(stderr.as_fd(), PollFlags::POLLOUT)];
    if poll(&mut room, PollTimeout::ZERO) == Ok(1) {
        write(Stream::Errors, text.as_bytes()).ok();
    }
}
