//! A Unix socket of another process, and the file that it is bound to, see `sock_diag(7)`.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use nix::errno::Errno;

use super::socket_state::{LocalAddress, SocketState};
use crate::sys;
use crate::sys::socket::{new, receive, send};
use crate::unix_address::UnixAddress;

/// `struct nlmsghdr`.
const HEADER_SIZE: usize = 16;

/// `struct unix_diag_msg`, which the attributes follow.
const MESSAGE_SIZE: usize = 16;

const SOCK_DIAG_BY_FAMILY: u16 = 20;

const SHOW_NAME: u32 = 1;
const SHOW_FILE: u32 = 2;

/// What the kernel tells of a socket.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    state: u8,
    /// As in `struct sockaddr_un`.
    name: Option<Vec<u8>>,
    /// The lower half of an inode.
    file: Option<u32>,
}

/// The lower half of the inode of the file that the socket with this inode is bound to.
///
/// The path that a process has bound may be relative to a directory that it has left.
pub(super) fn inode_of_file(socket_inode: u64) -> Result<u32, Errno> {
    ask(socket_inode, SHOW_FILE)?.file.ok_or(Errno::ENOENT)
}

/// What the Unix socket with this inode is doing.
///
/// # Errors
///
/// `ENOENT`: there is none in this network namespace, or the kernel does not answer such questions.
pub(super) fn state_of(socket_inode: u64) -> Result<SocketState, Errno> {
    const ESTABLISHED: u8 = 1;
    const LISTEN: u8 = 10;
    let answer = ask(socket_inode, SHOW_NAME)?;
    Ok(match answer.state {
        LISTEN => SocketState::Listening(answer.name.map_or(LocalAddress::Other, |name| {
            LocalAddress::Unix(address(&name))
        })),
        ESTABLISHED => SocketState::UnixPeer(None),
        _ => SocketState::Other,
    })
}

/// Whether the kernel tells of Unix sockets: it is asked for one of this process.
pub(super) fn is_answered() -> bool {
    let own = sys::socket::pair().ok();
    let inode = own.and_then(|(socket, other)| {
        let file = sys::descriptors::metadata(socket.as_raw_fd()).ok()?;
        Some((file.ino(), socket, other))
    });
    inode.is_some_and(|(inode, ..)| ask(inode, 0).is_ok())
}

fn address(name: &[u8]) -> UnixAddress {
    match name {
        [0, name @ ..] => UnixAddress::Abstract(name.to_vec()),
        name => {
            let path = name.strip_suffix(b"\0").unwrap_or(name);
            UnixAddress::Path(OsStr::from_bytes(path).into())
        }
    }
}

fn ask(socket_inode: u64, show: u32) -> Result<Answer, Errno> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
    let kernel = new(libc::AF_NETLINK, kind, libc::NETLINK_SOCK_DIAG)?;
    let flags = libc::MSG_DONTWAIT;
    send(kernel.as_fd(), &request(socket_inode, show), flags)?;
    let mut answer = [0; 512];
    let length = receive(kernel.as_fd(), &mut answer, flags)?;
    parse(&answer[..length]).ok_or(Errno::ENOENT)
}

/// `struct unix_diag_req` behind its header.
fn request(socket_inode: u64, show: u32) -> Vec<u8> {
    const NLM_F_REQUEST: u16 = 1;
    /// Of any state, and with any cookie.
    const ANY: [u8; 4] = [0xff; 4];
    const SIZE: u32 = 40;
    let [family, ..] = libc::AF_UNIX.to_le_bytes();
    let [a, b, c, d, ..] = socket_inode.to_le_bytes();
    let inode = u32::from_le_bytes([a, b, c, d]);
    let mut request = Vec::new();
    request.extend(SIZE.to_ne_bytes());
    request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend(NLM_F_REQUEST.to_ne_bytes());
    request.extend([0; 8]);
    request.extend([family, 0, 0, 0]);
    request.extend(ANY);
    request.extend(inode.to_ne_bytes());
    request.extend(show.to_ne_bytes());
    request.extend([ANY, ANY].concat());
    request
}

fn parse(answer: &[u8]) -> Option<Answer> {
    const UNIX_DIAG_NAME: u16 = 0;
    const UNIX_DIAG_VFS: u16 = 1;
    const ATTRIBUTE_HEADER_SIZE: usize = 4;
    /// In the message: after the family and the type.
    const STATE: usize = HEADER_SIZE + 2;
    let short = |bytes: &[u8]| Some(u16::from_ne_bytes(*bytes.first_chunk()?));
    if short(answer.get(4..)?)? != SOCK_DIAG_BY_FAMILY {
        return None;
    }
    let mut told = Answer {
        state: *answer.get(STATE)?,
        ..Answer::default()
    };
    let mut rest = answer.get(HEADER_SIZE + MESSAGE_SIZE..)?;
    while let (Some(length), Some(kind)) = (short(rest), rest.get(2..).and_then(short)) {
        let length = usize::from(length).max(ATTRIBUTE_HEADER_SIZE);
        let value = rest.get(ATTRIBUTE_HEADER_SIZE..length)?;
        match kind {
            UNIX_DIAG_NAME => told.name = Some(value.to_vec()),
            UNIX_DIAG_VFS => told.file = Some(u32::from_ne_bytes(*value.first_chunk()?)),
            _ => {}
        }
        // Of four bytes each; the last one may be shorter.
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(told)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use super::*;

    use std::fs;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::UnixListener;

    use crate::readiness::platform::peer_socket::parse_socket_link;

    #[test]
    fn file_of_a_socket_is_found() {
        let path = std::env::temp_dir().join(format!("daemon-file-{}", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        let link = fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd())).unwrap();
        let socket_inode = parse_socket_link(link.to_str().unwrap()).unwrap();
        let file = fs::metadata(&path).unwrap().ino();
        fs::remove_file(&path).unwrap();
        let found = inode_of_file(socket_inode);
        // A kernel may be built without.
        if found != Err(Errno::ENOENT) && found != Err(Errno::EPROTONOSUPPORT) {
            assert_eq!(found.map(u64::from), Ok(file & u64::from(u32::MAX)));
        }
    }

    #[test]
    fn error_has_no_inode() {
        let mut answer = [0; 36];
        answer[4] = 2;
        assert_eq!(parse(&answer), None);
        assert_eq!(parse(&[]), None);
    }
}
