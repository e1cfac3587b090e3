//! Files that have a special way in.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::{major, minor};
use nix::sys::statfs::{FUSE_SUPER_MAGIC, statfs};

/// Whether a character device with this device number is the null device, see `null(4)`.
pub(crate) fn is_null(device: u64) -> bool {
    (major(device), minor(device)) == (1, 3)
}

/// A file without a name, see `memfd_create(2)`.
pub(crate) fn in_memory() -> Result<File, Errno> {
    memfd_create(c"daemon log", MFdFlags::MFD_CLOEXEC).map(File::from)
}

/// The same file once more, for reading; not by its path, which may name another file by now.
pub(crate) fn open_for_reading(file: &File, _path: Option<&Path>) -> io::Result<File> {
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Whether a program serves the file system of this path.
pub(crate) fn is_fuse(path: &Path) -> bool {
    statfs(path).is_ok_and(|it| it.filesystem_type() == FUSE_SUPER_MAGIC)
}

/// The uid that mounted the FUSE file system on this device, if that is known, see
/// `proc_pid_mountinfo(5)`.
pub(crate) fn mounter_of(device: u64) -> Option<u32> {
    let device = format!("{}:{}", major(device), minor(device));
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mount = mounts
        .lines()
        .find(|line| line.split(' ').nth(2) == Some(&device))?;
    let options = mount.rsplit(' ').next()?.split(',');
    let mut users = options.filter_map(|option| option.strip_prefix("user_id="));
    users.next()?.parse().ok()
}
