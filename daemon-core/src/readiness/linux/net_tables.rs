//! The sockets of a network namespace, as `/proc/PID/net` lists them, see `proc_pid_net(5)`.
//!
//! They stand in where a filter denies `pidfd_getfd(2)` or the kernel lacks it. To list all sockets
//! takes the kernel some 10 milliseconds on a machine with much memory.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::str;

use super::socket_state::{LastWord, LocalAddress, SocketState};
use crate::number;
use crate::sys::read;
use crate::unix_address::UnixAddress;

/// What the sockets are doing, by their inodes.
#[derive(Debug)]
pub(super) struct SocketTable(Vec<(u64, SocketState)>);

impl SocketTable {
    pub(super) fn get(&self, inode: u64) -> Option<&SocketState> {
        let found = self.0.iter().find(|(other, _)| *other == inode);
        found.map(|(_, state)| state)
    }
}

type ParseRow = fn(&[u8]) -> Option<(u64, SocketState)>;

/// TCP and UDP. An unreadable table has no sockets.
pub(super) fn read(net: &Path) -> SocketTable {
    read_with(
        net,
        &[
            ("tcp", parse_tcp),
            ("tcp6", parse_tcp),
            ("udp", parse_udp),
            ("udp6", parse_udp),
        ],
    )
}

/// Unix sockets. Any user can make rows in this table: it shows the names of sockets as they are, with
/// newlines.
pub(super) fn read_unix(net: &Path) -> SocketTable {
    read_with(net, &[("unix", parse_unix)])
}

fn read_with(net: &Path, parsers: &[(&str, ParseRow)]) -> SocketTable {
    let mut sockets = Vec::new();
    for (file, parse) in parsers {
        let table = read::content(&net.join(file)).unwrap_or_default();
        for row in table.split(|&byte| byte == b'\n').skip(1) {
            sockets.extend(parse(row));
        }
    }
    SocketTable(sockets)
}

fn parse_tcp(row: &[u8]) -> Option<(u64, SocketState)> {
    let row = parse_internet_row(row)?;
    let state = match row.state {
        0x0a => SocketState::Listening(LocalAddress::Ip(row.local)),
        0x02 => SocketState::Connecting,
        0x01 | 0x08 => SocketState::Connected(LastWord::Unclear, row.local.port()),
        _ => SocketState::Other,
    };
    Some((row.inode, state))
}

fn parse_udp(row: &[u8]) -> Option<(u64, SocketState)> {
    /// `TCP_CLOSE` in the kernel's words, which UDP borrows.
    const UNCONNECTED: u8 = 0x07;
    let row = parse_internet_row(row)?;
    let state = match row.state {
        UNCONNECTED => SocketState::Bound(row.local),
        _ => SocketState::Other,
    };
    Some((row.inode, state))
}

struct InternetRow {
    local: SocketAddr,
    state: u8,
    inode: u64,
}

/// `sl local_address rem_address st queues timer retrnsmt uid timeout inode ...`
fn parse_internet_row(row: &[u8]) -> Option<InternetRow> {
    let mut fields = str::from_utf8(row).ok()?.split_ascii_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    let inode = fields.nth(5)?;
    let (address, port) = local.rsplit_once(':')?;
    let port = number::parse(port, 16)?;
    Some(InternetRow {
        local: SocketAddr::new(parse_ip_address(address)?, port),
        state: number::parse(state, 16)?,
        inode: number::parse(inode, 10)?,
    })
}

/// Words of 32 bits in hexadecimal, each in the byte order of this machine.
fn parse_ip_address(text: &str) -> Option<IpAddr> {
    let word = |index: usize| number::parse::<u32>(text.get(index * 8..index * 8 + 8)?, 16);
    if text.len() == 8 {
        return Some(Ipv4Addr::from(word(0)?.to_ne_bytes()).into());
    }
    let mut bytes = [0; 16];
    for (index, part) in bytes.chunks_exact_mut(4).enumerate() {
        part.copy_from_slice(&word(index)?.to_ne_bytes());
    }
    Some(Ipv6Addr::from(bytes).into())
}

