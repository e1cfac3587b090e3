//! Whether another user could have planted a file or a directory.
//!
//! Another user may be able to redirect a path that root opens: by a symbolic link, by a hard link to
//! a file that root may write to, or by another directory in place of the right one. This needs write
//! permission to a directory on the way. For an ordinary user only directories that all users can
//! write to are refused: the user decides about a directory that is shared with a group.

mod untrusted;

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::{FileStat, SFlag};
use nix::unistd::geteuid;

use crate::error::shown;
use crate::files::{FileId, kind_of};
use crate::identity::Identity;
use crate::number;
use crate::sys;

pub(crate) use untrusted::Untrusted;

/// Writable by all users.
const BY_ALL: u32 = 0o002;
/// Writable by the group.
const BY_GROUP: u32 = 0o020;
/// Writable by other users than the owner.
const BY_OTHERS: u32 = BY_GROUP | BY_ALL;
/// Only its owner can rename or remove what is in such a directory.
const STICKY: u32 = 0o1000;

/// What the kernel shows for a user that a user namespace does not know, unless it is told another.
const DEFAULT_OVERFLOW_UID: u32 = 65534;

/// With its NUL byte a path may be as long, see `path_resolution(7)`.
const PATH_MAX: usize = libc::PATH_MAX as usize;

/// As many as the system follows, see `path_resolution(7)`.
pub(crate) const SYMLINKS_MAX: usize = 40;

/// Whether root can trust the way to a file: every directory on it is there. To be asked before opening
/// it. Where one is missing or cannot be looked at, nothing may be opened or made: another user could
/// put a directory there in between, and lead this process anywhere.
///
/// The last directory may belong to the user that the daemon becomes: there is no more harm in it
/// than [`check_file`] sees, as long as that directory itself cannot be replaced. The sticky bit of the
/// directory above does not bind its owner.
pub(crate) fn check_way(path: &Path, daemon: Option<u32>) -> Result<(), Untrusted> {
    if !geteuid().is_root() {
        return Ok(());
    }
    // The system does not look at the beginning of such a path either.
    if path.as_os_str().len() >= PATH_MAX {
        return Err(Untrusted::unseen(path, &Errno::ENAMETOOLONG.into()));
    }
    let mut at = PathBuf::from("/");
    let mut is_writable_by_all = false;
    let mut device = None;
    let mut rest = reversed(path.parent().unwrap_or(path));
    let mut links = 0;
    while let Some(name) = rest.pop() {
        let there = match Path::new(&name).components().next() {
            Some(Component::RootDir) => PathBuf::from("/"),
            // No link is left in it, so the text says where it leads.
            Some(Component::ParentDir) => at.parent().unwrap_or(&at).to_owned(),
            Some(Component::Normal(name)) => at.join(name),
            _ => continue,
        };
        let unseen = |cause: io::Error| Untrusted::unseen(&there, &cause);
        let metadata = fs::symlink_metadata(&there).map_err(unseen)?;
        if metadata.is_symlink() {
            if !is_trusted(metadata.uid()) {
                let (link, maker) = (there, metadata.uid());
                return Err(Untrusted::Link { link, maker });
            }
            // Another user may have given a link of root this name.
            if metadata.nlink() > 1 && is_shared(&there) {
                return Err(Untrusted::HardLink);
            }
            links += 1;
            let target = fs::read_link(&there).map_err(unseen)?;
            if links > SYMLINKS_MAX {
                return Err(unseen(Errno::ELOOP.into()));
            }
            rest.extend(reversed(&target));
            continue;
        }
        let is_daemons = rest.is_empty() && !is_writable_by_all && Some(metadata.uid()) == daemon;
        check_directory(&there, &metadata, is_daemons)?;
        // The server of another user's file system can report any owner.
        if device.replace(metadata.dev()) != Some(metadata.dev()) && sys::files::is_fuse(&there) {
            let mounter = sys::files::mounter_of(metadata.dev());
            if !mounter.is_some_and(is_trusted) {
                let directory = there;
                return Err(Untrusted::FileSystem { directory, mounter });
            }
        }
        is_writable_by_all = metadata.mode() & BY_ALL != 0;
        at = there;
    }
    Ok(())
}

