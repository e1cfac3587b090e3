//! `ready = "listening"`: the daemon has a socket that serves.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::str;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::unistd::Pid;

use super::net_tables::{
    Counts, Extent, INTERNET_TABLES, has_unix_listener, read_counts, read_ephemeral_ports,
};
use super::thread_state::{ThreadState, has_ended, state_of};
use crate::sys::process;

/// What the quick look cannot see comes to light this late in most cases: a socket in a descriptor
/// table or a network namespace that belongs to one thread alone.
const THOROUGH_INTERVAL: Duration = Duration::from_millis(100);

/// Where there are very many threads or sockets, thorough looks take one fiftieth of the time.
const PAUSE_PER_THOROUGH_LOOK: u32 = 50;

/// A daemon with thousands of descriptors keeps the launcher busy for half of the time at most.
const PAUSE_PER_LOOK: u32 = 1;

/// The descriptors of the daemon are not for us to see: it is not dumpable, or belongs to
/// another user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// The socket inodes among these descriptors of the calling process.
pub(crate) fn socket_inodes(descriptors: impl IntoIterator<Item = RawFd>) -> HashSet<u64> {
    descriptors
        .into_iter()
        .filter_map(|descriptor| {
            let link = fs::read_link(format!("/proc/thread-self/fd/{descriptor}")).ok()?;
            parse_socket_link(&link)
        })
        .collect()
}

/// Watches a process for the moment in which it listens.
#[derive(Debug)]
pub(crate) struct Listening {
    /// If it can be seen at all.
    process: Option<PathBuf>,
    inherited: HashSet<u64>,
    ephemeral_ports: RangeInclusive<u16>,
    /// Sockets that are connected, for example; with nothing but these no table is read.
    hopeless: HashSet<u64>,
    judged: Option<Judged>,
    next_look: Option<Instant>,
    next_thorough_look: Instant,
}

/// For which sockets the tables said no, and how many there were in the tables then.
#[derive(Debug)]
struct Judged {
    sockets: HashSet<u64>,
    counts: Counts,
}

impl Listening {
    /// How often [`is_listening`](Self::is_listening) wants to be called, so that the launcher knows it
    /// within 15 ms. A look at a small program takes some 0.15 ms, 1.5 % of the time.
    pub(crate) const STEP: Duration = Duration::from_millis(10);

    /// The process must be one that nobody else waits for, so that its number stays its own. A socket
    /// that was handed over may have listened all the time: it says nothing.
    pub(crate) fn watch(pid: Pid, inherited: HashSet<u64>) -> Self {
        Self {
            process: process::directory(pid).ok(),
            inherited,
            ephemeral_ports: read_ephemeral_ports(),
            hopeless: HashSet::new(),
            judged: None,
            next_look: None,
            next_thorough_look: Instant::now() + THOROUGH_INTERVAL,
        }
    }

    /// True when a socket that the daemon made listens (TCP, or Unix), or is a UDP socket bound to a
    /// port outside the ephemeral range and not connected. A daemon that ended does not listen.
    pub(crate) fn is_listening(&mut self) -> Result<bool, Unreadable> {
        let begin = Instant::now();
        if self.next_look.is_some_and(|due| begin < due) {
            return Ok(false);
        }
        let is_found = self.look()?;
        self.next_look = Some(begin + begin.elapsed().saturating_mul(1 + PAUSE_PER_LOOK));
        if is_found || begin < self.next_thorough_look {
            return Ok(is_found);
        }
        let begin = Instant::now();
        let is_found = self.look_thoroughly();
        let pause = begin.elapsed().saturating_mul(PAUSE_PER_THOROUGH_LOOK);
        self.next_thorough_look = begin + pause.max(THOROUGH_INTERVAL);
        Ok(is_found)
    }

    /// Looks at what the first thread sees, which is nearly always what all threads see.
    ///
    /// The order counts: descriptors, numbers, tables. A socket that begins to listen behind our back is
    /// a new descriptor or a new number the next time.
    fn look(&mut self) -> Result<bool, Unreadable> {
        let mut sockets = HashSet::new();
        let process = self.process.as_deref().ok_or(Unreadable)?;
        match self.collect_sockets(process, &mut sockets) {
            Ok(()) => {}
            Err(error) if is_denied(&error) && state_of(process) != ThreadState::Ended => {
                return Err(Unreadable);
            }
            Err(_) => return Ok(false),
        }
        if sockets.is_empty() {
            return Ok(false);
        }
        let net = process.join("net");
        let counts = read_counts(&net);
        let known = self
            .judged
            .take_if(|judged| judged.sockets == sockets)
            .map(|judged| judged.counts);
        for (index, table) in INTERNET_TABLES.iter().enumerate() {
            let count = counts[index];
            let is_unchanged = count.is_some() && known.is_some_and(|known| known[index] == count);
            let count = count.map(|count| count.in_use);
            let extent = Extent::Listeners { count };
            if !is_unchanged && table.has_server(&net, &sockets, &self.ephemeral_ports, extent) {
                return Ok(true);
            }
        }
        let is_found = has_unix_listener(&net, &sockets, &mut self.hopeless);
        self.judged = Some(Judged { sockets, counts });
        Ok(is_found)
    }

    /// Looks at every descriptor of every thread, and reads the tables of each of its network
    /// namespaces to the end.
    fn look_thoroughly(&mut self) -> bool {
        let threads = |process: &PathBuf| fs::read_dir(process.join("task")).ok();
        let Some(threads) = self.process.as_ref().and_then(threads) else {
            return false;
        };
        let mut sockets = HashSet::new();
        let mut namespaces = HashSet::new();
        let mut nets = Vec::new();
        for thread in threads.flatten() {
            let thread = thread.path();
            // A thread that ended in between has nothing to show.
            self.collect_sockets(&thread, &mut sockets).ok();
            let Ok(namespace) = fs::read_link(thread.join("ns/net")) else {
                continue;
            };
            if namespaces.insert(namespace) {
                nets.push(thread.join("net"));
            }
        }
        if sockets.is_empty() {
            return false;
        }
        nets.iter().any(|net| {
            let has_server = INTERNET_TABLES.iter().any(|table| {
                table.has_server(net, &sockets, &self.ephemeral_ports, Extent::Everything)
            });
            has_server || has_unix_listener(net, &sockets, &mut self.hopeless)
        })
    }

    /// The sockets of a process or a thread, given its directory, that may come to listen.
    fn collect_sockets(&self, directory: &Path, sockets: &mut HashSet<u64>) -> io::Result<()> {
        for entry in fs::read_dir(directory.join("fd"))? {
            let link = match fs::read_link(entry?.path()) {
                Ok(link) => link,
                // Closed in between.
                Err(error) if has_ended(&error) => continue,
                Err(error) => return Err(error),
            };
            sockets.extend(
                parse_socket_link(&link).filter(|inode| {
                    !self.inherited.contains(inode) && !self.hopeless.contains(inode)
                }),
            );
        }
        Ok(())
    }
}

fn is_denied(error: &io::Error) -> bool {
    [Errno::EACCES, Errno::EPERM]
        .map(|errno| Some(errno as i32))
        .contains(&error.raw_os_error())
}

/// `socket:[12345]`
fn parse_socket_link(link: &Path) -> Option<u64> {
    let inode = link
        .as_os_str()
        .as_bytes()
        .strip_prefix(b"socket:[")?
        .strip_suffix(b"]")?;
    str::from_utf8(inode).ok()?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests;