/// `Num RefCount Protocol Flags Type St Inode Path`
fn parse_unix(row: &[u8]) -> Option<(u64, SocketState)> {
    const ACCEPTS_CONNECTIONS: u32 = 0x10000;
    const CONNECTED: &[u8] = b"03";
    // Only the path may be something else than UTF-8, or hold spaces.
    let mut rest = row;
    let mut next = || {
        rest = rest.trim_ascii_start();
        let end = rest
            .iter()
            .position(|&byte| byte == b' ')
            .unwrap_or(rest.len());
        let (field, after) = rest.split_at(end);
        rest = after;
        field
    };
    let mut fields = [&row[..0]; 7];
    for field in &mut fields {
        *field = next();
    }
    let [_, _, _, flags, _, state, inode] = fields;
    let flags: u32 = number::parse(str::from_utf8(flags).ok()?, 16)?;
    let inode = number::parse(str::from_utf8(inode).ok()?, 10)?;
    let path = rest.strip_prefix(b" ").unwrap_or_default();
    let state = if flags & ACCEPTS_CONNECTIONS != 0 {
        SocketState::Listening(LocalAddress::Unix(unix_address(path)))
    } else if state == CONNECTED {
        SocketState::UnixPeer(None)
    } else {
        SocketState::Other
    };
    Some((inode, state))
}

fn unix_address(path: &[u8]) -> UnixAddress {
    UnixAddress::from_path(OsStr::from_bytes(path).into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use super::*;

    use std::fs;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::UnixListener;

    fn inode(descriptor: &impl std::os::fd::AsRawFd) -> u64 {
        let link = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
        let link = fs::read_link(link).unwrap().to_string_lossy().into_owned();
        let inode = link.strip_prefix("socket:[").unwrap();
        inode.strip_suffix(']').unwrap().parse().unwrap()
    }

    #[test]
    fn sockets_of_this_process_are_found() {
        let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(v4.local_addr().unwrap()).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let path = std::env::temp_dir().join(format!("net tables {}", std::process::id()));
        let unix = UnixListener::bind(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let net = Path::new("/proc/self/net");
        let (sockets, unix_sockets) = (read(net), read_unix(net));
        let state = |inode| sockets.get(inode).or(unix_sockets.get(inode)).unwrap();
        let v4_address = LocalAddress::Ip(v4.local_addr().unwrap());
        assert_eq!(state(inode(&v4)), &SocketState::Listening(v4_address));
        assert_eq!(
            state(inode(&client)),
            &SocketState::Connected(LastWord::Unclear, client.local_addr().unwrap().port())
        );
        assert_eq!(
            state(inode(&udp)),
            &SocketState::Bound(udp.local_addr().unwrap())
        );
        let unix_address = LocalAddress::Unix(UnixAddress::Path(path));
        assert_eq!(state(inode(&unix)), &SocketState::Listening(unix_address));
    }

    #[test]
    fn ipv6_addresses_are_read() {
        let row =
            b"  0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 \
            0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100 0 0 10 0";
        let Some((inode, SocketState::Listening(LocalAddress::Ip(address)))) = parse_tcp(row)
        else {
            unreachable!("a listener");
        };
        let expected = if cfg!(target_endian = "little") {
            "[::1]:8080"
        } else {
            "[::100:0]:8080"
        };
        assert_eq!((inode, address.to_string().as_str()), (4711, expected));
    }

    #[test]
    fn broken_rows_are_no_sockets() {
        for row in [
            "",
            "x",
            "0: 0:0 0:0 0A",
            "0: 0100007F:zz 0:0 0A 0 0 0 0 0 1",
        ] {
            assert!(parse_tcp(row.as_bytes()).is_none(), "{row}");
        }
        for row in [
            "",
            "x",
            "0000: 00000002 00000000 00010000 0001 01",
            "0: 2 0 x 1 01 7",
        ] {
            assert!(parse_unix(row.as_bytes()).is_none(), "{row}");
        }
    }
}
