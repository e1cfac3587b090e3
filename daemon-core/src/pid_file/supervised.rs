//! The PID file of a supervised daemon: the supervisor keeps it, and every run inherits its lock.
//!
//! It names the run, and between runs the supervisor. Bytes 1 and up show how far the daemon is: the
//! supervisor gives one more of them back at each change, see
//! [`ByteRange`](crate::sys::lock::ByteRange).

use std::cell::Cell;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::locked::{CONTENT_MAX, PidFile};
use crate::error::Error;
use crate::files::is_same_file;
use crate::lock;

/// A PID file whose locks this process shares with the run.
#[derive(Debug)]
pub(crate) struct SupervisedFile {
    pid_file: PidFile,
    /// The lowest byte that is still locked, but byte 0.
    lowest: i64,
    /// The length of the content that the next run replaces.
    length: u64,
}

impl SupervisedFile {
    /// From the descriptions that the launcher has handed over.
    pub(crate) fn new(file: File, bring_up: File, path: PathBuf) -> Self {
        Self {
            pid_file: PidFile {
                file,
                bring_up,
                path,
                is_left: Cell::default(),
            },
            lowest: 1,
            length: 0,
        }
    }

    pub(crate) fn pid_file(&self) -> &PidFile {
        &self.pid_file
    }

    pub(crate) fn path(&self) -> &Path {
        self.pid_file.path()
    }

    /// The length of the content that the pid of the next run replaces.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Whether it is still at its path.
    pub(crate) fn is_in_place(&self) -> bool {
        let file = self.pid_file.file.metadata();
        file.is_ok_and(|file| is_same_file(self.path(), &file))
    }

    /// The run is ready.
    pub(crate) fn mark_up(&mut self) {
        self.give_back_to_parity(0);
    }

    /// There is no run that is ready, and the next one is due after this delay.
    pub(crate) fn mark_down(&mut self, delay: Duration) {
        // In this order: what is due is told only together with an odd byte.
        lock::stamp_due(&self.pid_file.bring_up, delay);
        self.give_back_to_parity(1);
    }

    fn give_back_to_parity(&mut self, parity: i64) {
        if self.lowest % 2 == parity {
            return;
        }
        self.lowest += 1;
        let _ = lock::unlock_below(&self.pid_file.bring_up, self.lowest);
    }

    /// Names this process. One write covers what stood there, padded with newlines.
    pub(crate) fn name_supervisor(&mut self) {
        let line = format!("{}\n", std::process::id());
        let file = &self.pid_file.file;
        let old_length = file.metadata().map(|file| file.len());
        let old_length = old_length.ok().and_then(|it| usize::try_from(it).ok());
        // No run writes more.
        let old_length = old_length.unwrap_or(CONTENT_MAX).min(CONTENT_MAX);
        let padded = format!("{line:\n<old_length$}");
        let is_written = file.write_all_at(padded.as_bytes(), 0).is_ok();
        let length = if is_written { line.len() } else { CONTENT_MAX };
        self.length = u64::try_from(length).unwrap_or(u64::MAX);
        // Truncating costs more than all the rest on some file systems.
        if is_written && padded.len() > line.len() {
            file.set_len(self.length).ok();
        }
    }

    /// There is no run any more, and there will be none.
    pub(crate) fn empty(&mut self) {
        self.pid_file.file.set_len(0).ok();
        self.length = 0;
    }

    /// Removes the file and lets go of the locks, with the error of a first run that has failed.
    pub(crate) fn remove(self, error: Option<&Error>) {
        match error {
            Some(error) => self.pid_file.fail(error),
            None => self.pid_file.remove(),
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use nix::fcntl::{FcntlArg, SealFlag, fcntl};
    use nix::sys::memfd::{MFdFlags, memfd_create};

    use super::*;

    #[test]
    fn pid_of_the_same_length_is_not_truncated() {
        let content = memfd_create(c"pid", MFdFlags::MFD_ALLOW_SEALING).map(File::from);
        let content = content.unwrap();
        let own = format!("{}\n", std::process::id());
        content
            .write_all_at("9".repeat(own.len()).as_bytes(), 0)
            .unwrap();
        fcntl(&content, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK)).unwrap();
        let (file, bring_up) = (content.try_clone().unwrap(), content.try_clone().unwrap());
        let mut file = SupervisedFile::new(file, bring_up, PathBuf::from("pid"));
        file.name_supervisor();
        let mut line = vec![0; 20];
        let length = content.read_at(&mut line, 0).unwrap();
        assert_eq!(line.get(..length), Some(own.as_bytes()));
        assert_eq!(file.length(), own.len() as u64);
    }
}
