//! What a thread is doing, read from `/proc/PID/task/TID/stat`, see `proc_pid_stat(5)`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::number;

/// The state stands within the first hundred bytes: a pid, at most 64 bytes of name, the state.
const ENOUGH_OF_STAT: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ThreadState {
    /// Waiting for something that may never come.
    Asleep,
    /// Running or waiting for a processor.
    Runs,
    /// Waiting for a disk or another device, without being interrupted by signals.
    WaitsForDevice,
    /// Stopped by a signal or a debugger.
    Stopped,
    /// Ended, perhaps not yet waited for. The first thread of a process can end before the others.
    Ended,
}

/// The state of a thread, or of a process by its first thread, given its directory.
pub(super) fn state_of(directory: &Path) -> ThreadState {
    match read_stat(directory.join("stat")) {
        Ok((stat, length)) => parse_stat(&stat[..length]).unwrap_or(ThreadState::Runs),
        Err(error) if has_ended(&error) => ThreadState::Ended,
        // Too many open files, for example: what the launcher cannot see is no sleep.
        Err(_) => ThreadState::Runs,
    }
}

/// Whether a thread of a process is one that the kernel has put there to work for it: for `io_uring`,
/// or for vhost. Its name may be that of any thread.
pub(super) fn is_of_kernel(directory: &Path) -> bool {
    let stat = read_stat(directory.join("stat"));
    stat.is_ok_and(|(stat, length)| has_kernel_flag(&stat[..length]).unwrap_or_default())
}

/// True for the errors that `/proc` gives when a thread ends before or while the launcher reads.
pub(super) fn has_ended(error: &io::Error) -> bool {
    [Errno::ENOENT, Errno::ESRCH]
        .map(|errno| Some(errno as i32))
        .contains(&error.raw_os_error())
}

fn read_stat(path: PathBuf) -> io::Result<([u8; ENOUGH_OF_STAT], usize)> {
    let mut stat = [0; ENOUGH_OF_STAT];
    let length = File::open(path)?.read(&mut stat)?;
    Ok((stat, length))
}

/// A thread may call itself `a) R (b`, so the state follows the last parenthesis.
fn parse_stat(stat: &[u8]) -> Option<ThreadState> {
    let end_of_name = stat.iter().rposition(|&byte| byte == b')')?;
    match stat.get(end_of_name + 1..end_of_name + 4)? {
        // Sleeping, parked, idle; only threads of the kernel have the last two.
        b" S " | b" P " | b" I " => Some(ThreadState::Asleep),
        b" Z " | b" X " | b" x " => Some(ThreadState::Ended),
        b" D " => Some(ThreadState::WaitsForDevice),
        b" T " | b" t " => Some(ThreadState::Stopped),
        _ => Some(ThreadState::Runs),
    }
}

fn has_kernel_flag(stat: &[u8]) -> Option<bool> {
    /// `PF_IO_WORKER` and `PF_USER_WORKER` in the kernel's `sched.h`.
    const FLAGS: u64 = 0x10 | 0x4000;
    let end_of_name = stat.iter().rposition(|&byte| byte == b')')?;
    let fields = std::str::from_utf8(stat.get(end_of_name + 1..)?).ok()?;
    // The flags are the ninth field of all, and the space after the name is the end of the second.
    let flags: u64 = number::parse(fields.split(' ').nth(9 - 2)?, 10)?;
    Some(flags & FLAGS != 0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use super::*;

    use std::process::Command;

    #[test]
    fn any_process_name_precedes_the_state() {
        for (stat, state) in [
            ("1 (init) S 0 1 1", ThreadState::Asleep),
            ("9 (a) R (b) S 0 1 1", ThreadState::Asleep),
            ("9 (a) S (b) R 0 1 1", ThreadState::Runs),
            ("9 () S ) D 0 1 1", ThreadState::WaitsForDevice),
            ("9 (\n) T 0 1 1", ThreadState::Stopped),
            ("9 (x) t 0 1 1", ThreadState::Stopped),
            ("9 (x) Z 0 1 1", ThreadState::Ended),
            ("9 (x) X 0 1 1", ThreadState::Ended),
            ("9 (x) ? 0 1 1", ThreadState::Runs),
        ] {
            assert_eq!(parse_stat(stat.as_bytes()), Some(state), "{stat}");
        }
        for stat in ["", "1 (init", "1 (init)", "1 (init) S"] {
            assert_eq!(parse_stat(stat.as_bytes()), None, "{stat}");
        }
    }

    #[test]
    fn thread_of_the_kernel_is_known_by_its_flags() {
        for (stat, expected) in [
            ("9 (iou-wrk-8) S 1 8 8 0 -1 16448 0", Some(true)),
            ("9 (iou-wrk-8) S 1 8 8 0 -1 80 0", Some(true)),
            ("9 (iou-wrk-8) S 1 8 8 0 -1 4194368 0", Some(false)),
            ("9 (iou-wrk-8) S 1 8 8 0 -1", None),
        ] {
            assert_eq!(has_kernel_flag(stat.as_bytes()), expected, "{stat}");
        }
    }

    #[test]
    fn thread_that_looks_runs() {
        assert_eq!(state_of("/proc/thread-self".as_ref()), ThreadState::Runs);
    }

    #[test]
    fn process_without_directory_has_ended() {
        let mut child = Command::new("true").spawn().unwrap();
        let directory = PathBuf::from(format!("/proc/{}", child.id()));
        child.wait().unwrap();
        assert_eq!(state_of(&directory), ThreadState::Ended);
    }
}
