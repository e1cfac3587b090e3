//! What stands for the daemon.

use std::cell::Cell;

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::error::Error;
use crate::files::FileId;
use crate::log_rotation::{ProcessState, RotatedProcess};
use crate::signal::Signal;

/// A run that does what a test says when it gets the signal.
pub(super) struct FakeProcess<'a> {
    pub(super) state: ProcessState,
    /// What happens before it is looked at.
    pub(super) before: &'a dyn Fn(),
    reopen: &'a dyn Fn() -> Result<(), Errno>,
    pub(super) file: Cell<Option<FileId>>,
}

impl<'a> FakeProcess<'a> {
    pub(super) fn new(reopen: &'a dyn Fn() -> Result<(), Errno>) -> Self {
        Self {
            state: ProcessState::Up(Pid::this()),
            before: &|| (),
            reopen,
            file: Cell::new(None),
        }
    }
}

impl RotatedProcess for FakeProcess<'_> {
    fn find(&mut self) -> Result<ProcessState, Error> {
        (self.before)();
        Ok(self.state)
    }

    fn catches(&self, _signal: Signal) -> bool {
        true
    }

    fn writes_to(&self, file: FileId) -> Option<bool> {
        Some(self.file.get() == Some(file))
    }

    fn writes_to_any_file(&self) -> Option<bool> {
        Some(self.file.get().is_some())
    }

    fn send(&self, _signal: Signal) -> Result<(), Errno> {
        (self.reopen)()
    }

    fn has_ended(&self) -> bool {
        false
    }
}
