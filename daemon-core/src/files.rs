//! A file as the kernel knows it: its device and inode, and flags that follow no link.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, SFlag};

use crate::error::shown;

/// Opens a file under its own name: follows no symbolic link, does not wait for the other end of a
/// FIFO and makes no terminal the controlling one. See `open(2)`.
pub(crate) const NO_FOLLOW: OFlag = OFlag::O_NOFOLLOW
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY);

/// The device and the inode of a file. They stay the same when the file is renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file that this path leads to, by way of symbolic links. See `stat(2)`.
    pub(crate) fn of_target(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|file| Self::from(&file))
    }

    /// The file that is open.
    pub(crate) fn of_open(file: &File) -> io::Result<Self> {
        file.metadata().map(|file| Self::from(&file))
    }
}

impl From<&Metadata> for FileId {
    fn from(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
        }
    }
}

#[allow(
    clippy::unnecessary_cast,
    clippy::cast_sign_loss,
    clippy::useless_conversion,
    reason = "the systems have different types here; std casts in the same way"
)]
impl From<&FileStat> for FileId {
    fn from(file: &FileStat) -> Self {
        Self {
            device: file.st_dev as u64,
            inode: file.st_ino as u64,
        }
    }
}

/// Whether this path is a name of this file. A symbolic link to the file is not.
pub(crate) fn is_same_file(path: &Path, file: &Metadata) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| FileId::from(&there) == FileId::from(file))
}

/// The directory that the file of this path is in.
pub(crate) fn directory_of(path: &Path) -> &Path {
    let directory = path.parent().filter(|it| !it.as_os_str().is_empty());
    directory.unwrap_or(Path::new("."))
}

/// The type of a file, see `inode(7)`.
pub(crate) fn kind_of(file: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(file.st_mode) & SFlag::S_IFMT
}

/// The reason why a file cannot be created where its directory does not exist.
pub(crate) fn missing_directory(path: &Path, cause: &io::Error) -> Option<String> {
    let directory = path.parent().filter(|directory| !directory.exists())?;
    let reason = || format!("the directory {} does not exist", shown(directory));
    (cause.kind() == io::ErrorKind::NotFound).then(reason)
}

/// Gives a file that was just created its mode, whatever the umask. Removes the file if that fails.
pub(crate) fn set_mode(file: &File, path: &Path, mode: u32) -> io::Result<()> {
    let set = || -> io::Result<()> {
        // A chmod to the present mode costs as much as the creation.
        if file.metadata()?.mode() & 0o7777 == mode {
            return Ok(());
        }
        file.set_permissions(fs::Permissions::from_mode(mode))
    };
    set().inspect_err(|_| {
        fs::remove_file(path).ok();
    })
}
