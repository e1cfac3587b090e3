//! Running another program for its answer. `std::process` does it too, and would add a tenth to a
//! small program.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{ForkResult, fork};

use super::child::Strings;
use super::{descriptors, wait};

/// An answer is not longer.
const ANSWER_MAX: usize = 4096;

/// What a program writes to its standard output, if it can be executed and closes that in time. Its
/// standard error leads nowhere.
pub(crate) fn output(program: &str, arguments: &[&str], timeout: Duration) -> Option<Vec<u8>> {
    let deadline = Instant::now() + timeout;
    let mut words = Strings::new();
    words.push(program.into());
    for argument in arguments {
        words.push((*argument).into());
    }
    let argv = words.as_ptr();
    // SAFETY: the list has a first word.
    let file = unsafe { *argv };
    let null = File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
        .ok()?;
    let (mut reader, writer) = descriptors::pipe().ok()?;
    // SAFETY: the child makes only async-signal-safe calls, and never returns.
    let child = match unsafe { fork() }.ok()? {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let places = [(&null, 0), (&writer, 1), (&null, 2)];
            let mut places = places.into_iter();
            if places.all(|(file, fd)| descriptors::place(file.as_raw_fd(), fd).is_ok()) {
                // SAFETY: the list is of C strings, ends with a null pointer, and is this child's.
                unsafe { libc::execvp(file, argv) };
            }
            // SAFETY: the call takes an integer.
            unsafe { libc::_exit(127) }
        }
    };
    drop(writer);
    let mut answer = Vec::new();
    let is_whole = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut source = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut source, timeout) {
            Err(Errno::EINTR) => continue,
            Ok(0) | Err(_) => break false,
            Ok(_) => {}
        }
        let mut bytes = [0; 256];
        match reader.read(&mut bytes) {
            Ok(0) => break true,
            Ok(length) if answer.len() < ANSWER_MAX => {
                answer.extend_from_slice(&bytes[..length]);
            }
            _ => break false,
        }
    };
    if !is_whole {
        let _ = kill(child, Signal::SIGKILL);
    }
    let _ = wait::wait(child);
    is_whole.then_some(answer)
}
