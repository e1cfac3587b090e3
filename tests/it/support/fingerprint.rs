//! A file as it is now, to be compared with what it is later.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Everything that a change of the file would change.
#[derive(Debug, PartialEq)]
pub(crate) struct Fingerprint {
    inode: (u64, u64),
    mode: u32,
    /// Seconds and nanoseconds of the last change of the content, and of the inode.
    times: [(i64, i64); 2],
    content: Vec<u8>,
}

impl Fingerprint {
    pub(crate) fn of(path: &Path) -> Self {
        let file = fs::symlink_metadata(path).expect("a file");
        Self {
            inode: (file.dev(), file.ino()),
            mode: file.mode(),
            times: [
                (file.mtime(), file.mtime_nsec()),
                (file.ctime(), file.ctime_nsec()),
            ],
            content: fs::read(path).expect("a file"),
        }
    }
}
