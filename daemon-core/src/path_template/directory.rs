//! A directory that a start creates: mode 0700, and no symbolic link of another user.

use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, lchown};
use std::path::Path;

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat};
use nix::unistd::geteuid;

use crate::error::{Error, ErrorKind, shown, system_message};
use crate::path_context;
use crate::settings::Object;
use crate::trust;

/// Creates the directory if it is missing, for this user and group. Its parent must be there.
pub(super) fn create(
    directory: &Path,
    owner: Option<(u32, u32)>,
    object: Object,
) -> Result<(), Error> {
    match fs::symlink_metadata(directory) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
        found => return check(directory, found),
    }
    check_way(directory)?;
    match DirBuilder::new().mode(0o700).create(directory) {
        Ok(()) => lift_umask(directory)
            .and_then(|()| give(directory, owner))
            .map_err(|it| not_created(directory, it)),
        // Another start was faster, or another user planted something. `mkdir(2)` follows no symbolic
        // link, so only what is there now counts.
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
            check(directory, fs::symlink_metadata(directory))
        }
        Err(cause) => Err(refused(directory, object, cause)),
    }
}

/// Whether what is there can stand for the directory.
fn check(directory: &Path, found: io::Result<Metadata>) -> Result<(), Error> {
    let mut found = found.map_err(|cause| not_created(directory, cause))?;
    if found.is_symlink() {
        if let Some(maker) = stranger_behind(&found) {
            return Err(foreign_link(directory, maker));
        }
        found = fs::metadata(directory).map_err(|cause| not_created(directory, cause))?;
    }
    if found.is_dir() {
        Ok(())
    } else {
        Err(not_a_directory(directory))
    }
}

/// The owner of this symbolic link, if it is neither root nor the user of this process.
fn stranger_behind(link: &Metadata) -> Option<u32> {
    let maker = link.uid();
    let is_known = maker == 0 || maker == geteuid().as_raw();
    (!is_known).then_some(maker)
}

/// A umask that takes the owner's own rights would leave a directory that not even the next start
/// can use. Under every other umask there is nothing to do.
fn lift_umask(directory: &Path) -> io::Result<()> {
    let mode = fs::symlink_metadata(directory)?.mode();
    if mode & 0o700 != 0o700 {
        // A symbolic link that came in between is not followed.
        fchmodat(
            AT_FDCWD,
            directory,
            Mode::S_IRWXU,
            FchmodatFlags::NoFollowSymlink,
        )?;
    }
    Ok(())
}

/// Root must not create a directory and change its owner where another user could replace it in
/// between.
fn check_way(directory: &Path) -> Result<(), Error> {
    trust::check_way(directory, None).map_err(|untrusted| match untrusted.cause() {
        Some(cause) => not_created(directory, cause),
        None => untrusted.error("directory", directory),
    })
}

fn give(directory: &Path, owner: Option<(u32, u32)>) -> io::Result<()> {
    match owner {
        Some((uid, gid)) => lchown(directory, Some(uid), Some(gid)),
        None => Ok(()),
    }
}

fn not_created(directory: &Path, cause: io::Error) -> Error {
    Error::system(ErrorKind::CannotCreate, cannot_create(directory), cause)
}

/// An ordinary user may have a home that cannot be written, such as `/` in a container.
fn refused(directory: &Path, object: Object, cause: io::Error) -> Error {
    let is_denied = matches!(
        cause.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    );
    let remedy = match object {
        _ if !is_denied || geteuid().is_root() => None,
        // In a home directory `{pid_dir}` depends on no variable.
        Object::PidFile if path_context::is_in_home(directory) => {
            Some("choose the path by a `pid_flag`")
        }
        Object::PidFile => Some("set XDG_STATE_HOME, or choose the path by a `pid_flag`"),
        Object::Log => Some("set XDG_STATE_HOME, or choose the path by a `log_flag`"),
        Object::Root | Object::Workdir | Object::Socket => None,
    };
    match remedy {
        None => not_created(directory, cause),
        Some(remedy) => {
            let reason = format!("{}; {remedy}", system_message(&cause));
            Error::new(ErrorKind::CannotCreate, cannot_create(directory), reason)
        }
    }
}

fn not_a_directory(path: &Path) -> Error {
    let reason = "exists and is not a directory";
    Error::new(ErrorKind::CannotCreate, cannot_create(path), reason)
}

fn cannot_create(directory: &Path) -> String {
    format!("cannot create the directory {}", shown(directory))
}

fn foreign_link(directory: &Path, maker: u32) -> Error {
    let what = format!("cannot use the directory {}", shown(directory));
    let reason = format!("it is a symbolic link made by user {maker}");
    Error::new(ErrorKind::Configuration, what, reason)
}
