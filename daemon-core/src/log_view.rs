//! The verb `log`: the last lines of the log, and what is written to it later.
//!
//! **A rotation renames files upwards**, from the log to `log.1` to `log.2`. The files between the one
//! that is read and the one at the path are found by going up through these names: a file that is
//! renamed in the meantime is met later, at a higher name, so none is missed. Every file that is still
//! to be read is held open.

mod part;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::error::{Error, shown};
use crate::files::FileId;
use crate::launcher::report;
use crate::verb::LogArguments;
use part::{Copied, LogPart, failed, not_regular};

/// How often a log that does not grow is looked at.
const POLL_INTERVAL_MS: u16 = 50;

/// How long a run may write to a log that was renamed.
const REOPEN_TIME: Duration = Duration::from_secs(1);

/// How many names in a row may be missing while a rotation renames the files.
const MISSING_MAX: usize = 3;

/// Shows the log at this path, as it is and, if that is asked for, as it grows. `is_running` tells
/// whether a daemon can still write to it, which may belong to the user `daemon`.
pub(crate) fn show(
    path: &Path,
    daemon: Option<u32>,
    arguments: LogArguments,
    is_running: impl Fn() -> Result<bool, Error>,
) -> Result<(), Error> {
    let mut files = Files::open(LogPlace { path, daemon })?;
    let first = files.first()?;
    let start = first.start_of_last_lines(arguments.line_count);
    first.position = start.map_err(failed("read", path))?;
    if !arguments.follows {
        // The daemon may write faster than this process reads.
        let end = first.length().map_err(failed("read", path))?;
        first.end = Some(end);
    }
    loop {
        // In this order: what was written before the end of the daemon is there to be read.
        let is_last_look = !arguments.follows || !is_running()?;
        if arguments.follows {
            files.look(is_last_look)?;
        }
        match files.copy(is_last_look)? {
            Copied::Part => {}
            Copied::All if !is_last_look && wait_for_reader() => {}
            Copied::All | Copied::NoReader => return Ok(()),
        }
    }
}

/// Where the log is.
#[derive(Clone, Copy)]
struct LogPlace<'a> {
    path: &'a Path,
    /// The user that a file and its directory may belong to.
    daemon: Option<u32>,
}

/// The files to be read, the oldest first. The last one is at the path.
struct Files<'a> {
    place: LogPlace<'a>,
    open: Vec<LogPart>,
    /// The last one that was read to its end. A rotation that fails gives it its name back.
    done: Option<LogPart>,
    /// When the last one was first found at no name that is known.
    unfound: Option<Instant>,
}

impl<'a> Files<'a> {
    fn open(place: LogPlace<'a>) -> Result<Self, Error> {
        let begin = Instant::now();
        let part = loop {
            match LogPart::open(place.path, place.daemon) {
                // It was renamed, and the daemon has not opened the next one yet.
                Err(unopened)
                    if unopened.is_missing()
                        && begin.elapsed() < REOPEN_TIME
                        && rotated(place.path, 1).exists() =>
                {
                    thread::sleep(Duration::from_millis(POLL_INTERVAL_MS.into()));
                }
                part => break part.map_err(|unopened| unopened.error(place.path))?,
            }
        };
        Ok(Self {
            place,
            open: vec![part],
            done: None,
            unfound: None,
        })
    }

    fn first(&mut self) -> Result<&mut LogPart, Error> {
        let path = self.place.path;
        self.open.first_mut().ok_or_else(|| not_regular(path))
    }

    /// Looks for files that have come to the path.
    fn look(&mut self, is_last_look: bool) -> Result<(), Error> {
        let Some(last) = self.open.last_mut() else {
            return Ok(());
        };
        let LogPlace { path, daemon } = self.place;
        let there = match fs::symlink_metadata(path) {
            Ok(there) => FileId::from(&there),
            // It was renamed, and the daemon has not opened the next one yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed("look at", path)(error)),
        };
        if there == last.id {
            return Ok(());
        }
        let newest = match LogPart::open(path, daemon) {
            Ok(newest) => newest,
            Err(unopened) if unopened.is_missing() => return Ok(()),
            Err(unopened) => return Err(unopened.error(path)),
        };
        let between = parts_before(self.place, last.id);
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
                let path = shown(path);
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
        self.open.push(part);
    }

    /// Writes what there is to standard output.
    fn copy(&mut self, is_last_look: bool) -> Result<Copied, Error> {
        loop {
            let count = self.open.len();
            let path = self.place.path;
            let first = self.first()?;
            let waits = first
                .replaced
                .is_some_and(|replaced| !is_last_look && replaced.elapsed() < REOPEN_TIME);
            match first.copy(path)? {
                Copied::All if !waits && count > 1 => self.done = Some(self.open.remove(0)),
                copied => return Ok(copied),
            }
        }
    }
}

/// The older files up to the one with this id, the newest first; if that one is not found, all there
/// are as the error.
fn parts_before(place: LogPlace<'_>, last: FileId) -> Result<Vec<LogPart>, Vec<LogPart>> {
    let mut parts: Vec<LogPart> = Vec::new();
    let mut missing = 0;
    for number in 1.. {
        match LogPart::open(&rotated(place.path, number), place.daemon) {
            Ok(part) if part.id == last => return Ok(parts),
            // One that was renamed after it was seen is met again.
            Ok(part) if parts.iter().all(|known| known.id != part.id) => {
                parts.push(part);
                missing = 0;
            }
            Ok(_) => missing = 0,
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

/// Waits for a moment; false if what reads standard output is gone.
fn wait_for_reader() -> bool {
    let stdout = io::stdout();
    let mut out = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    !matches!(poll(&mut out, PollTimeout::from(POLL_INTERVAL_MS)), Ok(1..))
}

#[cfg(test)]
#[allow(
    clippy::expect_used,
    reason = "a broken expectation is how a test fails"
)]
mod tests;
