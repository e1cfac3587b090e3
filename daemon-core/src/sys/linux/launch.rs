//! Starting the daemon: by two clones, or by two forks on a system that does not do what these
//! clones ask for.

use std::io;
use std::os::fd::BorrowedFd;
use std::process::ExitStatus;

use nix::unistd::Pid;

use super::clone::{self, Children, Refused};
use super::image;
use crate::sys::child::{Failure, Plan};
use crate::sys::fork;

/// The daemon, until its end has been seen.
#[derive(Debug)]
pub(crate) enum Child {
    Cloned(clone::Child),
    Forked(fork::Child),
}

impl Child {
    pub(crate) fn pid(&self) -> Pid {
        match self {
            Self::Cloned(child) => child.pid(),
            Self::Forked(child) => child.pid(),
        }
    }

    /// What is readable once it has ended, where the system has it.
    pub(crate) fn end(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Cloned(child) => child.end(),
            Self::Forked(child) => child.end(),
        }
    }

    /// How it ended, if it has. The answer stays the same, and the zombie stays until the drop.
    pub(crate) fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        match self {
            Self::Cloned(child) => child.try_wait(),
            Self::Forked(child) => child.try_wait(),
        }
    }

    pub(crate) fn send(&self, signal: i32) {
        match self {
            Self::Cloned(child) => child.send(signal),
            Self::Forked(child) => child.send(signal),
        }
    }
}

/// Starts the daemon, detached; returns when it executes the program.
pub(crate) fn start(plan: Plan) -> Result<Child, Failure> {
    let children = Children::new(plan)?;
    match children.start() {
        Ok(child) => Ok(Child::Cloned(child)),
        Err(Refused::Failure(failure)) => Err(failure),
        Err(Refused::Unfit) => {
            let mut plan = children.into_plan();
            if let Some(path) = image::path_below_emulator() {
                plan.set_program(path);
            }
            fork::start(&plan).map(Child::Forked)
        }
    }
}
