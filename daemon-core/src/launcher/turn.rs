//! `Turn`: one start at a time changes the signals of this process.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::failure;
use crate::error::Error;
use crate::signals::{DefaultSigchld, Interrupts};

/// Signal actions belong to the process: each start must find what the start before it restored.
#[derive(Debug)]
pub(super) struct Turn(#[expect(dead_code, reason = "it ends the turn")] MutexGuard<'static, ()>);

impl Turn {
    /// Waits for the end of another thread's start.
    pub(super) fn begin() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        Self(TURN.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The signals of this process, as a start needs them. The turn ends last.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupts: Interrupts,
    _sigchld: DefaultSigchld,
    _turn: Turn,
}

impl Signals {
    pub(super) fn catch(turn: Turn) -> Result<Self, Error> {
        let sigchld = DefaultSigchld::begin();
        let sigchld = sigchld.map_err(|errno| Error::step("reset SIGCHLD", errno))?;
        let interrupts = Interrupts::catch();
        Ok(Self {
            interrupts: interrupts
                .map_err(|error| Error::step("make a pipe for signals", error))?,
            _sigchld: sigchld,
            _turn: turn,
        })
    }

    pub(super) fn interrupts(&self) -> &Interrupts {
        &self.interrupts
    }

    /// Gives the signals back, and sends one that came too late to this process again.
    pub(crate) fn give_back(self) {
        self.interrupts.give_back();
    }

    /// Gives the signals back. One that has come is not lost.
    pub(super) fn release(self) -> Result<(), Error> {
        match self.interrupts.release() {
            Some(signal) => Err(failure::interrupted(signal)),
            None => Ok(()),
        }
    }
}
