//! Which descriptors pass from the launcher to the daemon, and where ours lie.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use crate::sys;

/// The first descriptor after the standard streams.
const FIRST: RawFd = 3;

/// The caller's descriptors that stay open, with the numbers they have.
#[derive(Debug)]
pub(crate) struct Kept {
    numbers: Vec<RawFd>,
}

impl Kept {
    /// What the program declared, and the sockets of `sd_listen_fds(3)`, how many there are.
    pub(crate) fn new(declared: &[RawFd], listen_fds: usize) -> Self {
        let sockets = (FIRST..).take(listen_fds);
        Self {
            numbers: declared.iter().copied().chain(sockets).collect(),
        }
    }

    /// Those that are open; the others are left to whoever starts the program without them.
    pub(crate) fn open(&self) -> impl Iterator<Item = RawFd> {
        self.numbers
            .iter()
            .copied()
            .filter(|number| sys::descriptors::is_open(*number))
    }

    /// Moves a descriptor of ours out of the way of the standard streams and of all these.
    pub(crate) fn lift(&self, descriptor: OwnedFd) -> io::Result<OwnedFd> {
        let lowest = self
            .numbers
            .iter()
            .fold(FIRST, |lowest, number| lowest.max(number + 1));
        if descriptor.as_raw_fd() >= lowest {
            return Ok(descriptor);
        }
        sys::descriptors::duplicate(descriptor.as_raw_fd(), lowest)
    }
}
