//! Files that have a special way in.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::{major, minor};

/// Whether a character device of this number is the null device, see `null(4)`.
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
