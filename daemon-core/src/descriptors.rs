//! Which descriptors pass from the launcher to the daemon, and where those of the library lie.

use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use crate::listen_fds::FIRST as FIRST_INHERITED_FD;
use crate::sys;

/// The caller's descriptors that stay open, unchanged.
#[derive(Debug)]
pub(crate) struct KeptFds {
    open: Vec<RawFd>,
    declared: Vec<RawFd>,
    /// The descriptors of the launcher are this one and above, where the limit leaves room.
    free: RawFd,
}

impl KeptFds {
    /// What the program declared, and the sockets of `sd_listen_fds(3)`, how many there are.
    ///
    /// Only those that are open are kept. Must be called before the launcher opens a file, which
    /// could get such a descriptor.
    pub(crate) fn new(declared: &[RawFd], listen_fds: usize) -> Self {
        let listen_fds = RawFd::try_from(listen_fds).unwrap_or(RawFd::MAX);
        let sockets = FIRST_INHERITED_FD..FIRST_INHERITED_FD.saturating_add(listen_fds);
        let mut open = declared.to_vec();
        open.retain(|fd| sys::descriptors::is_open(*fd));
        for socket in sockets.clone() {
            // They are consecutive, and LISTEN_FDS may be huge.
            if !sys::descriptors::is_open(socket) {
                break;
            }
            open.push(socket);
        }
        Self {
            free: after(declared).max(sockets.end),
            declared: declared.to_vec(),
            open,
        }
    }

    /// Leaves these to the sockets of `listen`, which take the place of what is open there in the daemon.
    pub(crate) fn leave(&mut self, fds: Range<RawFd>) {
        self.free = self.free.max(fds.end);
        self.declared.extend(fds);
    }

    /// Those of them that are open.
    pub(crate) fn open(&self) -> &[RawFd] {
        &self.open
    }

    /// Moves a descriptor of the library out of the way of the standard streams and of all these.
    pub(crate) fn dup_above(&self, descriptor: OwnedFd) -> io::Result<OwnedFd> {
        if descriptor.as_raw_fd() >= self.free {
            return Ok(descriptor);
        }
        let duplicate = |at_least| sys::descriptors::duplicate(descriptor.as_raw_fd(), at_least);
        if let Ok(above) = duplicate(self.free) {
            return Ok(above);
        }
        let mut at_least = FIRST_INHERITED_FD;
        loop {
            // A declared descriptor that is not open must stay closed in the daemon.
            let between = duplicate(at_least)?;
            if !self.declared.contains(&between.as_raw_fd()) {
                return Ok(between);
            }
            at_least = between.as_raw_fd().saturating_add(1);
        }
    }
}

/// The first descriptor after the standard streams and all these.
fn after(fds: &[RawFd]) -> RawFd {
    let after = fds.iter().map(|fd| fd.saturating_add(1));
    after.fold(FIRST_INHERITED_FD, RawFd::max)
}
