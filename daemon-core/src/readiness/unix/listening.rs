//! `ready = "listening"` where nobody can see the sockets of another process.

use std::collections::HashSet;
use std::os::fd::RawFd;
use std::time::Duration;

use nix::unistd::Pid;

/// The descriptors of the daemon are not for us to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// Nobody asks which sockets were handed over where none can be seen.
pub(crate) fn socket_inodes(_descriptors: impl IntoIterator<Item = RawFd>) -> HashSet<u64> {
    HashSet::new()
}

/// Sees nothing.
#[derive(Debug)]
pub(crate) struct Listening;

impl Listening {
    /// How often [`is_listening`](Self::is_listening) wants to be called: once is enough.
    pub(crate) const STEP: Duration = Duration::from_millis(100);

    pub(crate) fn watch(_daemon: Pid, _inherited: HashSet<u64>) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "Linux has something to look at")]
    pub(crate) fn is_listening(&mut self) -> Result<bool, Unreadable> {
        Err(Unreadable)
    }
}
