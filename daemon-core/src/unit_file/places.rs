//! The program and the directory of a unit, by the paths that the user of the verb knows.
//!
//! An upgrade may give a symbolic link on the way another target, and remove the old one. A unit that
//! names the target would run the old version, or none.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::iter;
use std::path::{self, Component, Path, PathBuf};

use super::syntax::is_program;
use crate::files::FileId;
use crate::trust;

/// The path by which this program was called, if it leads to it; else that of its file.
///
/// # Errors
///
/// The file of the program was deleted.
pub(super) fn program(argv0: &OsStr) -> io::Result<PathBuf> {
    let file = env::current_exe()?;
    let id = FileId::of_target(&file)?;
    let is_path = Path::new(argv0).components().count() > 1;
    let search = env::var_os("PATH").filter(|_| !is_path).unwrap_or_default();
    // It may be gone, and an absolute path needs none.
    let directory = directory().unwrap_or_default();
    let candidates = env::split_paths(&search)
        .chain(iter::once(PathBuf::new()).filter(|_| is_path))
        .map(|place| directory.join(place).join(argv0));
    let mut candidates = candidates.filter_map(|path| path::absolute(path).ok());
    let is_this = |path: &PathBuf| {
        is_stable(path)
            && is_program(path.as_os_str())
            && FileId::of_target(path).is_ok_and(|it| it == id)
    };
    Ok(candidates.find(is_this).unwrap_or(file))
}

/// The working directory as the shell shows it, see `pwd(1)`; else as the kernel does.
pub(super) fn directory() -> io::Result<PathBuf> {
    let id = FileId::of_target(Path::new("."));
    let shown = env::var_os("PWD").map(PathBuf::from);
    let is_here = |path: &PathBuf| {
        let there = FileId::of_target(path).ok();
        is_stable(path) && there.is_some() && there == id.as_ref().ok().copied()
    };
    shown.filter(is_here).map_or_else(env::current_dir, Ok)
}

/// `..` after a symbolic link leads to another place when that changes, and a name below /proc or /dev/fd
/// ends with its process, or leads to each process that uses it. Another user could lead root's unit
/// elsewhere.
fn is_stable(path: &Path) -> bool {
    path.is_absolute()
        && !path.starts_with("/proc")
        && !path.starts_with("/dev/fd")
        && path.components().all(|part| part != Component::ParentDir)
        && trust::check_way(&path.join("it"), None).is_ok()
}
