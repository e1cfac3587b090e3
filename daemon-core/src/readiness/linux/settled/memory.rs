//! The memory of another process: the arguments of a call that are behind a pointer.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use nix::unistd::Pid;

use crate::sys::process;

/// Where the bytes behind an address come from.
pub(super) trait Memory {
    /// Fills the buffer; false when the launcher cannot read the memory.
    fn read(&self, address: u64, buffer: &mut [u8]) -> bool;

    /// Two 64-bit words, as in a `struct timespec`.
    fn read_pair(&self, address: u64) -> Option<(i64, i64)> {
        let mut buffer = [0; 16];
        self.read(address, &mut buffer)
            .then(|| (word(&buffer[..8]), word(&buffer[8..])))
    }
}

fn word(bytes: &[u8]) -> i64 {
    bytes.try_into().map_or(0, i64::from_ne_bytes)
}

/// The memory of a running process.
#[derive(Debug)]
pub(super) struct ProcessMemory<'a> {
    pub(super) pid: Pid,
    pub(super) directory: &'a Path,
}

impl Memory for ProcessMemory<'_> {
    fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        // A kernel may lack the call, or a filter deny it.
        process::read_memory(self.pid, address, buffer) == Ok(buffer.len())
            || File::open(self.directory.join("mem"))
                .and_then(|memory| memory.read_exact_at(buffer, address))
                .is_ok()
    }
}
