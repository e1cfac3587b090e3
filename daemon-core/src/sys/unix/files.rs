//! Files that have a special way in.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, lchown};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, FcntlArg, FdFlag, fcntl};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat};
use nix::unistd::{geteuid, mkstemp, unlink};

use crate::files::FileId;
use crate::sys::link_and_unlink;

/// Whether a character device with this device number is the null device. The number differs
/// between systems.
pub(crate) fn is_null(device: u64) -> bool {
    fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == device)
}

/// A file without a name, for reading and writing.
pub(crate) fn in_memory() -> Result<File, Errno> {
    let (file, path) = mkstemp(&std::env::temp_dir().join("daemon-XXXXXX"))?;
    unlink(&path)?;
    fcntl(&file, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    Ok(file.into())
}

/// The same file once more, for reading, if it still has this path or had none: to open `/dev/fd/N` is to
/// duplicate what is open, on many systems, and that is open for writing.
pub(crate) fn open_for_reading(file: &File, path: Option<&Path>) -> io::Result<File> {
    let Some(path) = path else {
        return file.try_clone();
    };
    let again = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    if FileId::of_open(file)? == FileId::of_open(&again)? {
        Ok(again)
    } else {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Changes the owner and the mode of a socket that this process has just bound to the path.
pub(crate) fn change_socket(
    path: &Path,
    owner: Option<(u32, u32)>,
    mode: Option<u32>,
) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    let is_ours =
        found.file_type().is_socket() && found.uid() == geteuid().as_raw() && found.nlink() == 1;
    if !is_ours {
        return Err(Errno::EPERM.into());
    }
    if let Some(mode) = mode {
        let mode = Mode::from_bits_truncate(mode as libc::mode_t);
        fchmodat(AT_FDCWD, path, mode, FchmodatFlags::NoFollowSymlink)?;
    }
    if let Some((uid, gid)) = owner {
        lchown(path, Some(uid), Some(gid))?;
    }
    Ok(())
}

/// Renames a file within a directory, unless there is one of the new name already.
pub(crate) fn rename_unless_taken(directory: &File, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
    link_and_unlink(directory, from, to)
}

/// Exchanges the names of two files in a directory; Linux alone can.
pub(crate) fn exchange(_directory: &File, _one: &OsStr, _other: &OsStr) -> Result<(), Errno> {
    Err(Errno::ENOSYS)
}

/// Whether a program serves the file system of this path; not known.
pub(crate) fn is_fuse(_path: &Path) -> bool {
    false
}

/// The uid that mounted a file system; not known.
pub(crate) fn mounter_of(_device: u64) -> Option<u32> {
    None
}
