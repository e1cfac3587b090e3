//! The file that a Unix socket of another process is bound to, see `sock_diag(7)`.

use std::os::fd::AsFd;

use nix::errno::Errno;

use crate::sys::socket::{new, receive, send};

/// `struct nlmsghdr`.
const HEADER_SIZE: usize = 16;

/// `struct unix_diag_msg`, which the attributes follow.
const MESSAGE_SIZE: usize = 16;

const SOCK_DIAG_BY_FAMILY: u16 = 20;

/// The lower half of the inode of the file that the socket with this inode is bound to.
///
/// The path that a process has bound may be relative to a directory that it has left.
pub(super) fn inode_of_file(socket_inode: u64) -> Result<u32, Errno> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
    let kernel = new(libc::AF_NETLINK, kind, libc::NETLINK_SOCK_DIAG)?;
    let flags = libc::MSG_DONTWAIT;
    send(kernel.as_fd(), &request(socket_inode), flags)?;
    let mut answer = [0; 512];
    let length = receive(kernel.as_fd(), &mut answer, flags)?;
    parse(&answer[..length]).ok_or(Errno::ENOENT)
}

/// `struct unix_diag_req` behind its header.
fn request(socket_inode: u64) -> Vec<u8> {
    const NLM_F_REQUEST: u16 = 1;
    const UDIAG_SHOW_VFS: u32 = 2;
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
    request.extend(UDIAG_SHOW_VFS.to_ne_bytes());
    request.extend([ANY, ANY].concat());
    request
}

fn parse(answer: &[u8]) -> Option<u32> {
    const UNIX_DIAG_VFS: u16 = 1;
    const ATTRIBUTE_HEADER_SIZE: usize = 4;
    let short = |bytes: &[u8]| Some(u16::from_ne_bytes(*bytes.first_chunk()?));
    if short(answer.get(4..)?)? != SOCK_DIAG_BY_FAMILY {
        return None;
    }
    let mut rest = answer.get(HEADER_SIZE + MESSAGE_SIZE..)?;
    loop {
        let length = usize::from(short(rest)?);
        if short(rest.get(2..)?)? == UNIX_DIAG_VFS {
            let inode = rest.get(ATTRIBUTE_HEADER_SIZE..)?;
            return Some(u32::from_ne_bytes(*inode.first_chunk()?));
        }
        // Of four bytes each.
        rest = rest.get(length.max(ATTRIBUTE_HEADER_SIZE).next_multiple_of(4)..)?;
    }
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
