//! Standard input, output and error of the daemon.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use nix::sys::stat::{major, minor};

use crate::error::Error;

/// Opens `/dev/null`, and nothing else that goes by this name.
pub(crate) fn open_null() -> Result<OwnedFd, Error> {
    let open = || -> io::Result<OwnedFd> {
        let null = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/null")?;
        if is_null(&null.metadata()?) {
            return Ok(null.into());
        }
        Err(io::Error::other("it is not the null device"))
    };
    open().map_err(Error::null_device)
}

/// Whether this is the null device, see `null(4)`.
pub(crate) fn is_null(metadata: &std::fs::Metadata) -> bool {
    let device = metadata.rdev();
    metadata.file_type().is_char_device() && (major(device), minor(device)) == (1, 3)
}
