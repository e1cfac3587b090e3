//! What the system tells of a process that is not a child of this one: only whether it is there.

use std::ffi::OsString;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::files::FileId;

/// A process has nothing but its pid.
pub(crate) fn open(_pid: Pid) -> Result<OwnedFd, Errno> {
    Err(Errno::ENOSYS)
}

/// As [`open`].
pub(crate) fn send_signal(_pidfd: BorrowedFd<'_>, _signal: i32) -> Result<(), Errno> {
    Err(Errno::ENOSYS)
}

/// As [`open`].
pub(crate) fn send_signal_to_group(_pidfd: BorrowedFd<'_>, _signal: i32) -> Result<(), Errno> {
    Err(Errno::ENOSYS)
}

/// As [`open`].
pub(crate) fn pid_in_proc(_pidfd: BorrowedFd<'_>) -> Option<Pid> {
    None
}

/// Where its standard output leads; not known.
pub(crate) fn output_of(_pid: Pid) -> Option<PathBuf> {
    None
}

/// The name of the file of its standard output; not known.
pub(crate) fn output_name_of(_pid: Pid) -> Option<PathBuf> {
    None
}

/// Whether its standard output is open to write to its end; not known.
pub(crate) fn appends_output(_pid: Pid) -> bool {
    false
}

/// Whether a standard stream leads to this file; not known.
pub(crate) fn writes_to(_pid: Pid, _file: FileId) -> Option<bool> {
    None
}

/// Whether standard output or standard error leads to a regular file; not known.
pub(crate) fn writes_to_any_file(_pid: Pid) -> Option<bool> {
    None
}

/// Its directory in `/proc`; Linux alone has such a one.
pub(crate) fn directory(_pid: Pid) -> io::Result<PathBuf> {
    Err(io::ErrorKind::NotFound.into())
}

/// The words of its command line or its environment; not known.
pub(crate) fn words_of(_pid: Pid, _file: &str) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Its name; not known.
pub(crate) fn name_of(_pid: Pid) -> Option<OsString> {
    None
}

/// The words of its command line; not known.
pub(crate) fn arguments_of(_pid: Pid) -> Option<Vec<OsString>> {
    None
}

/// The first of them; not known.
pub(crate) fn first_argument_of(_pid: Pid) -> Option<OsString> {
    None
}

/// Whether it has no command line; not known.
pub(crate) fn lacks_arguments(_pid: Pid) -> bool {
    false
}

/// The path of its program; not known.
pub(crate) fn program_of(_pid: Pid) -> Option<PathBuf> {
    None
}

/// Its real, effective and saved uid; not known.
pub(crate) fn users_of(_pid: Pid) -> Option<[u32; 3]> {
    None
}

/// Whether it was executed with more rights than its caller had; not known.
pub(crate) fn is_secure(_pid: Pid) -> Option<bool> {
    None
}

/// The path of its working directory; not known.
pub(crate) fn directory_of(_pid: Pid) -> Option<PathBuf> {
    None
}

/// Makes its working directory the one of this process; not known.
pub(crate) fn enter_directory_of(_pid: Pid) -> io::Result<()> {
    Err(Errno::ENOSYS.into())
}

/// Whether it has left its terminal and its session; not known.
pub(crate) fn is_detached(_pid: Pid) -> Option<bool> {
    None
}

/// The process that it is a child of; not known.
pub(crate) fn parent_of(_pid: Pid) -> Option<Pid> {
    None
}

/// The processes of this process group; not known.
pub(crate) fn members_of(_group: Pid) -> impl Iterator<Item = Pid> {
    std::iter::empty()
}

/// Whether the start of a process can be known on this system.
pub(crate) const STARTS_ARE_KNOWN: bool = false;

/// When it started; not known.
pub(crate) fn start_of(_pid: Pid) -> Option<u64> {
    None
}

/// Whether it has ended, and its parent has not reaped it yet; not known.
pub(crate) fn is_zombie(_pid: Pid) -> bool {
    false
}

/// Whether a signal has stopped it; not known.
pub(crate) fn is_stopped(_pid: Pid) -> bool {
    false
}

/// Whether it has executed a program since it was forked; not known, so it has.
pub(crate) fn has_executed(_pid: Pid) -> bool {
    true
}

/// How long after the start of the system such a start was; not known.
pub(crate) fn since_boot(_start: u64) -> Option<Duration> {
    None
}

/// The time of such a start.
pub(crate) fn time_of(_start: u64) -> Option<SystemTime> {
    None
}

/// Whether its memory is written to a core dump; not known.
pub(crate) fn dumps_core(_pid: Pid) -> bool {
    false
}

/// Whether it has a handler for this signal; not known.
pub(crate) fn catches(_pid: Pid, _signal: i32) -> Option<bool> {
    None
}
