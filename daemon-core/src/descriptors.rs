//! Which descriptors pass from the launcher to the daemon, and where ours lie.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use crate::sys;

/// The first descriptor after the standard streams.
const FIRST_INHERITED_FD: RawFd = 3;

/// The caller's descriptors that stay open, with the numbers they have.
#[derive(Debug)]
pub(crate) struct KeptFds {
    open: Vec<RawFd>,
    /// The descriptors of the launcher are this one and above.
    free: RawFd,
    /// The same, if `free` is above the limit on descriptors.
    after_open: RawFd,
}

impl KeptFds {
    /// What the program declared, and the sockets of `sd_listen_fds(3)`, how many there are.
    ///
    /// Only those that are open are kept. Must be called before the launcher opens a file, which
    /// could get such a descriptor.
    pub(crate) fn new(declared: &[RawFd], listen_fds: usize) -> Self {
        let listen_fds = RawFd::try_from(listen_fds).unwrap_or(RawFd::MAX);
        let sockets = FIRST_INHERITED_FD..FIRST_INHERITED_FD.saturating_add(listen_fds);
        let is_open = |number: &RawFd| sys::descriptors::is_open(*number);
        // They are consecutive, and LISTEN_FDS may be huge.
        let open = sockets.clone().take_while(is_open);
        let open: Vec<_> = declared
            .iter()
            .copied()
            .filter(is_open)
            .chain(open)
            .collect();
        Self {
            free: after(declared).max(sockets.end),
            after_open: after(&open),
            open,
        }
    }

    /// Those of them that are open.
    pub(crate) fn open(&self) -> &[RawFd] {
        &self.open
    }

    /// Moves a descriptor of ours out of the way of the standard streams and of all these.
    pub(crate) fn dup_above(&self, descriptor: OwnedFd) -> io::Result<OwnedFd> {
        if descriptor.as_raw_fd() >= self.free {
            return Ok(descriptor);
        }
        let duplicate = |at_least| sys::descriptors::duplicate(descriptor.as_raw_fd(), at_least);
        duplicate(self.free).or_else(|_| duplicate(self.after_open))
    }
}

/// The first number after the standard streams and all these.
fn after(numbers: &[RawFd]) -> RawFd {
    let after = numbers.iter().map(|number| number.saturating_add(1));
    after
        .max()
        .map_or(FIRST_INHERITED_FD, |after| after.max(FIRST_INHERITED_FD))
}