/// The components, the last one first.
fn reversed(path: &Path) -> Vec<OsString> {
    let components = path.components().rev();
    components.map(|it| it.as_os_str().to_owned()).collect()
}

fn check_directory(
    directory: &Path,
    metadata: &Metadata,
    is_daemons: bool,
) -> Result<(), Untrusted> {
    let directory = directory.to_owned();
    if !is_daemons && !is_trusted(metadata.uid()) {
        let owner = metadata.uid();
        return Err(Untrusted::Directory { directory, owner });
    }
    if metadata.mode() & (BY_ALL | STICKY) == BY_ALL {
        return Err(Untrusted::Open { directory });
    }
    Ok(())
}

/// The path without links on the way, and every directory on it with its owner, if another user could make
/// another one in the place of one that is removed. Only root is to check them before each open.
pub(crate) fn exposed_way(path: &Path) -> (PathBuf, Vec<(PathBuf, u32)>) {
    let directory = path.parent().and_then(|it| fs::canonicalize(it).ok());
    let place = directory
        .filter(|_| geteuid().is_root())
        .zip(path.file_name());
    let Some((directory, name)) = place else {
        return (path.to_owned(), Vec::new());
    };
    let mut way = Vec::new();
    let mut is_exposed = false;
    for directory in directory.ancestors() {
        let Ok(metadata) = fs::symlink_metadata(directory) else {
            continue;
        };
        is_exposed |= metadata.mode() & BY_OTHERS != 0;
        way.insert(0, (directory.to_owned(), metadata.uid()));
    }
    if !is_exposed {
        return (path.to_owned(), Vec::new());
    }
    (directory.join(name), way)
}

