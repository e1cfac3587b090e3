//! The lock of a PID file. It goes with the open file description from the launcher to the daemon,
//! and no stray close of another one drops it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use nix::unistd::Pid;

use crate::sys::lock::holds;
pub(crate) use crate::sys::lock::{reader_holds, try_lock, visible_holders, writer_holds};
use crate::sys::process;

/// How much of a PID file is read: more than any pid needs.
const LONGEST_CONTENT: usize = 64;

/// How long a number must stay the same where its holding the lock cannot be seen.
const UNCHANGED: Duration = Duration::from_millis(100);

/// Why the number in the file is taken for the holder's pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The process is seen to hold the lock.
    Seen,
    /// It cannot be seen into, and nothing speaks against it.
    Unrefuted,
}

/// The process that holds the lock, if the number in the file is its pid.
pub(crate) fn holder(file: &File) -> Option<Pid> {
    proved_holder(file).map(|(pid, _)| pid)
}

/// As [`holder`], and why.
///
/// The number alone proves nothing: between the moment a launcher takes the lock and the moment it
/// overwrites the number, an old one stands there.
pub(crate) fn proved_holder(file: &File) -> Option<(Pid, Proof)> {
    let pid = read_pid(file)?;
    if let Ok(holds) = holds(pid, file) {
        return holds.then_some((pid, Proof::Seen));
    }
    // A process of another user, or one that is not dumpable.
    std::thread::sleep(UNCHANGED);
    let is_unchanged = read_pid(file) == Some(pid) && writer_holds(file) == Ok(true);
    if !is_unchanged {
        return None;
    }
    // The launcher holds the lock as well, while it waits.
    let launcher = process::parent_of(pid);
    visible_holders(file)
        .all(|other| Some(other) == launcher)
        .then_some((pid, Proof::Unrefuted))
}

/// The pid in the file: the digits up to the first newline. Anything else is not a pid.
pub(crate) fn read_pid(file: &File) -> Option<Pid> {
    let mut content = [0; LONGEST_CONTENT];
    let length = file.read_at(&mut content, 0).ok()?;
    parse_pid(content.get(..length)?)
}

/// Whether the content is what a start leaves: a pid, or what stands there before it is known.
pub(crate) fn is_ours(file: &File) -> bool {
    let mut first = [0];
    match file.read_at(&mut first, 0) {
        Ok(0) => true,
        Ok(_) => first == *b"\n" || read_pid(file).is_some(),
        Err(_) => false,
    }
}

fn parse_pid(content: &[u8]) -> Option<Pid> {
    let end = content.iter().position(|byte| *byte == b'\n')?;
    let digits = content.get(..end)?;
    if !matches!(digits, [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit)) {
        return None;
    }
    let pid = std::str::from_utf8(digits).ok()?.parse().ok()?;
    // Every pid namespace has a process 1, and it is never a daemon's.
    (pid > 1).then(|| Pid::from_raw(pid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_is_digits_and_a_newline() {
        assert_eq!(parse_pid(b"4242\n"), Some(Pid::from_raw(4242)));
        assert_eq!(parse_pid(b"4242\n99\n"), Some(Pid::from_raw(4242)));
    }

    #[test]
    fn anything_else_is_not_a_pid() {
        let others: [&[u8]; 16] = [
            b"",
            b"\n",
            b"abc\n",
            b"-1\n",
            b"0\n",
            b"1\n",
            b"2147483648\n",
            b"4294967297\n",
            b"99999999999999999999\n",
            b"12 34\n",
            b"0x10\n",
            b"+5\n",
            b" 5\n",
            b"5\0\n",
            b"5\r\n",
            b"42",
        ];
        for content in others {
            assert_eq!(parse_pid(content), None, "{content:?}");
        }
    }
}
