//! Files that have a special way in.

use std::ffi::{CStr, OsStr};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

use nix::NixPath;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat, openat2, readlinkat};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::{Mode, major, makedev, minor};
use nix::sys::statfs::{FUSE_SUPER_MAGIC, statfs};
use nix::unistd::{Gid, Uid, fchownat, geteuid};

use crate::number;
use crate::sys::{link_and_unlink, read};

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

/// Changes the owner and the mode of a socket that this process has just bound to the path, and of no
/// other file.
pub(crate) fn change_socket(
    path: &Path,
    owner: Option<(u32, u32)>,
    mode: Option<u32>,
) -> io::Result<()> {
    let socket = File::from(open(path, PLACE | OFlag::O_NOFOLLOW, Mode::empty())?);
    let found = socket.metadata()?;
    let is_ours =
        found.file_type().is_socket() && found.uid() == geteuid().as_raw() && found.nlink() == 1;
    if !is_ours {
        return Err(Errno::EPERM.into());
    }
    if let Some(mode) = mode {
        let path = format!("/proc/self/fd/{}", socket.as_raw_fd());
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    if let Some((uid, gid)) = owner {
        let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        fchownat(&socket, c"", uid, gid, AtFlags::AT_EMPTY_PATH)?;
    }
    Ok(())
}

/// Renames a file within a directory, unless there is one of the new name already.
pub(crate) fn rename_unless_taken(directory: &File, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
    match rename(directory, from, to, libc::RENAME_NOREPLACE) {
        // An old kernel, or a file system without it.
        Err(Errno::EINVAL | Errno::ENOSYS) => link_and_unlink(directory, from, to),
        other => other,
    }
}

/// Exchanges the names of two files in a directory.
pub(crate) fn exchange(directory: &File, one: &OsStr, other: &OsStr) -> Result<(), Errno> {
    rename(directory, one, other, libc::RENAME_EXCHANGE)
}

/// See `renameat2(2)`; with musl the crates have no function for it.
fn rename(directory: &File, from: &OsStr, to: &OsStr, flags: libc::c_uint) -> Result<(), Errno> {
    let directory = directory.as_raw_fd();
    let call = |from: &CStr, to: &CStr| {
        // SAFETY: both names end with a NUL byte and live until the call returns.
        let renamed = unsafe {
            libc::syscall(
                libc::SYS_renameat2,
                directory,
                from.as_ptr(),
                directory,
                to.as_ptr(),
                flags,
            )
        };
        Errno::result(renamed).map(drop)
    };
    from.with_nix_path(|from| to.with_nix_path(|to| call(from, to)))??
}

/// Whether a program may serve the file system of this path. The question goes to that program, which can
/// answer it with an error.
pub(crate) fn is_fuse(path: &Path) -> bool {
    statfs(path).map_or(true, |it| it.filesystem_type() == FUSE_SUPER_MAGIC)
}

/// The uid that mounted the file system on this device, if that is known.
pub(crate) fn mounter_of(device: u64) -> Option<u32> {
    let device = format!("{}:{}", major(device), minor(device));
    let mounts = read::text("/proc/self/mountinfo".as_ref()).ok()?;
    let mount = mounts
        .lines()
        .find(|line| line.split(' ').nth(2) == Some(&device))?;
    mounter_in(mount)
}

/// The uid that a line of `proc_pid_mountinfo(5)` tells: its last fields are a hyphen, the type, the source
/// and the options of the file system.
fn mounter_in(mount: &str) -> Option<u32> {
    let mut fields = mount.rsplit(' ');
    let (options, kind) = (fields.next()?, fields.nth(1)?);
    // Only root mounts the others, and `virtiofs` too, which looks like FUSE.
    let is_of_program = ["fuse", "fuseblk"].contains(&kind) || kind.starts_with("fuse.");
    if !is_of_program {
        return Some(0);
    }
    let mut users = (options.split(',')).filter_map(|option| option.strip_prefix("user_id="));
    number::parse(users.next()?, 10)
}

/// A directory, as a place to begin from: its file system is not asked.
pub(crate) fn open_directory(path: &Path) -> Result<OwnedFd, Errno> {
    open(path, OFlag::O_DIRECTORY | PLACE, Mode::empty())
}

/// A place in the tree of files, which is not opened.
const PLACE: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC);

/// Which file a path leads to. It is found without a question to a file system of another user,
/// which need not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId {
    device: (u32, u32),
    inode: u64,
}

impl NodeId {
    /// Of an absolute path.
    ///
    /// # Errors
    ///
    /// `EACCES`: the way leads through a file system that another user serves.
    pub(crate) fn of(path: &Path) -> Result<Self, Errno> {
        /// As the kernel allows.
        const LINKS_MAX: usize = 40;
        let mut links = 0;
        let mut place = open_directory(Path::new("/"))?;
        let mut rest = path.to_owned();
        loop {
            let mut components = rest.components();
            let Some(component) = components.next() else {
                return Self::of_open(place.as_fd()).map(|(id, _)| id);
            };
            let below = components.as_path().to_owned();
            let (id, _) = Self::of_open(place.as_fd())?;
            // A step onto the root directory of a file system does not ask it, one below that does.
            if id.is_of_other_user() {
                return Err(Errno::EACCES);
            }
            let flags = OFlag::O_NOFOLLOW | PLACE;
            let next = openat(&place, component.as_os_str(), flags, Mode::empty())?;
            let (_, is_link) = Self::of_open(next.as_fd())?;
            if is_link {
                links += 1;
                if links > LINKS_MAX {
                    return Err(Errno::ELOOP);
                }
                rest = Path::new(&readlinkat(&next, "")?).join(below);
            } else {
                place = next;
                rest = below;
            }
        }
    }

