//! What the launcher changes of its signals, and gives back.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::{SigAction, SigSet, SigmaskHow, Signal};

use crate::sys;

/// While this lives, no signal is delivered to this thread.
#[derive(Debug)]
pub(crate) struct Blocked {
    before: SigSet,
}

impl Blocked {
    pub(crate) fn all() -> Result<Self, Errno> {
        Ok(Self {
            before: SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?,
        })
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // It held before, so it cannot be refused now.
        let _ = self.before.thread_set_mask();
    }
}

/// While this lives, the end of a child can be waited for, even if the caller ignores SIGCHLD.
#[derive(Debug)]
pub(crate) struct Waitable {
    before: SigAction,
}

impl Waitable {
    pub(crate) fn begin() -> Result<Self, Errno> {
        Ok(Self {
            before: sys::signals::set_default(Signal::SIGCHLD)?,
        })
    }
}

impl Drop for Waitable {
    fn drop(&mut self) {
        let _ = sys::signals::restore(Signal::SIGCHLD, &self.before);
    }
}

/// While this lives, the signals by which a user gives up waiting are read instead of obeyed.
///
/// Not by `signalfd(2)`: where the program has other threads, any of them may be interrupted.
#[derive(Debug)]
pub(crate) struct Interrupts {
    pipe: File,
    /// Where the handler writes; open for as long as it may.
    _writer: OwnedFd,
    before: Vec<(Signal, SigAction)>,
}

impl Interrupts {
    pub(crate) fn catch() -> Result<Self, Errno> {
        let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        sys::signals::write_interrupts_to(writer.as_fd());
        let mut interrupts = Self {
            pipe: reader.into(),
            _writer: writer,
            before: Vec::new(),
        };
        for signal in [
            Signal::SIGINT,
            Signal::SIGTERM,
            Signal::SIGHUP,
            Signal::SIGQUIT,
        ] {
            if let Some(action) = sys::signals::set_interrupt_handler(signal)? {
                interrupts.before.push((signal, action));
            }
        }
        Ok(interrupts)
    }

    /// The signal that came first, if one came.
    pub(crate) fn first(&self) -> Option<Signal> {
        let mut number = [0];
        match (&self.pipe).read(&mut number) {
            Ok(1) => Signal::try_from(i32::from(number[0])).ok(),
            _ => None,
        }
    }
}

impl AsFd for Interrupts {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        for (signal, action) in &self.before {
            let _ = sys::signals::restore(*signal, action);
        }
        sys::signals::write_interrupts_nowhere();
    }
}

/// Ends this process by a signal, so that the caller sees which one it was.
pub(crate) fn die_by(signal: Signal) -> io::Error {
    let die = || -> Result<(), Errno> {
        sys::signals::set_default(signal)?;
        nix::sys::signal::kill(nix::unistd::getpid(), signal)?;
        SigSet::from(signal).thread_unblock()
    };
    die().err().unwrap_or(Errno::EINTR).into()
}
