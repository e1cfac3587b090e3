//! The verb `log`: the last lines of the log, and what is written to it later.
//!
//! **A rotation renames files upwards**, from the log to `log.1` to `log.2`. The files between the one
//! that is read and the one at the path are found by going up through these names: a file that is
//! renamed in the meantime is met later, at a higher name, so none is missed. Every file that is still
//! to be read is held open.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::error::{Error, ErrorKind, shown};
use crate::files::{FileId, NO_FOLLOW};
use crate::launcher::report;
use crate::verb::LogArguments;

const BLOCK: usize = 64 * 1024;

/// How often a log that does not grow is looked at.
const POLL_INTERVAL_MS: u16 = 50;

/// How long a run may write to a log that was renamed.
const REOPEN_TIME: Duration = Duration::from_secs(1);

/// How many names in a row may be missing while a rotation renames the files.
const MISSING_MAX: usize = 3;

/// From how many files on none is waited for.
const OPEN_MAX: usize = 64;

/// Shows the log at this path, as it is and, if that is asked for, as it grows. `is_running` tells
/// whether a daemon can still write to it.
pub(crate) fn show(
    path: &Path,
    view: LogArguments,
    is_running: impl Fn() -> Result<bool, Error>,
) -> Result<(), Error> {
    let mut files = Files::open(path)?;
    let first = files.first()?;
    first.position =
        start_of_last_lines(&first.file, view.line_count).map_err(failed("read", path))?;
    loop {
        // In this order: what was written before the end of the daemon is there to be read.
        let is_last_look = !view.follows || !is_running()?;
        if view.follows {
            files.look(is_last_look)?;
        }
        if !files.copy(is_last_look)? || is_last_look {
            return Ok(());
        }
        if !wait_for_reader() {
            return Ok(());
        }
    }
}

/// The files to be read, the oldest first. The last one is at the path.
struct Files<'a> {
    path: &'a Path,
    open: VecDeque<LogPart>,
    /// The last one that was read to its end. A rotation that fails gives it its name back.
    done: Option<LogPart>,
    /// Since when the last one is at no name that is known.
    unfound: Option<Instant>,
}

struct LogPart {
    file: File,
    id: FileId,
    position: u64,
    /// Since when another file is known to be at the path.
    replaced: Option<Instant>,
}

impl<'a> Files<'a> {
    fn open(path: &'a Path) -> Result<Self, Error> {
        let part = LogPart::open(path).map_err(failed("open", path))?;
        let part = part.ok_or_else(|| not_regular(path))?;
        Ok(Self {
            path,
            open: VecDeque::from([part]),
            done: None,
            unfound: None,
        })
    }

    fn first(&mut self) -> Result<&mut LogPart, Error> {
        let path = self.path;
        self.open.front_mut().ok_or_else(|| not_regular(path))
    }

    /// Looks for files that have come to the path.
    fn look(&mut self, is_last_look: bool) -> Result<(), Error> {
        let Some(last) = self.open.back_mut() else {
            return Ok(());
        };
        let there = match fs::symlink_metadata(self.path) {
            Ok(there) => FileId::from(&there),
            // It was renamed, and the daemon has not opened the next one yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed("look at", self.path)(error)),
        };
        if there == last.id {
            return Ok(());
        }
        let newest = match LogPart::open(self.path) {
            Ok(Some(newest)) => newest,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Ok(None) => return Err(not_regular(self.path)),
            Err(error) => return Err(failed("open", self.path)(error)),
        };
        let between = parts_before(self.path, last.id);
        if between.is_err() && !is_last_look && last.has_name() {
            // A rotation may be renaming it at this moment.
            let since = *self.unfound.get_or_insert_with(Instant::now);
            if since.elapsed() < REOPEN_TIME {
                return Ok(());
            }
        }
        self.unfound = None;
        let now = Some(Instant::now());
        last.replaced = now;
        let between = between.unwrap_or_else(|parts| {
            // Those that were there before it are older.
            let parts: Vec<_> =
                (parts.into_iter().take_while(|part| part.is_after(last))).collect();
            if !parts.is_empty() || !last.has_name() {
                let path = shown(self.path);
                report::line(&format!(
                    "lines of the log {path} may be missing: it was rotated out"
                ));
            }
            parts
        });
        for mut part in between.into_iter().rev() {
            part.replaced = now;
            self.push(part);
        }
        self.push(newest);
        Ok(())
    }

