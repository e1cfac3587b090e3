//! The daemon that was started, in whatever way.

use std::io;
use std::os::fd::BorrowedFd;
use std::process::ExitStatus;

use nix::unistd::Pid;

use super::fork;
use super::own_child::OwnChild;

/// The daemon, until its end has been seen.
#[derive(Debug)]
pub(crate) enum Child {
    Own(OwnChild),
    /// A child of the intermediate process.
    Forked(fork::ForkedChild),
}

impl Child {
    pub(crate) fn pid(&self) -> Pid {
        match self {
            Self::Own(child) => child.pid(),
            Self::Forked(child) => child.pid(),
        }
    }

    /// What is readable once it has ended, where the system has it.
    pub(crate) fn end(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Own(child) => child.end(),
            Self::Forked(child) => child.end(),
        }
    }

    /// How it ended, if it has. The answer stays the same, and the zombie stays until the drop.
    pub(crate) fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        match self {
            Self::Own(child) => child.try_wait(),
            Self::Forked(child) => child.try_wait(),
        }
    }

    /// What means its process group for ever, where the system has it.
    pub(crate) fn group(&self, group: Pid) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Own(child) => child.group(group),
            Self::Forked(_) => None,
        }
    }

    /// Reaps the zombie, if it is one of this process.
    pub(crate) fn reap(&self) {
        match self {
            Self::Own(child) => child.reap(),
            Self::Forked(_) => {}
        }
    }

    pub(crate) fn send(&self, signal: i32) {
        match self {
            Self::Own(child) => child.send(signal),
            Self::Forked(child) => child.send(signal),
        }
    }
}
