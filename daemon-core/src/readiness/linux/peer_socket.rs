//! A socket of another process, seen through a duplicate of its descriptor.
//!
//! The tables in `/proc/PID/net` take the kernel milliseconds where there is much memory, and do not
//! tell which side of a connection spoke last. The duplicate lives for some microseconds; as long as
//! it does, a close by its owner is not complete.

use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;

use nix::errno::Errno;
use nix::unistd::Pid;

use super::net_tables;
use super::process_tree::Task;
use super::socket_file;
use super::socket_state::{LastWord, LocalAddress, SocketState};
use crate::number;
use crate::sys::{process, socket};
use crate::unix_address::UnixAddress;

/// `socket:[12345]`, as `/proc/PID/fd` names a socket by its inode.
pub(super) fn parse_socket_link(link: &str) -> Option<u64> {
    number::parse(link.strip_prefix("socket:[")?.strip_suffix(']')?, 10)
}

/// The sockets of the processes of one tree.
#[derive(Debug, Default)]
pub(super) struct PeerSockets {
    pidfds: Vec<(Pid, Result<OwnedFd, Errno>)>,
    /// Read when the first socket needs them.
    tables: Option<net_tables::SocketTable>,
    unix_table: Option<net_tables::SocketTable>,
    /// Whether the kernel tells of a single Unix socket.
    tells_of_unix: Option<bool>,
}

impl PeerSockets {
    /// Forgets what does not belong to these processes, and what may have changed.
    pub(super) fn begin_look(&mut self, pids: &[Pid]) {
        self.pidfds.retain(|(pid, _)| pids.contains(pid));
        self.tables = None;
        self.unix_table = None;
    }

    /// A duplicate of a descriptor of a task, where the kernel has `pidfd_getfd(2)` and allows it.
    pub(super) fn duplicate(&mut self, task: Pid, descriptor: RawFd) -> Result<OwnedFd, Errno> {
        let known = self.pidfds.iter().position(|(known, _)| *known == task);
        let index = known.unwrap_or_else(|| {
            let pidfd = process::open(task).or_else(|_| process::open_task(task));
            self.pidfds.push((task, pidfd));
            self.pidfds.len() - 1
        });
        let pidfd = self.pidfds[index].1.as_ref().map_err(|errno| *errno)?;
        process::duplicate(pidfd.as_fd(), descriptor)
    }

    /// What the socket with this inode is doing; `None` when its task has closed it.
    pub(super) fn state(
        &mut self,
        task: &Task,
        descriptor: RawFd,
        inode: u64,
    ) -> Option<SocketState> {
        match self.duplicate(task.id, descriptor) {
            Ok(socket) => Some(state_of(socket)),
            Err(Errno::EBADF | Errno::ESRCH) => None,
            Err(_) => self.state_in_tables(task, inode),
        }
    }

    fn state_in_tables(&mut self, task: &Task, inode: u64) -> Option<SocketState> {
        let net = task.directory.join("net");
        let tables = self.tables.get_or_insert_with(|| net_tables::read(&net));
        if let Some(state) = tables.get(inode) {
            return Some(state.clone());
        }
        // Another user could make a row for it in the table of Unix sockets.
        if let Ok(state) = socket_file::state_of(inode) {
            return Some(state);
        }
        let tells_of_unix = self
            .tells_of_unix
            .get_or_insert_with(socket_file::is_answered);
        if *tells_of_unix && is_in_this_network(task) {
            return None;
        }
        let table = self
            .unix_table
            .get_or_insert_with(|| net_tables::read_unix(&net));
        table.get(inode).cloned()
    }
}

/// Whether its network namespace is that of this process, as far as that can be seen.
fn is_in_this_network(task: &Task) -> bool {
    let theirs = fs::read_link(task.directory.join("ns/net"));
    let ours = fs::read_link("/proc/thread-self/ns/net");
    theirs
        .ok()
        .zip(ours.ok())
        .is_none_or(|(theirs, ours)| theirs == ours)
}

