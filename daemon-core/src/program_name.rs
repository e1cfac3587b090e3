//! The name of the program: the file name in `argv[0]`, without the dash of a login shell and
//! without the mark of the supervisor.

use std::ffi::{OsStr, OsString};
use std::path::Path;

#[cfg(unix)]
use nix::unistd::Pid;

#[cfg(unix)]
use crate::error::shown;
#[cfg(unix)]
use crate::sys::process;

/// What a supervisor has behind the name in its `argv[0]`.
#[cfg(unix)]
pub(crate) const SUPERVISOR_SUFFIX: &str = " [supervisor]";

/// The name for a message. Where `argv[0]` holds no file name, it is what the system calls this
/// process.
pub(crate) fn of_this_process() -> OsString {
    let argv0 = std::env::args_os().next().unwrap_or_default();
    in_argv0(&argv0).map_or_else(name_of_process, OsStr::to_owned)
}

/// The file name of the program that a process executes, if this process executes one of that name. A
/// new version may have another directory.
#[cfg(unix)]
pub(crate) fn shared_with(pid: Pid) -> Option<OsString> {
    let name_of = |pid| Some(process::program_of(pid)?.file_name()?.to_owned());
    name_of(pid).filter(|name| name_of(Pid::this()).as_ref() == Some(name))
}

/// A message of this program, as one line.
#[cfg(unix)]
pub(crate) fn line(text: &str) -> String {
    format!("{}: {text}\n", shown(of_this_process().as_ref()))
}

/// The file name in `argv[0]`. What is left after the dash must still be a file name: not nothing,
/// and not `..`.
#[cfg(unix)]
pub(crate) fn in_argv0(argv0: &OsStr) -> Option<&OsStr> {
    use std::os::unix::ffi::OsStrExt;

    let name = Path::new(argv0).file_name()?.as_bytes();
    let name = name.strip_prefix(b"-").unwrap_or(name);
    let name = name
        .strip_suffix(SUPERVISOR_SUFFIX.as_bytes())
        .unwrap_or(name);
    Path::new(OsStr::from_bytes(name)).file_name()
}

/// Elsewhere no login adds a dash, and the extension is the system's.
#[cfg(not(unix))]
pub(crate) fn in_argv0(argv0: &OsStr) -> Option<&OsStr> {
    Path::new(argv0).file_stem()
}

#[cfg(unix)]
fn name_of_process() -> OsString {
    crate::sys::image::comm()
}

#[cfg(not(unix))]
fn name_of_process() -> OsString {
    let path = std::env::current_exe().unwrap_or_default();
    path.file_stem().unwrap_or_default().to_owned()
}