    /// Of a path below a directory of another process, as far as the kernel has it in memory.
    ///
    /// # Errors
    ///
    /// `EAGAIN`: it is not there; a link may have to be followed for the first time in a while.
    pub(crate) fn below(directory: BorrowedFd<'_>, path: &Path) -> Result<Self, Errno> {
        /// A rename elsewhere can get in the way of a look-up.
        const ATTEMPTS: usize = 4;
        let cached = ResolveFlag::from_bits_retain(libc::RESOLVE_CACHED);
        let how = OpenHow::new()
            .flags(PLACE)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | cached);
        let mut attempts = (0..ATTEMPTS).map(|_| openat2(directory, path, how));
        let found = attempts.find(|found| !matches!(found, Err(Errno::EAGAIN)));
        Self::of_open(found.unwrap_or(Err(Errno::EAGAIN))?.as_fd()).map(|(id, _)| id)
    }

    /// Some interfaces of the kernel tell no more.
    pub(crate) fn lower_half_of_inode(self) -> u32 {
        let [a, b, c, d, ..] = self.inode.to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// Whether both are in one file system.
    pub(crate) fn has_device_of(self, other: Self) -> bool {
        self.device == other.device
    }

    fn is_of_other_user(self) -> bool {
        let (major, minor) = self.device;
        let mounter = mounter_of(makedev(major.into(), minor.into()));
        mounter.is_some_and(|mounter| mounter != 0 && mounter != geteuid().as_raw())
    }

    /// `statx(2)`, which `nix` does not have.
    ///
    /// Also whether it is a symbolic link.
    fn of_open(file: BorrowedFd<'_>) -> Result<(Self, bool), Errno> {
        /// Of `struct statx`, and what is read of it.
        const SIZE: usize = 256;
        const MODE: usize = 28;
        const INODE: usize = 32;
        const DEVICE_MAJOR: usize = 136;
        const DEVICE_MINOR: usize = 140;
        let mut status = [0_u8; SIZE];
        // SAFETY: the file is open as long as it is borrowed, the path is a string that ends with a
        // NUL byte, and the kernel writes 256 bytes, which is the length of `status`.
        let asked = unsafe {
            libc::syscall(
                libc::SYS_statx,
                file.as_raw_fd(),
                c"".as_ptr(),
                libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC,
                0,
                status.as_mut_ptr(),
            )
        };
        Errno::result(asked)?;
        let number = |at| u32::from_ne_bytes(field(&status, at));
        let id = Self {
            device: (number(DEVICE_MAJOR), number(DEVICE_MINOR)),
            inode: u64::from_ne_bytes(field(&status, INODE)),
        };
        let mode = u32::from(u16::from_ne_bytes(field(&status, MODE)));
        Ok((id, mode & libc::S_IFMT == libc::S_IFLNK))
    }
}

/// The bytes from there on.
fn field<const LENGTH: usize>(status: &[u8], at: usize) -> [u8; LENGTH] {
    let rest = status.get(at..).unwrap_or_default();
    rest.first_chunk().copied().unwrap_or([0; LENGTH])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use super::*;

    use std::os::unix::fs::MetadataExt;
    use std::process::Command;

    #[test]
    fn only_file_systems_of_programs_have_a_mounter() {
        let mounter = |end: &str| mounter_in(&format!("36 35 0:32 / /mnt rw shared:1 - {end}"));
        for (end, mounter_of_it) in [
            ("ext4 /dev/vda rw", Some(0)),
            ("virtiofs myfs rw", Some(0)),
            (
                "fuse hello rw,user_id=1000,group_id=0,allow_other",
                Some(1000),
            ),
            ("fuse.sshfs user_id=0 rw,user_id=1000", Some(1000)),
            ("fuseblk /dev/sda1 rw,user_id=0", Some(0)),
            ("fuse.x y rw", None),
        ] {
            assert_eq!(mounter(end), mounter_of_it, "{end}");
        }
    }

    #[test]
    fn id_is_that_of_the_file() {
        let file = std::env::temp_dir().join(format!("daemon-cached-{}", std::process::id()));
        let metadata = File::create(&file).unwrap().metadata().unwrap();
        let id = NodeId::of(&file);
        fs::remove_file(&file).unwrap();
        let device = (
            u32::try_from(major(metadata.dev())).unwrap(),
            u32::try_from(minor(metadata.dev())).unwrap(),
        );
        let inode = metadata.ino();
        assert_eq!(id, Ok(NodeId { device, inode }));
    }

    #[test]
    fn links_are_followed() {
        let directory = std::env::temp_dir().join(format!("daemon-links-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let link = |target: &str, name: &str| {
            std::os::unix::fs::symlink(target, directory.join(name)).unwrap();
        };
        fs::write(directory.join("file"), "").unwrap();
        link("file", "relative");
        link(".", "here");
        link(directory.to_str().unwrap(), "absolute");
        link("circle", "circle");
        let id = |name: &str| NodeId::of(&directory.join(name));
        let file = id("file").unwrap();
        let found = ["relative", "here/here/file", "absolute/here/relative"].map(id);
        let (circle, missing) = (id("circle"), id("missing"));
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(found, [Ok(file); 3]);
        assert_eq!(circle, Err(Errno::ELOOP));
        assert_eq!(missing, Err(Errno::ENOENT));
    }

    #[test]
    fn file_system_below_a_directory_is_not_asked() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        // No process has looked this file up.
        let process = open_directory(format!("/proc/{}", child.id()).as_ref()).unwrap();
        let id = NodeId::below(process.as_fd(), Path::new("timens_offsets"));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(id.is_err(), "{id:?}");
    }
}
