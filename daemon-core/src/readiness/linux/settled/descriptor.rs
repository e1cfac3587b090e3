//! What is behind the descriptors that a thread waits for.

use std::fs;
use std::os::fd::{AsFd, RawFd};
use std::time::Duration;

use nix::unistd::Pid;

use super::call::Descriptors;
use super::snapshot::WakeSource;
use crate::number;
use crate::readiness::platform::peer_socket::{PeerSockets, parse_socket_link};
use crate::readiness::platform::process_tree::Task;
use crate::readiness::platform::socket_state::{LastWord, LocalAddress, SocketState};
use crate::readiness::platform::thread_state::has_ended;
use crate::sys::{self, socket};

/// An epoll set may hold another; the launcher looks no deeper than this.
const EPOLL_DEPTH_MAX: u32 = 2;
const EPOLL_SET_MAX: usize = 256;

/// Ports that only a privileged program can bind: a UDP socket there waits for clients. Resolvers
/// and clients of any kind have one on a random port.
const PRIVILEGED_PORTS: std::ops::Range<u16> = 1..1024;

/// What one wait is for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Awaited {
    pub(super) sources: Vec<WakeSource>,
    /// The socket from which the call reads has this timeout.
    pub(super) receive_timeout: Option<Duration>,
    /// A timer in the set expires after this time.
    pub(super) timer: Option<Duration>,
}

/// The descriptors of a process, by one of its tasks.
#[derive(Debug)]
pub(super) struct DescriptorTable<'a> {
    pub(super) task: &'a Task,
    pub(super) sockets: &'a mut PeerSockets,
    /// The daemon and its descendants: a Unix socket that leads to one of these leads nowhere else.
    pub(super) family: &'a [Pid],
}

impl DescriptorTable<'_> {
    pub(super) fn awaited(&mut self, descriptors: &Descriptors) -> Awaited {
        let mut awaited = Awaited::default();
        match descriptors {
            Descriptors::Set(set) => {
                for descriptor in set {
                    self.add(*descriptor, None, &mut awaited, 0);
                }
            }
            Descriptors::Read(descriptor) => {
                // Only sockets are duplicated: to close the duplicate of another file may block.
                if self
                    .link(*descriptor)
                    .is_some_and(|link| link.starts_with("socket:"))
                {
                    let copy = self.sockets.duplicate(self.task.id, *descriptor);
                    awaited.receive_timeout = copy
                        .ok()
                        .and_then(|copy| socket::receive_timeout(copy.as_fd()));
                }
                self.add(*descriptor, None, &mut awaited, 0);
            }
            Descriptors::Unknown => awaited.sources.push(WakeSource::Unclear),
        }
        awaited
    }

    /// Adds a descriptor; one that was put into an epoll set has the inode of the file it was then.
    fn add(&mut self, descriptor: RawFd, inode: Option<u64>, awaited: &mut Awaited, depth: u32) {
        let link = match fs::read_link(self.task.directory.join(format!("fd/{descriptor}"))) {
            Ok(link) => link,
            // A member of the set was closed in between. What the call itself waits for is there, in a
            // table that is not shown: the thread has its own.
            Err(error) if inode.is_some() && has_ended(&error) => return,
            Err(_) => return awaited.sources.push(WakeSource::Unclear),
        };
        let link = link.to_string_lossy();
        let source = match &*link {
            "anon_inode:[eventpoll]" => return self.add_set(descriptor, awaited, depth + 1),
            "anon_inode:[timerfd]" => {
                let timer = self.details(descriptor).and_then(|text| parse_timer(&text));
                awaited.timer = earlier(awaited.timer, timer);
                WakeSource::Internal
            }
            link => match parse_socket_link(link) {
                // The program has closed the descriptor, which names another file by now.
                Some(socket) if inode.is_some_and(|inode| inode != socket) => return,
                Some(socket) => match self.sockets.state(self.task, descriptor, socket) {
                    Some(state) => self.source(&state),
                    None => WakeSource::Unclear,
                },
                None => source_of_file(link),
            },
        };
        awaited.sources.push(source);
    }

    fn add_set(&mut self, set: RawFd, awaited: &mut Awaited, depth: u32) {
        if depth > EPOLL_DEPTH_MAX {
            return awaited.sources.push(WakeSource::Unclear);
        }
        let Some(details) = self.details(set) else {
            return awaited.sources.push(WakeSource::Unclear);
        };
        let mut left = EPOLL_SET_MAX;
        for line in details.lines() {
            let Some(entry) = parse_epoll_entry(line) else {
                continue;
            };
            if left == 0 {
                return awaited.sources.push(WakeSource::Unclear);
            }
            left -= 1;
            if entry.is_armed {
                self.add(entry.descriptor, Some(entry.inode), awaited, depth);
            }
        }
    }

    fn source(&self, state: &SocketState) -> WakeSource {
        match state {
            SocketState::Listening(LocalAddress::Ip(address)) => WakeSource::Server(address.port()),
            SocketState::Listening(_) => WakeSource::Server(0),
            SocketState::Bound(address) if PRIVILEGED_PORTS.contains(&address.port()) => {
                WakeSource::Server(0)
            }
            SocketState::Connecting => WakeSource::Connecting,
            SocketState::Connected(LastWord::Ours, port) => WakeSource::AwaitingReply(*port),
            SocketState::Connected(LastWord::Neither, port) => WakeSource::Unspoken(*port),
            SocketState::Connected(LastWord::Unclear, _) => WakeSource::Unclear,
            SocketState::UnixPeer(Some(peer)) if self.family.contains(peer) => WakeSource::Internal,
            SocketState::UnixPeer(_) => WakeSource::UnixPeer,
            SocketState::Connected(LastWord::Theirs, _) => WakeSource::Answered,
            SocketState::Bound(_) | SocketState::Other => WakeSource::Other,
        }
    }

    fn link(&self, descriptor: RawFd) -> Option<String> {
        let link = fs::read_link(self.task.directory.join(format!("fd/{descriptor}"))).ok()?;
        link.into_os_string().into_string().ok()
    }

    fn details(&self, descriptor: RawFd) -> Option<String> {
        let path = self.task.directory.join(format!("fdinfo/{descriptor}"));
        sys::read::text(&path).ok()
    }
}

