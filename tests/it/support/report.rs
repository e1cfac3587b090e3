//! The report of the program `report`. The program writes it, the tests read it.

use serde::{Deserialize, Serialize};

/// Everything a process can see of its own start. Byte strings stay bytes: nothing here may assume
/// that an argument or a path is UTF-8.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Report {
    pub(crate) pid: i32,
    pub(crate) ppid: i32,
    pub(crate) pgid: i32,
    pub(crate) sid: i32,
    /// The device fd of the controlling terminal; 0 is none.
    pub(crate) tty: i32,
    pub(crate) comm: Vec<u8>,
    pub(crate) threads: usize,

    pub(crate) arguments: Vec<Vec<u8>>,
    pub(crate) environment: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) cwd: Vec<u8>,
    pub(crate) umask: u32,
    pub(crate) descriptors: Vec<Descriptor>,

    pub(crate) signals: Signals,
    /// Real, effective, saved, file system.
    pub(crate) uids: Vec<u32>,
    pub(crate) gids: Vec<u32>,
    pub(crate) groups: Vec<u32>,

    pub(crate) exe: Vec<u8>,
    /// Device and inode of the image.
    pub(crate) image: (u64, u64),

    pub(crate) is_daemon: bool,
    pub(crate) start_dir: Option<Vec<u8>>,
    pub(crate) pid_file: Option<Vec<u8>>,
    pub(crate) log_file: Option<Vec<u8>>,
}

/// An open descriptor.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Descriptor {
    pub(crate) fd: i32,
    /// What the link in `/proc/self/fd` reads.
    pub(crate) target: Vec<u8>,
    /// As `open(2)` knows them, with `O_CLOEXEC`.
    pub(crate) flags: i32,
    /// Device and inode.
    pub(crate) file: (u64, u64),
}

/// Signal sets as in `/proc/self/status`: bit N-1 is signal N.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Signals {
    pub(crate) blocked: u64,
    pub(crate) ignored: u64,
    pub(crate) caught: u64,
    pub(crate) pending: u64,
}

impl Report {
    pub(crate) fn descriptor(&self, fd: i32) -> Option<&Descriptor> {
        self.descriptors.iter().find(|open| open.fd == fd)
    }

    /// Without the socket of the hand-off, which stays open in a daemon.
    pub(crate) fn descriptors_above_two(&self) -> Vec<Descriptor> {
        let handoff = self.handoff().map(|open| open.fd);
        let above = self.descriptors.iter().filter(|open| open.fd > 2);
        let above = above.filter(|open| Some(open.fd) != handoff);
        above.cloned().collect()
    }

    /// The socket of the hand-off, which an exec closes.
    pub(crate) fn handoff(&self) -> Option<&Descriptor> {
        let is_closed_by_exec = |open: &&Descriptor| open.flags & libc::O_CLOEXEC != 0;
        let mut sockets = self
            .descriptors
            .iter()
            .filter(|open| self.is_daemon && open.target.starts_with(b"socket:"));
        sockets.find(is_closed_by_exec)
    }

    pub(crate) fn variable(&self, name: &str) -> Option<&[u8]> {
        let mut variables = self.environment.iter();
        let (_, value) = variables.find(|(key, _)| key == name.as_bytes())?;
        Some(value)
    }
}
