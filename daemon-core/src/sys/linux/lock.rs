//! An open-file-description write lock, see `fcntl(2)`.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::files::FileId;

use super::process;

// The system's structure has narrower fields than its constants.
#[expect(clippy::cast_possible_truncation, reason = "they are 0, 1 and 2")]
const READ: libc::c_short = libc::F_RDLCK as libc::c_short;
#[expect(clippy::cast_possible_truncation, reason = "they are 0, 1 and 2")]
const WRITE: libc::c_short = libc::F_WRLCK as libc::c_short;
#[expect(clippy::cast_possible_truncation, reason = "they are 0, 1 and 2")]
const NONE: libc::c_short = libc::F_UNLCK as libc::c_short;
#[expect(clippy::cast_possible_truncation, reason = "it is 0")]
const FROM_START: libc::c_short = libc::SEEK_SET as libc::c_short;

/// Takes the write lock; false when somebody else holds a lock.
pub(crate) fn try_lock(file: &File) -> Result<bool, Errno> {
    loop {
        match fcntl(file, FcntlArg::F_OFD_SETLK(&whole_file(WRITE))) {
            Ok(_) => return Ok(true),
            Err(Errno::EAGAIN | Errno::EACCES) => return Ok(false),
            // It waits for nobody, but a network file system may.
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
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

/// The processes that hold the lock, whatever the number in the file, as far as they can be seen;
/// not quick.
pub(crate) fn visible_holders(file: &File) -> impl Iterator<Item = Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten();
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .map(Pid::from_raw)
        .filter(|pid| holds(*pid, file).unwrap_or(false))
}

/// Whether one of the process's descriptors refers to this very file and holds its lock; an error
/// where that cannot be seen.
pub(crate) fn holds(pid: Pid, file: &File) -> io::Result<bool> {
    let process = match process::directory(pid) {
        // It shows other processes, whose numbers prove nothing.
        Err(_) if process::has_proc() => return Ok(false),
        directory => directory?,
    };
    let look = || -> io::Result<bool> {
        if let Some(is_held) = is_held_in(&process, file)? {
            return Ok(is_held);
        }
        // The first thread has ended, and has no descriptors any more; those of the others live on.
        for thread in fs::read_dir(process.join("task"))? {
            if is_held_in(&thread?.path(), file)? == Some(true) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    match look() {
        // If it has not ended, it is hidden.
        Err(error) if error.kind() == io::ErrorKind::NotFound && kill(pid, None) == GONE => {
            Ok(false)
        }
        other => other,
    }
}

/// What asking for a process gives that there is not.
const GONE: Result<(), Errno> = Err(Errno::ESRCH);

/// As [`holds`], for the descriptors of a process or a thread, given its directory in `/proc`;
/// `None` where there are none at all.
fn is_held_in(directory: &Path, file: &File) -> io::Result<Option<bool>> {
    let metadata = file.metadata()?;
    let mut found = None;
    for descriptor in fs::read_dir(directory.join("fd"))? {
        // A descriptor may be closed while we look, and so may the whole process.
        let Ok(descriptor) = descriptor else { continue };
        found = Some(false);
        // A daemon's lock is never among its standard streams.
        if ["0", "1", "2"]
            .map(OsStr::new)
            .contains(&&*descriptor.file_name())
        {
            continue;
        }
        // The lock first, which is known to the system, and the file only then: another one may be
        // on a file system that does not answer any more.
        let details = directory.join("fdinfo").join(descriptor.file_name());
        let Some(details) = unless_denied(fs::read_to_string(details))? else {
            continue;
        };
        if !details.lines().any(is_our_lock) {
            continue;
        }
        let is_this = |other: Metadata| FileId::from(&other) == FileId::from(&metadata);
        if unless_denied(fs::metadata(descriptor.path()))?.is_some_and(is_this) {
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

/// Whether such a line tells of a lock as daemons take it, see `proc_pid_fdinfo(5)`; not of one by
/// `flock(2)`, for example, which excludes no daemon.
fn is_our_lock(line: &str) -> bool {
    let fields: Vec<_> = line.split_whitespace().collect();
    matches!(
        fields[..],
        ["lock:", _, "OFDLCK", _, "WRITE", _, _, "0", "EOF"]
    )
}
