//! What the launcher changes of its signals, and gives back.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill};
use nix::unistd::getpid;

use crate::sys;

/// While this lives, the end of a child can be waited for, even if the caller ignores SIGCHLD.
#[derive(Debug)]
pub(crate) struct DefaultSigchld {
    before: SigAction,
}

impl DefaultSigchld {
    pub(crate) fn begin() -> Result<Self, Errno> {
        Ok(Self {
            before: sys::signals::set_default(Signal::SIGCHLD)?,
        })
    }
}

impl Drop for DefaultSigchld {
    fn drop(&mut self) {
        // Another thread has begun to handle it, and hears of every end since.
        if sys::signals::restore_default(Signal::SIGCHLD, &self.before) == Ok(false) {
            return;
        }
        // Other children of the program may have ended since `begin`.
        match self.before.handler() {
            SigHandler::SigIgn => sys::wait::reap_all(),
            _ if self.before.flags().contains(SaFlags::SA_NOCLDWAIT) => sys::wait::reap_all(),
            SigHandler::SigDfl => {}
            SigHandler::Handler(_) | SigHandler::SigAction(_) => {
                let _ = kill(getpid(), Signal::SIGCHLD);
            }
        }
    }
}

/// While this lives, a signal does nothing.
#[derive(Debug)]
pub(crate) struct IgnoreGuard {
    signal: Signal,
    before: SigAction,
}

impl IgnoreGuard {
    pub(crate) fn begin(signal: Signal) -> Result<Self, Errno> {
        let before = sys::signals::ignore(signal)?;
        Ok(Self { signal, before })
    }
}

impl Drop for IgnoreGuard {
    fn drop(&mut self) {
        let _ = sys::signals::restore(self.signal, &self.before);
    }
}

/// While this lives, the signals by which a user gives up waiting are read instead of obeyed.
///
/// A handler reads them, and not `signalfd(2)`: the system may deliver a signal to any thread of
/// the program.
#[derive(Debug)]
pub(crate) struct Interrupts {
    reader: File,
    /// Where the handler writes; open for as long as it may.
    _writer: File,
    before: Vec<(Signal, SigAction)>,
}

/// Those by which a user gives up.
const GIVING_UP: [Signal; 4] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
];

/// Others that would end the launcher and leave the daemon running: a caller may have set an alarm or a
/// limit before it executed the launcher.
const ENDING: [Signal; 6] = [
    Signal::SIGALRM,
    Signal::SIGXCPU,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGVTALRM,
    Signal::SIGPROF,
];

/// Catches a signal, or leaves it; returns what it had before, if it is caught now.
type Catch = fn(Signal) -> Result<Option<SigAction>, Errno>;

impl Interrupts {
    fn new() -> io::Result<Self> {
        let (reader, writer) = sys::descriptors::pipe()?;
        sys::signals::write_interrupts_to(writer.as_fd());
        Ok(Self {
            reader,
            _writer: writer,
            before: Vec::new(),
        })
    }

    /// For a process that lives on: catches these signals, whatever was set for them, and lets all
    /// others do nothing.
    pub(crate) fn catch_only(signals: &[Signal]) -> io::Result<Self> {
        let interrupts = Self::new()?;
        // In this order: none of them is ignored, and lost, in between.
        for signal in signals {
            sys::signals::catch(*signal)?;
        }
        sys::signals::ignore_all_but(signals)?;
        Ok(interrupts)
    }

    pub(crate) fn catch() -> io::Result<Self> {
        let mut interrupts = Self::new()?;
        interrupts.catch_each(&GIVING_UP, sys::signals::catch_unless_ignored)?;
        // A program that calls `try_start` may have a use for the others.
        interrupts.catch_each(&ENDING, sys::signals::catch_if_default)?;
        Ok(interrupts)
    }

    /// Catches those of these signals that are to be caught.
    #[inline(never)] // each use would have its own copy, and that one of each signal
    fn catch_each(&mut self, signals: &[Signal], catch: Catch) -> Result<(), Errno> {
        for signal in signals {
            if let Some(before) = catch(*signal)? {
                self.before.push((*signal, before));
            }
        }
        Ok(())
    }

    /// Restores the actions. Returns the signal that came first before that.
    pub(crate) fn release(mut self) -> Option<Signal> {
        self.restore();
        self.first()
    }

    fn restore(&mut self) {
        for (signal, action) in self.before.drain(..) {
            let _ = sys::signals::restore_caught(signal, &action);
        }
        sys::signals::write_interrupts_nowhere();
    }

    /// Restores the actions, and sends a signal that came too late to this process again.
    pub(crate) fn give_back(self) {
        if let Some(signal) = self.release() {
            let _ = kill(getpid(), signal);
        }
    }

    /// The signal that came first, if one came.
    pub(crate) fn first(&self) -> Option<Signal> {
        self.next().map(|(signal, _)| signal)
    }

    /// The next signal, if one came, and whether process 1 has sent it.
    pub(crate) fn next(&self) -> Option<(Signal, bool)> {
        let mut byte = [0];
        let Ok(1) = (&self.reader).read(&mut byte) else {
            return None;
        };
        let [byte] = byte;
        signal_in(byte)
    }
}

/// The signal that the handler has written, and whether process 1 has sent it.
fn signal_in(byte: u8) -> Option<(Signal, bool)> {
    let is_from_init = byte & sys::signals::FROM_INIT != 0;
    let signal = i32::from(byte & !sys::signals::FROM_INIT);
    Some((Signal::try_from(signal).ok()?, is_from_init))
}

impl AsFd for Interrupts {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.restore();
    }
}

/// Ends this process by a signal, so that the caller sees which one it was.
pub(crate) fn die_by(signal: Signal) -> io::Error {
    let die = || -> Result<(), Errno> {
        sys::signals::set_default(signal)?;
        kill(getpid(), signal)?;
        SigSet::from(signal).thread_unblock()
    };
    die().err().unwrap_or(Errno::EINTR).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signal_of_process_one_is_told_from_others() {
        let byte = Signal::SIGTERM as u8;
        assert_eq!(signal_in(byte), Some((Signal::SIGTERM, false)));
        let from_init = byte | sys::signals::FROM_INIT;
        assert_eq!(signal_in(from_init), Some((Signal::SIGTERM, true)));
        assert_eq!(signal_in(0), None);
    }
}
