//! The lock of a PID file, tested without taking it.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::support::deadline::eventually;
use crate::support::process;
use kind::{READ, WRITE, try_lock};

/// The mode of a PID file. With `flock(2)` another user that can read the file could lock it.
pub(crate) const PID_MODE: u32 = if cfg!(daemon_fork) { 0o600 } else { 0o644 };

/// Whether a process holds the write lock of a daemon on the file: byte 0. A reader asks for a read
/// lock, which only a writer's denies, and takes none itself.
pub(crate) fn is_held(path: &Path) -> bool {
    // A FIFO that a test put there must not make us wait for a writer.
    let mut options = File::options();
    let Ok(file) = options.read(true).custom_flags(libc::O_NONBLOCK).open(path) else {
        return false;
    };
    kind::is_held(&file)
}

/// Every process that has a descriptor with the write lock on the file.
pub(crate) fn holders(path: &Path) -> Vec<i32> {
    let Ok(file) = fs::metadata(path) else {
        return Vec::new();
    };
    process::all()
        .filter(|pid| {
            let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
                return false;
            };
            descriptors.flatten().any(|descriptor| {
                let same = fs::metadata(descriptor.path())
                    .is_ok_and(|open| (open.dev(), open.ino()) == (file.dev(), file.ino()));
                same && has_write_lock(*pid, &descriptor.file_name().to_string_lossy())
            })
        })
        .collect()
}

fn has_write_lock(pid: i32, descriptor: &str) -> bool {
    let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{descriptor}")).unwrap_or_default();
    let mut locks = info.lines().filter(|line| line.starts_with("lock:"));
    // Bytes 1 and up are the launcher's.
    locks.any(|lock| lock.contains(" WRITE ") && lock.split_whitespace().nth_back(1) == Some("0"))
}

/// Takes a write lock as another process would; it is held until the file is dropped.
pub(crate) fn hold(path: &Path) -> File {
    take(path, |file| try_lock(file, WRITE))
}

/// Takes a read lock as another process would.
pub(crate) fn hold_for_reading(path: &Path) -> File {
    take(path, |file| try_lock(file, READ))
}

/// The same for the bytes that tell how far a start is.
pub(crate) fn hold_bring_up_for_reading(path: &Path) -> File {
    take(path, kind::try_bring_up)
}

/// The same, if there is another, by the lock that a process loses with any descriptor of the file.
pub(crate) fn hold_as_a_process(path: &Path) -> File {
    let file = File::open(path).expect("open the file to lock");
    kind::take_as_a_process(&file);
    file
}

fn take(path: &Path, try_lock: impl Fn(&File) -> bool) -> File {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .expect("open the file to lock");
    // A child that another test forks at the same time has a copy until its exec.
    eventually("the lock can be taken", || try_lock(&file).then_some(()));
    file
}

/// An open-file-description lock.
#[cfg(not(daemon_fork))]
mod kind {
    use std::fs::File;

    use nix::fcntl::{FcntlArg, fcntl};

    pub(super) const READ: i32 = libc::F_RDLCK;
    pub(super) const WRITE: i32 = libc::F_WRLCK;

    pub(super) fn is_held(file: &File) -> bool {
        let mut lock = libc::flock {
            l_len: 1,
            ..whole_file(READ)
        };
        fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock)).expect("ask for the lock");
        i32::from(lock.l_type) != libc::F_UNLCK
    }

    pub(super) fn try_lock(file: &File, kind: i32) -> bool {
        fcntl(file, FcntlArg::F_OFD_SETLK(&whole_file(kind))).is_ok()
    }

    pub(super) fn try_bring_up(file: &File) -> bool {
        let lock = libc::flock {
            l_start: 1,
            l_len: 1,
            ..whole_file(READ)
        };
        fcntl(file, FcntlArg::F_OFD_SETLK(&lock)).is_ok()
    }

    pub(super) fn take_as_a_process(file: &File) {
        fcntl(file, FcntlArg::F_SETLK(&whole_file(READ))).expect("take the lock");
    }

    fn whole_file(kind: i32) -> libc::flock {
        libc::flock {
            l_type: kind.try_into().expect("a kind of lock"),
            l_whence: libc::SEEK_SET.try_into().expect("a whence"),
            l_start: 0,
            l_len: 0,
            l_pid: 0,
        }
    }
}

/// What other systems have, see `flock(2)`: to ask is to try.
#[cfg(daemon_fork)]
mod kind {
    use std::fs::File;
    use std::os::fd::AsRawFd;

    pub(super) const READ: i32 = libc::LOCK_SH;
    pub(super) const WRITE: i32 = libc::LOCK_EX;

    pub(super) fn is_held(file: &File) -> bool {
        !try_lock(file, READ)
    }

    pub(super) fn try_bring_up(file: &File) -> bool {
        try_lock(file, READ)
    }

    pub(super) fn take_as_a_process(file: &File) {
        assert!(try_lock(file, READ), "take the lock");
    }

    pub(super) fn try_lock(file: &File, kind: i32) -> bool {
        // SAFETY: the descriptor is open as long as the file is borrowed.
        unsafe { libc::flock(file.as_raw_fd(), kind | libc::LOCK_NB) == 0 }
    }
}
