//! The lock of a PID file: an open-file-description write lock, see `fcntl(2)`. It goes with the
//! description from the launcher to the daemon, and no stray close of another one drops it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::Pid;

// The system's structure has narrower fields than its constants.
#[expect(clippy::cast_possible_truncation, reason = "they are 0, 1 and 2")]
const READ: libc::c_short = libc::F_RDLCK as libc::c_short;
#[expect(clippy::cast_possible_truncation, reason = "they are 0, 1 and 2")]
const WRITE: libc::c_short = libc::F_WRLCK as libc::c_short;
#[expect(clippy::cast_possible_truncation, reason = "they are 0, 1 and 2")]
const NONE: libc::c_short = libc::F_UNLCK as libc::c_short;
#[expect(clippy::cast_possible_truncation, reason = "it is 0")]
const FROM_START: libc::c_short = libc::SEEK_SET as libc::c_short;

/// How much of a PID file is read: more than any pid needs.
const LONGEST_CONTENT: usize = 64;

/// How long a number must stay the same where its holding the lock cannot be seen.
const UNCHANGED: Duration = Duration::from_millis(100);

/// Takes the write lock; false when somebody else holds a lock.
pub(crate) fn try_lock(file: &File) -> Result<bool, Errno> {
    match fcntl(file, FcntlArg::F_OFD_SETLK(&whole_file(WRITE))) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Whether somebody else holds a write lock, as daemons do. Takes no lock: one that is taken only
/// to look makes an honest start fail.
pub(crate) fn writer_holds(file: &File) -> Result<bool, Errno> {
    would_conflict(file, READ)
}

/// Whether somebody else holds a lock that no daemon takes: a read lock, unless there is a writer.
pub(crate) fn reader_holds(file: &File) -> Result<bool, Errno> {
    would_conflict(file, WRITE)
}

fn would_conflict(file: &File, kind: libc::c_short) -> Result<bool, Errno> {
    let mut lock = whole_file(kind);
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock))?;
    Ok(lock.l_type != NONE)
}

fn whole_file(kind: libc::c_short) -> libc::flock {
    libc::flock {
        l_type: kind,
        l_whence: FROM_START,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

/// The process that holds the lock, if it is certain that the number in the file is its pid.
///
/// The number alone proves nothing: between the moment a launcher takes the lock and the moment it
/// overwrites the number, an old one stands there.
pub(crate) fn holder(file: &File) -> Option<Pid> {
    let pid = read_pid(file)?;
    if let Ok(holds) = holds_lock(pid, file) {
        return holds.then_some(pid);
    }
    // A process of another user, or one that is not dumpable.
    std::thread::sleep(UNCHANGED);
    let unchanged = read_pid(file) == Some(pid) && writer_holds(file) == Ok(true);
    unchanged.then_some(pid)
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

/// A process that holds the lock, whatever the number in the file, if one can be seen; not quick.
pub(crate) fn visible_holder(file: &File) -> Option<Pid> {
    let processes = fs::read_dir("/proc").ok()?;
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .map(Pid::from_raw)
        .find(|pid| holds_lock(*pid, file).unwrap_or(false))
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

/// Whether one of the process's descriptors refers to this very file and holds its lock.
fn holds_lock(pid: Pid, file: &File) -> io::Result<bool> {
    let metadata = file.metadata()?;
    let descriptors = match fs::read_dir(format!("/proc/{pid}/fd")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && has_proc() => return Ok(false),
        other => other?,
    };
    for descriptor in descriptors {
        // A descriptor may be closed while we look, and so may the whole process.
        let Ok(descriptor) = descriptor else { continue };
        let Ok(other) = fs::metadata(descriptor.path()) else {
            continue;
        };
        if (other.dev(), other.ino()) == (metadata.dev(), metadata.ino()) {
            let number = descriptor.file_name();
            let details = Path::new("/proc")
                .join(pid.to_string())
                .join("fdinfo")
                .join(number);
            let details = fs::read_to_string(details).unwrap_or_default();
            if details
                .lines()
                .any(|line| line.starts_with("lock:") && line.contains(" WRITE "))
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn has_proc() -> bool {
    Path::new("/proc/self").exists()
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
