//! The processes that hold a lock, by the locks of their descriptors, see `proc_pid_fdinfo(5)`.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::{BRING_UP, has_byte_ranges};
use crate::files::FileId;
use crate::number;
use crate::sys::lock::ByteRange;
use crate::sys::platform::process;
use crate::sys::read;

/// The processes that hold the lock, whatever the pid in the file, as far as they can be seen. Slow:
/// it reads the whole of `/proc`.
pub(crate) fn visible_holders(file: &File, range: ByteRange) -> impl Iterator<Item = Pid> {
    process::all().filter(move |pid| holds(*pid, file, range).unwrap_or(false))
}

/// Whether a descriptor of the process refers to this very file and holds its lock; an error where
/// that cannot be seen.
pub(crate) fn holds(pid: Pid, file: &File, range: ByteRange) -> io::Result<bool> {
    let process = match process::directory(pid) {
        // It shows the processes of another PID namespace, whose pids prove nothing.
        Err(_) if process::has_proc() => return Ok(false),
        directory => directory?,
    };
    let look = || -> io::Result<bool> {
        let seen = is_held_in(&process, file, range);
        let can_be_elsewhere = match &seen {
            Ok(seen) => seen.is_none(),
            Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
        };
        if !can_be_elsewhere {
            return seen.map(|seen| seen.unwrap_or(false));
        }
        match process::living_task(&process)? {
            Some(task) if task != process => Ok(is_held_in(&task, file, range)?.unwrap_or(false)),
            // It has nothing, which only root may see.
            None if process::is_zombie(pid) => Ok(false),
            _ => seen.map(|seen| seen.unwrap_or(false)),
        }
    };
    match look() {
        // If it has not ended, it is hidden.
        Err(error) if error.kind() == io::ErrorKind::NotFound && kill(pid, None) == GONE => {
            Ok(false)
        }
        other => other,
    }
}

/// The result of kill(2) for a pid that no process has.
const GONE: Result<(), Errno> = Err(Errno::ESRCH);

/// As [`holds`], for the descriptors of a process or a thread, given its directory in `/proc`;
/// `None` where it has none.
fn is_held_in(directory: &Path, file: &File, range: ByteRange) -> io::Result<Option<bool>> {
    let id = FileId::of_open(file)?;
    let mut found = None;
    for descriptor in fs::read_dir(directory.join("fd"))? {
        // A descriptor may be closed at any time, and so may the whole process.
        let Ok(descriptor) = descriptor else { continue };
        found = Some(false);
        let name = descriptor.file_name();
        // A daemon's lock is never among its standard streams.
        if matches!(name.as_bytes(), b"0" | b"1" | b"2") {
            continue;
        }
        // The lock first, which the kernel knows, and the file only then: another file may be on a
        // file system that does not answer any more.
        let details = directory.join("fdinfo").join(&name);
        let Some(details) = unless_denied(read::text(&details))? else {
            continue;
        };
        let is_locked = details.lines().any(|line| is_our_lock(line, range));
        // gVisor has no locks in fdinfo.
        let shows_no_locks =
            !has_byte_ranges() && !details.lines().any(|line| line.starts_with("lock:"));
        if !is_locked && !shows_no_locks {
            continue;
        }
        let is_this = |other: Metadata| FileId::from(&other) == id;
        if unless_denied(fs::metadata(descriptor.path()))?.is_some_and(is_this) {
            if shows_no_locks {
                return Err(io::ErrorKind::Unsupported.into());
            }
            return Ok(Some(true));
        }
    }
    Ok(found)
}

/// `None` for what is not there any more.
fn unless_denied<T>(seen: io::Result<T>) -> io::Result<Option<T>> {
    match seen {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        other => Ok(other.ok()),
    }
}

/// Whether such a line tells of a lock as daemons and launchers take it, see
/// `proc_pid_fdinfo(5)`. A daemon of version 0.1 has locked the whole file.
///
/// Where the kernel has locks on ranges of bytes, a lock by `flock(2)` excludes no daemon.
fn is_our_lock(line: &str, range: ByteRange) -> bool {
    let mut fields = [""; 9];
    for (field, word) in fields.iter_mut().zip(line.split_ascii_whitespace()) {
        *field = word;
    }
    let ["lock:", _, kind, _, "WRITE", _, _, start, _] = fields else {
        return false;
    };
    match (has_byte_ranges(), range) {
        (true, ByteRange::Daemon) => kind == "OFDLCK" && start == "0",
        // A supervisor has given the lowest bytes back.
        (true, ByteRange::BringUp) => {
            let (first, length) = BRING_UP;
            let is_there =
                |start: libc::off_t| start >= first && (length == 0 || start < first + length);
            kind == "OFDLCK" && number::parse(start, 10).is_some_and(is_there)
        }
        (false, _) => kind == "FLOCK",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_write_lock_on_byte_0_is_a_daemons() {
        let line = |middle: &str| format!("lock:\t1: {middle}");
        let is_daemons = |middle: &str| is_our_lock(&line(middle), ByteRange::Daemon);
        assert!(is_daemons("OFDLCK ADVISORY  WRITE -1 fe:01:12 0 0"));
        assert!(
            is_daemons("OFDLCK ADVISORY  WRITE -1 fe:01:12 0 EOF"),
            "version 0.1"
        );
        assert!(!is_daemons("OFDLCK ADVISORY  READ -1 fe:01:12 0 0"));
        assert!(!is_daemons("OFDLCK ADVISORY  WRITE -1 fe:01:12 1 EOF"));
        assert!(!is_daemons("POSIX  ADVISORY  WRITE 12 fe:01:12 0 0"));
        assert!(!is_daemons("FLOCK  ADVISORY  WRITE 12 fe:01:12 0 EOF"));
        assert!(!is_daemons(""));
    }
}