/// Whether this is a directory of [`exposed_way`] that can be trusted as before. For a handler of signals
/// too.
pub(crate) fn check_status(directory: &FileStat, owner: u32) -> Result<(), Errno> {
    #[allow(clippy::useless_conversion, reason = "it is narrower on macOS")]
    let mode = u32::from(directory.st_mode);
    let is_directory = kind_of(directory) == SFlag::S_IFDIR;
    let is_same = directory.st_uid == owner || directory.st_uid == 0;
    if is_directory && is_same && mode & (BY_ALL | STICKY) != BY_ALL {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

/// Judges a file that was opened by this path, by what the path leads to now. It may belong to the
/// user that the daemon becomes. False if the path names another file by now.
///
/// Between the check of the way and the open, another user could create a directory that was missing,
/// or give a file a second name and take that name away again.
pub(crate) fn check_opened(
    path: &Path,
    opened: &Metadata,
    daemon: Option<u32>,
) -> Result<bool, Untrusted> {
    check_way(path, daemon)?;
    // The inode and the number of its names come from one call.
    let Ok(there) = fs::symlink_metadata(path) else {
        return Ok(false);
    };
    if FileId::from(&there) != FileId::from(opened) {
        return Ok(false);
    }
    check_file(path, &there, daemon).map(|()| true)
}

/// Whether a file that was found under this path can be trusted.
///
/// It may belong to the user that the daemon becomes.
pub(crate) fn check_file(
    path: &Path,
    file: &Metadata,
    daemon: Option<u32>,
) -> Result<(), Untrusted> {
    check_owner(path, file, daemon)?;
    if is_shared(path) && file.nlink() > 1 {
        return Err(Untrusted::HardLink);
    }
    Ok(())
}

/// The same for its owner alone.
pub(crate) fn check_owner(
    path: &Path,
    file: &Metadata,
    daemon: Option<u32>,
) -> Result<(), Untrusted> {
    let is_shared = is_shared(path);
    let is_exposed = geteuid().is_root() || is_shared;
    // In a user namespace an unknown owner is not only root of the host, but any other user outside.
    let is_known = || !is_shared || !is_unmapped(file.uid());
    let is_trusted = is_trusted(file.uid()) && is_known();
    if is_exposed && !is_trusted && Some(file.uid()) != daemon {
        return Err(Untrusted::Owner(file.uid()));
    }
    Ok(())
}

/// Whether another user could put a file where this one is.
pub(crate) fn is_shared(path: &Path) -> bool {
    // The directory of a file that is open was there a moment ago.
    let Ok(directory) = fs::metadata(path.parent().unwrap_or(path)) else {
        return false;
    };
    let is_root = geteuid().is_root();
    let others = if is_root { BY_OTHERS } else { BY_ALL };
    directory.mode() & others != 0 || (is_root && !is_trusted(directory.uid()))
}

/// The same for a PID file. Its readers trust its content, so other users must not be able to write it.
pub(crate) fn check_pid_file(path: &Path, metadata: &Metadata) -> Result<(), Untrusted> {
    check_file(path, metadata, None)?;
    check_pid_file_mode(metadata.mode(), metadata.gid())
}

/// Whether other users could write to a PID file with this mode and group.
pub(crate) fn check_pid_file_mode(mode: u32, group: u32) -> Result<(), Untrusted> {
    let by_others = mode & BY_ALL != 0 || (mode & BY_GROUP != 0 && group != 0);
    if geteuid().is_root() && by_others {
        return Err(Untrusted::Writable);
    }
    Ok(())
}

/// A warning for root: a user that can replace the program becomes root as soon as root starts the
/// program again.
pub(crate) fn replaceable_program(by: &Identity) -> Option<String> {
    let program = std::env::current_exe().ok()?;
    // Another group alone leaves it root.
    if by.uid == 0 || !can_be_replaced(&program, by) {
        return None;
    }
    let (program, user) = (shown(&program), shown(by.to_string().as_ref()));
    Some(format!(
        "user {user} can replace {program} and thereby gain root at the next start"
    ))
}

/// Whether this user could replace the file or write to it.
fn can_be_replaced(path: &Path, by: &Identity) -> bool {
    let can_write = |path: &Path| {
        let Ok(metadata) = fs::metadata(path) else {
            return false;
        };
        let is_writable = |rights| metadata.mode() & rights != 0;
        // The owner can change the mode.
        metadata.uid() == by.uid
            || (is_writable(BY_GROUP)
                && by.groups.contains(&metadata.gid())
                && !is_writable(STICKY))
            || metadata.mode() & (BY_ALL | STICKY) == BY_ALL
    };
    // Who can write to a directory on the way can put another one in the place of the next.
    path.ancestors().any(can_write)
}

/// Whether this user is root or this one.
fn is_trusted(uid: u32) -> bool {
    uid == 0 || uid == geteuid().as_raw() || is_unmapped(uid)
}

/// Whether a user namespace shows users without a mapping by this uid. The root of the host is such a
/// user, and its directories belong to it. Root inside can do no more outside than the user that made
/// the namespace, see `user_namespaces(7)`.
fn is_unmapped(uid: u32) -> bool {
    // `ProcSubset=pid` of systemd hides the file.
    let overflow = sys::read::text("/proc/sys/kernel/overflowuid".as_ref());
    let overflow = overflow.map_or(Ok(DEFAULT_OVERFLOW_UID), |uid| uid.trim_ascii().parse());
    overflow == Ok(uid) && !is_mapped(uid)
}

/// Whether a user of this user namespace has that uid.
fn is_mapped(uid: u32) -> bool {
    let map = sys::read::text("/proc/self/uid_map".as_ref()).unwrap_or_default();
    let contains = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let mut fields = [0_u32; 3];
        for field in &mut fields {
            *field = number::parse(words.next()?, 10)?;
        }
        let [first, _, length] = fields;
        Some(uid.checked_sub(first)? < length)
    };
    // A map that cannot be read proves nothing.
    map.is_empty() || map.lines().any(|line| contains(line).unwrap_or(false))
}
