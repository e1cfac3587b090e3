//! One file of the log: opening it, and copying it to standard output.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{geteuid, write};

use crate::error::{Error, ErrorKind, shown};
use crate::files::{FileId, NO_FOLLOW};
use crate::trust::{self, Untrusted};

pub(super) const BLOCK: usize = 64 * 1024;

/// How much is copied before rotations and the end of the daemon are looked for again.
const BLOCKS_AT_ONCE: usize = 64;

/// What was written to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copied {
    /// There is more.
    Part,
    All,
    /// What reads standard output is gone.
    NoReader,
}

/// A file of the log, as far as it was read.
pub(super) struct LogPart {
    file: File,
    pub(super) id: FileId,
    pub(super) position: u64,
    /// Where the reading ends, if the log is not followed.
    pub(super) end: Option<u64>,
    /// Since when another file is known to be at the path.
    pub(super) replaced: Option<Instant>,
}

/// Why a file is not read.
pub(super) enum Unopened {
    System(io::Error),
    Irregular,
    Untrusted(Untrusted),
}

impl Unopened {
    /// A rotation may have renamed it at this moment.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::System(error) if error.kind() == io::ErrorKind::NotFound)
    }

    pub(super) fn error(self, path: &Path) -> Error {
        match self {
            Self::System(error) => failed("open", path)(error),
            Self::Irregular => not_regular(path),
            Self::Untrusted(untrusted) => untrusted.error("log", path),
        }
    }
}

impl From<io::Error> for Unopened {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<Untrusted> for Unopened {
    fn from(untrusted: Untrusted) -> Self {
        match untrusted.cause() {
            Some(cause) => Self::System(cause),
            None => Self::Untrusted(untrusted),
        }
    }
}

impl LogPart {
    pub(super) fn open(path: &Path, daemon: Option<u32>) -> Result<Self, Unopened> {
        // What writes to a FIFO would notice that it is opened.
        if !fs::symlink_metadata(path)?.is_file() {
            return Err(Unopened::Irregular);
        }
        Self::open_regular(path, daemon)
    }

    /// Opens what was a regular file a moment ago.
    pub(super) fn open_regular(path: &Path, daemon: Option<u32>) -> Result<Self, Unopened> {
        trust::check_way(path, daemon)?;
        let mut options = OpenOptions::new();
        let options = options.read(true).custom_flags(NO_FOLLOW.bits());
        let file = options.open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(Unopened::Irregular);
        }
        // Root could be led to a file that only root may read.
        if geteuid().is_root() && !trust::check_opened(path, &metadata, daemon)? {
            return Err(Unopened::System(io::ErrorKind::NotFound.into()));
        }
        Ok(Self {
            id: FileId::from(&metadata),
            file,
            position: 0,
            end: None,
            replaced: None,
        })
    }

    pub(super) fn has_name(&self) -> bool {
        self.file.metadata().is_ok_and(|file| file.nlink() > 0)
    }

    /// Whether it was written to later.
    pub(super) fn is_after(&self, other: &Self) -> bool {
        let written = |part: &Self| part.file.metadata()?.modified();
        matches!((written(self), written(other)), (Ok(this), Ok(other)) if this >= other)
    }

    pub(super) fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    pub(super) fn start_of_last_lines(&self, count: u64) -> io::Result<u64> {
        start_of_last_lines(&self.file, count)
    }

    /// Writes the rest of it to standard output, as long as it is now.
    pub(super) fn copy(&mut self, path: &Path) -> Result<Copied, Error> {
        self.look_for_truncation().map_err(failed("read", path))?;
        let length = self.length().map_err(failed("read", path))?;
        let end = self.end.map_or(length, |end| end.min(length));
        let mut block = vec![0; BLOCK];
        for _ in 0..BLOCKS_AT_ONCE {
            let left = usize::try_from(end.saturating_sub(self.position)).unwrap_or(BLOCK);
            let block = &mut block[..left.min(BLOCK)];
            if block.is_empty() {
                return Ok(Copied::All);
            }
            let length = match self.file.read_at(block, self.position) {
                Ok(0) => return Ok(Copied::All),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed("read", path)(error)),
            };
            match print(&block[..length]) {
                Err(Errno::EPIPE) => return Ok(Copied::NoReader),
                printed => printed.map_err(|errno| failed("print", path)(errno.into()))?,
            }
            self.position += length as u64;
        }
        Ok(Copied::Part)
    }

    /// It is read from its start after `copytruncate`, for example.
    pub(super) fn look_for_truncation(&mut self) -> io::Result<()> {
        if self.length()? < self.position {
            self.position = 0;
        }
        Ok(())
    }
}

/// Writes all of this to standard output, which another program may have made non-blocking.
fn print(mut bytes: &[u8]) -> Result<(), Errno> {
    let stdout = io::stdout();
    while !bytes.is_empty() {
        match write(stdout.as_fd(), bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                let mut room = [PollFd::new(stdout.as_fd(), PollFlags::POLLOUT)];
                let _ = poll(&mut room, PollTimeout::NONE);
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Where the last lines begin, looked for from the end.
pub(super) fn start_of_last_lines(file: &File, count: u64) -> io::Result<u64> {
    let end = file.metadata()?.len();
    if count == 0 {
        return Ok(end);
    }
    let mut block = vec![0; BLOCK];
    let (mut begin, mut found) = (end, 0);
    while begin > 0 {
        let length = begin.min(BLOCK as u64);
        begin -= length;
        let block = &mut block[..usize::try_from(length).unwrap_or(BLOCK)];
        match file.read_exact_at(block, begin) {
            // It was truncated in the meantime.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
            other => other?,
        }
        for (after, byte) in (1..=begin + length).rev().zip(block.iter().rev()) {
            // The last newline ends the last line.
            if *byte != b'\n' || after == end {
                continue;
            }
            found += 1;
            if found == count {
                return Ok(after);
            }
        }
    }
    Ok(0)
}

pub(super) fn failed(step: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    let what = format!("cannot {step} the log {}", shown(path));
    move |cause| Error::system(ErrorKind::OutOfReach, what.clone(), cause)
}

pub(super) fn not_regular(path: &Path) -> Error {
    let what = format!("cannot show the log {}", shown(path));
    Error::new(ErrorKind::OutOfReach, what, "not a regular file")
}