    fn push(&mut self, mut part: LogPart) {
        if self.open.iter().any(|known| known.id == part.id) {
            return;
        }
        let done = self.done.take_if(|done| done.id == part.id);
        part.position = done.map_or(0, |done| done.position);
        self.open.push_back(part);
    }

    /// Writes what there is to standard output; false if its reader is gone.
    fn copy(&mut self, is_last_look: bool) -> Result<bool, Error> {
        loop {
            let count = self.open.len();
            let path = self.path;
            let first = self.first()?;
            let waits = first.replaced.is_some_and(|replaced| {
                !is_last_look && count < OPEN_MAX && replaced.elapsed() < REOPEN_TIME
            });
            if !first.copy(path)? {
                return Ok(false);
            }
            if waits || count == 1 {
                return Ok(true);
            }
            self.done = self.open.pop_front();
        }
    }
}

/// The older files up to the one with this id, the newest first; if that one is not found, all there
/// are as the error.
fn parts_before(path: &Path, last: FileId) -> Result<Vec<LogPart>, Vec<LogPart>> {
    let mut parts: Vec<LogPart> = Vec::new();
    let mut missing = 0;
    for number in 1.. {
        match LogPart::open(&rotated(path, number)) {
            Ok(Some(part)) if part.id == last => return Ok(parts),
            // One that was renamed after it was seen is met again.
            Ok(Some(part)) if parts.iter().all(|known| known.id != part.id) => {
                parts.push(part);
                missing = 0;
            }
            Ok(Some(_)) => missing = 0,
            _ => missing += 1,
        }
        if missing == MISSING_MAX {
            break;
        }
    }
    Err(parts)
}

/// The name of an older log.
fn rotated(path: &Path, number: usize) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}

impl LogPart {
    /// `None` if it is not a regular file.
    fn open(path: &Path) -> io::Result<Option<Self>> {
        let mut options = OpenOptions::new();
        let options = options.read(true).custom_flags(NO_FOLLOW.bits());
        let file = options.open(path)?;
        let metadata = file.metadata()?;
        let part = Self {
            file,
            id: FileId::from(&metadata),
            position: 0,
            replaced: None,
        };
        Ok(metadata.is_file().then_some(part))
    }

    fn has_name(&self) -> bool {
        self.file.metadata().is_ok_and(|file| file.nlink() > 0)
    }

    /// Whether it was written to later.
    fn is_after(&self, other: &Self) -> bool {
        let written = |part: &Self| part.file.metadata()?.modified();
        matches!((written(self), written(other)), (Ok(this), Ok(other)) if this >= other)
    }

    /// Writes the rest of it to standard output; false if its reader is gone.
    fn copy(&mut self, path: &Path) -> Result<bool, Error> {
        let mut block = vec![0; BLOCK];
        loop {
            let length = match self.file.read_at(&mut block, self.position) {
                Ok(0) if self.was_truncated().map_err(failed("read", path))? => continue,
                Ok(0) => return Ok(true),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed("read", path)(error)),
            };
            let mut out = io::stdout().lock();
            match out.write_all(&block[..length]).and_then(|()| out.flush()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(false),
                other => other.map_err(failed("print", path))?,
            }
            self.position += length as u64;
        }
    }

    /// Whether it was truncated, by `copytruncate` for example; it is read from its start then.
    fn was_truncated(&mut self) -> io::Result<bool> {
        let is_shorter = self.file.metadata()?.len() < self.position;
        if is_shorter {
            self.position = 0;
        }
        Ok(is_shorter)
    }
}

/// Where the last lines begin, looked for from the end.
fn start_of_last_lines(file: &File, count: u64) -> io::Result<u64> {
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

/// Waits for a moment; false if what reads standard output is gone.
fn wait_for_reader() -> bool {
    let stdout = io::stdout();
    let mut out = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    !matches!(poll(&mut out, PollTimeout::from(POLL_INTERVAL_MS)), Ok(1..))
}

fn failed(step: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    let what = format!("cannot {step} the log {}", shown(path));
    move |cause| Error::system(ErrorKind::OutOfReach, what.clone(), cause)
}

fn not_regular(path: &Path) -> Error {
    let what = format!("cannot show the log {}", shown(path));
    Error::words(ErrorKind::OutOfReach, what, "not a regular file")
}

#[cfg(test)]
#[allow(
    clippy::expect_used,
    reason = "a broken expectation is how a test fails"
)]
mod tests;