/// The shorter of two times, as far as there are any.
pub(super) fn earlier(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}

/// By what `/proc/PID/fd` names a file that is no socket.
fn source_of_file(link: &str) -> WakeSource {
    match link {
        "anon_inode:[eventfd]" | "anon_inode:[signalfd]" => WakeSource::Internal,
        "anon_inode:inotify" => WakeSource::Files,
        // No file shows its connections and timers.
        "anon_inode:[io_uring]" => WakeSource::Unclear,
        _ => WakeSource::Other,
    }
}

/// One line of the fdinfo of an epoll set, see `proc_pid_fdinfo(5)`.
#[derive(Debug, PartialEq, Eq)]
struct EpollEntry {
    descriptor: RawFd,
    inode: u64,
    /// False when it is registered for no event, or a one-shot registration has been used up.
    is_armed: bool,
}

/// `tfd:        5 events:       19 data:                5  pos:0 ino:2042 sdev:8`
fn parse_epoll_entry(line: &str) -> Option<EpollEntry> {
    /// What the kernel reports in any case, and what is no event.
    const NO_EVENTS: i32 = libc::EPOLLERR
        | libc::EPOLLHUP
        | libc::EPOLLET
        | libc::EPOLLONESHOT
        | libc::EPOLLEXCLUSIVE
        | libc::EPOLLWAKEUP;
    let mut words = line.strip_prefix("tfd:")?.split_ascii_whitespace();
    let descriptor = number::parse(words.next()?, 10)?;
    let mut rest = words.skip_while(|word| *word != "events:");
    let events: u32 = number::parse(rest.nth(1)?, 16)?;
    let inode = rest.find_map(|word| word.strip_prefix("ino:"))?;
    Some(EpollEntry {
        descriptor,
        inode: number::parse(inode, 16)?,
        is_armed: events & !u32::from_ne_bytes(NO_EVENTS.to_ne_bytes()) != 0,
    })
}

/// How long a timerfd runs yet: `it_value: (0, 49406829)`; zero when it is not armed.
fn parse_timer(details: &str) -> Option<Duration> {
    let value = details
        .lines()
        .find_map(|line| line.strip_prefix("it_value: ("))?;
    let (seconds, nanoseconds) = value.strip_suffix(')')?.split_once(',')?;
    let nanoseconds = nanoseconds.strip_prefix(' ')?;
    let left = Duration::new(number::parse(seconds, 10)?, number::parse(nanoseconds, 10)?);
    (!left.is_zero()).then_some(left)
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by panic"
)]
mod tests;
