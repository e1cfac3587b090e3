//! The only place with `unsafe`: system calls that `nix` does not have, or has only as `unsafe`,
//! and all that is done in one way on Linux and in another on the other Unix systems.
//!
//! What the other systems get is tested on Linux as well:
//! `RUSTFLAGS="--cfg daemon_fork" cargo test`.
#![allow(
    unsafe_code,
    reason = "this module is where the unsafe code of the crate stands"
)]

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::unistd::{Pid, UnlinkatFlags, linkat, unlinkat};

pub(crate) mod capabilities;
pub(crate) mod child;
pub(crate) mod command;
pub(crate) mod descriptors;
pub(crate) mod environment;
pub(crate) mod exit;
mod fork;
pub(crate) mod ids;
pub(crate) mod limits;
#[cfg(all(target_os = "linux", not(daemon_fork)))]
mod linux;
pub(crate) mod local_time;
pub(crate) mod lock;
mod own_child;
pub(crate) mod read;
pub(crate) mod signals;
pub(crate) mod socket;
mod started;
#[cfg(not(all(target_os = "linux", not(daemon_fork))))]
mod unix;
pub(crate) mod wait;

#[cfg(all(target_os = "linux", not(daemon_fork)))]
use linux as platform;
#[cfg(not(all(target_os = "linux", not(daemon_fork))))]
use unix as platform;

pub(crate) use platform::{call_timer, files, image, launch, process};
#[cfg(all(target_os = "linux", not(daemon_fork)))]
pub(crate) use platform::{clock, random};

/// As `tcgetpgrp(3)`, by the call that this library links anyway.
pub(crate) fn process_group_of_terminal(terminal: BorrowedFd<'_>) -> Option<Pid> {
    let mut group: libc::pid_t = 0;
    // SAFETY: the group is written to a variable that lives longer than the call.
    let asked = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCGPGRP, &raw mut group) };
    (asked == 0).then(|| Pid::from_raw(group))
}

/// Renames a file within a directory in two steps, the first of which fails if the name is taken.
fn link_and_unlink(directory: &File, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
    linkat(directory, from, directory, to, AtFlags::empty())?;
    unlinkat(directory, from, UnlinkatFlags::NoRemoveDir)
}
