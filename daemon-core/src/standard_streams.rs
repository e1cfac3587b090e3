//! Standard input, output and error of the daemon.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{dup2_stderr, dup2_stdout};

use crate::error::Error;
use crate::files::FileId;
use crate::sys;

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
    open().map_err(|error| Error::step("open /dev/null", error))
}

/// Opens `/dev/null` in the place of every standard stream that is closed, until what comes back is
/// dropped. What is opened in such a place gets what is written to the stream, and the daemon's own
/// streams take its place.
pub(crate) fn ensure_std_fds_open() -> Result<Vec<OwnedFd>, Error> {
    let mut filled = Vec::new();
    // The system gives the lowest fd that is free.
    while !(0..=2).all(sys::descriptors::is_open) {
        filled.push(open_null()?);
    }
    Ok(filled)
}

/// Standard input, if it is `/dev/null`.
fn null_at_stdin() -> Option<OwnedFd> {
    let stdin = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .ok()
        .map(File::from)?;
    let flags = fcntl(&stdin, FcntlArg::F_GETFL).map(OFlag::from_bits_truncate);
    let is_writable = flags.is_ok_and(|flags| flags & OFlag::O_ACCMODE == OFlag::O_RDWR);
    let is_null = stdin.metadata().is_ok_and(|metadata| is_null(&metadata));
    (is_writable && is_null).then(|| stdin.into())
}

/// What standard output and standard error lead to, where it is not to stay so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BufferedOutput {
    file: FileId,
}

impl BufferedOutput {
    /// What standard output leads to now.
    pub(crate) fn of_this_process() -> Option<Self> {
        let file = sys::descriptors::file_id(io::stdout().as_raw_fd())?;
        Some(Self { file })
    }

    /// Whether this stream still leads there: the program may have redirected it.
    pub(crate) fn is_at(self, stream: BorrowedFd<'_>) -> bool {
        sys::descriptors::file_id(stream.as_raw_fd()) == Some(self.file)
    }

    /// Leads both streams to `/dev/null`, if they still lead there.
    pub(crate) fn let_go(self) {
        let output = self.is_at(io::stdout().as_fd());
        let error = self.is_at(io::stderr().as_fd());
        if !output && !error {
            return;
        }
        // Standard input is the null device too, where the root directory of the program has none.
        let null = open_null().ok().or_else(null_at_stdin);
        // Without it the output stays where it is, which does less harm than a closed stream.
        let Some(null) = null else { return };
        if output {
            let _ = dup2_stdout(&null);
        }
        if error {
            let _ = dup2_stderr(&null);
        }
    }
}

/// Whether this is the null device, see `null(4)`.
pub(crate) fn is_null(metadata: &std::fs::Metadata) -> bool {
    metadata.file_type().is_char_device() && sys::files::is_null(metadata.rdev())
}