/// What this socket is doing.
pub(super) fn state_of(socket: OwnedFd) -> SocketState {
    let option = |name| socket::int_option(socket.as_fd(), name).ok();
    let domain = option(libc::SO_DOMAIN);
    // In this order: listen(2), which may come in between, sets the peer of a Unix socket too.
    let unix = (domain == Some(libc::AF_UNIX)).then(|| state_of_unix(&socket));
    if option(libc::SO_ACCEPTCONN).is_some_and(|it| it != 0) {
        return SocketState::Listening(local_address(socket, domain));
    }
    if let Some(state) = unix {
        return state;
    }
    let kind = option(libc::SO_TYPE);
    match (domain, kind) {
        (Some(libc::AF_INET | libc::AF_INET6), Some(libc::SOCK_STREAM)) => {
            state_of_tcp(&TcpStream::from(socket))
        }
        (Some(libc::AF_INET | libc::AF_INET6), Some(libc::SOCK_DGRAM)) => {
            state_of_udp(&UdpSocket::from(socket))
        }
        _ => SocketState::Other,
    }
}

fn state_of_tcp(socket: &TcpStream) -> SocketState {
    const TCP_ESTABLISHED: u8 = 1;
    const TCP_SYN_SENT: u8 = 2;
    const TCP_CLOSE_WAIT: u8 = 8;
    let mut info = [0; TCP_INFO_SIZE];
    let length = socket::read_option(socket.as_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, &mut info);
    let port = || socket.local_addr().map_or(0, |address| address.port());
    match (length, info[0]) {
        // Multipath TCP has no such option before Linux 5.16.
        (Err(_), _) if socket.peer_addr().is_ok() => {
            SocketState::Connected(LastWord::Unclear, port())
        }
        (Ok(_), TCP_SYN_SENT) => SocketState::Connecting,
        (Ok(length), TCP_ESTABLISHED | TCP_CLOSE_WAIT) => {
            SocketState::Connected(last_word(&info, length), port())
        }
        _ => SocketState::Other,
    }
}

fn state_of_udp(socket: &UdpSocket) -> SocketState {
    match (socket.peer_addr(), socket.local_addr()) {
        (Err(_), Ok(address)) if address.port() != 0 => SocketState::Bound(address),
        _ => SocketState::Other,
    }
}

fn state_of_unix(socket: &OwnedFd) -> SocketState {
    // A socket that is not connected has the ids -1; a peer outside this PID namespace has pid 0.
    match socket::peer_credentials(socket.as_fd()) {
        Ok(peer) if peer.uid != u32::MAX => {
            SocketState::UnixPeer((peer.pid > 0).then(|| Pid::from_raw(peer.pid)))
        }
        _ => SocketState::Other,
    }
}

fn local_address(listener: OwnedFd, domain: Option<libc::c_int>) -> LocalAddress {
    match domain {
        Some(libc::AF_INET | libc::AF_INET6) => TcpListener::from(listener)
            .local_addr()
            .map_or(LocalAddress::Other, LocalAddress::Ip),
        Some(libc::AF_UNIX) => UnixListener::from(listener)
            .local_addr()
            .ok()
            .and_then(|address| UnixAddress::of(&address))
            .map_or(LocalAddress::Other, LocalAddress::Unix),
        _ => LocalAddress::Other,
    }
}

/// Up to `tcpi_bytes_sent`, which Linux has since 4.19.
const TCP_INFO_SIZE: usize = 208;

/// From `tcpi_last_data_sent`, `tcpi_last_data_recv`, `tcpi_bytes_received` and `tcpi_bytes_sent` of
/// the kernel's `struct tcp_info`. The first two count milliseconds in steps of the kernel's tick.
fn last_word(info: &[u8; TCP_INFO_SIZE], length: usize) -> LastWord {
    let sent_ago = u32::from_ne_bytes([info[44], info[45], info[46], info[47]]);
    let received_ago = u32::from_ne_bytes([info[52], info[53], info[54], info[55]]);
    let has_received = info[128..136] != [0; 8];
    let has_sent = info[200..208] != [0; 8];
    if length < TCP_INFO_SIZE {
        LastWord::Unclear
    } else if !has_sent && !has_received {
        LastWord::Neither
    } else if !has_sent {
        LastWord::Theirs
    } else if !has_received || sent_ago < received_ago {
        LastWord::Ours
    } else if sent_ago == received_ago {
        LastWord::Unclear
    } else {
        LastWord::Theirs
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by panic"
)]
mod tests;
