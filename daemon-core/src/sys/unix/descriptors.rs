//! Closing what the daemon does not get.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;

use nix::errno::Errno;

use crate::sys::descriptors::{close_on_exec, is_open};
use crate::sys::limits;

const FIRST_AFTER_STANDARD_STREAMS: RawFd = 3;

/// What is open above the standard streams, as the launcher has found it: to read a directory is
/// not for a child to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FdsToClose(&'static [RawFd]);

impl FdsToClose {
    pub(crate) fn by_this_process() -> Self {
        Self(list().unwrap_or_else(|_| count()).leak())
    }

    /// Everything of it is closed by the next exec, in the child.
    pub(in crate::sys) fn close_on_exec(self) -> Result<(), Errno> {
        for descriptor in self.0 {
            match close_on_exec(*descriptor) {
                // Another thread of the launcher has closed it in between.
                Ok(()) | Err(Errno::EBADF) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }
}

/// By the system's own list.
fn list() -> io::Result<Vec<RawFd>> {
    // Where `/dev/fd` is a plain directory it holds the standard streams and nothing else; a list
    // of this process holds this one.
    let (witness, _) = UnixStream::pair()?;
    let mut open = Vec::new();
    for entry in fs::read_dir("/dev/fd")? {
        let name = entry?.file_name();
        let fd: Option<RawFd> = name.to_str().and_then(|name| name.parse().ok());
        open.extend(fd.filter(|fd| *fd >= FIRST_AFTER_STANDARD_STREAMS));
    }
    if open.contains(&witness.as_raw_fd()) {
        Ok(open)
    } else {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// One by one, up to the limit; systems without a list keep that within reason.
fn count() -> Vec<RawFd> {
    let limit = limits::descriptors().unwrap_or(0);
    let limit = RawFd::try_from(limit).unwrap_or(RawFd::MAX);
    (FIRST_AFTER_STANDARD_STREAMS..limit)
        .filter(|fd| is_open(*fd))
        .collect()
}
