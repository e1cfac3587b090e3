//! The sockets of a network namespace, as `/proc/PID/net` lists them, see `proc_pid_net(5)`.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::ops::RangeInclusive;
use std::path::Path;
use std::str;

/// How far a table is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// The kernel lists TCP sockets that listen before all others. To find the first of the others it
    /// searches a hash table, which takes milliseconds on a machine with much memory, and to list
    /// them all takes a second where there are a million. Where the sockets are counted, the search
    /// can end before that: with the last one.
    Listeners { count: Option<u64> },
    /// To the end, in case the kernel is one that keeps another order.
    Everything,
}

/// Less than what follows the inode in a row. So one read ends between the inode and the end of the
/// row, and the row is judged before the kernel begins to search for the next one.
const SHORT_READ: usize = 32;
const LONG_READ: usize = 32 * 1024;

/// One of the four tables, and where the kernel counts its sockets.
pub(super) struct InternetTable {
    file: &'static str,
    statistics: &'static str,
    counter: &'static [u8],
    is_tcp: bool,
}

/// IPv6 may be missing altogether.
pub(super) const INTERNET_TABLES: [InternetTable; 4] = [
    InternetTable {
        file: "tcp",
        statistics: "sockstat",
        counter: b"TCP:",
        is_tcp: true,
    },
    InternetTable {
        file: "tcp6",
        statistics: "sockstat6",
        counter: b"TCP6:",
        is_tcp: true,
    },
    InternetTable {
        file: "udp",
        statistics: "sockstat",
        counter: b"UDP:",
        is_tcp: false,
    },
    InternetTable {
        file: "udp6",
        statistics: "sockstat6",
        counter: b"UDP6:",
        is_tcp: false,
    },
];

/// What the kernel says of each of [`INTERNET_TABLES`]; `None` where it says nothing.
pub(super) type Counts = [Option<Count>; INTERNET_TABLES.len()];

/// As long as it stays the same, no socket has begun to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    /// How many sockets the table holds.
    pub(super) in_use: u64,
    /// How many TCP sockets there are, in a table or not. Without it, a socket that is closed at the
    /// moment in which another begins to listen would hide the change.
    allocated: Option<u64>,
}

pub(super) fn read_counts(net: &Path) -> Counts {
    let read = |name| fs::read(net.join(name)).unwrap_or_default();
    let (v4, v6) = (read("sockstat"), read("sockstat6"));
    let allocated = parse_statistic(&v4, b"TCP:", "alloc");
    INTERNET_TABLES.map(|table| {
        let text = if table.statistics == "sockstat" {
            &v4
        } else {
            &v6
        };
        Some(Count {
            in_use: parse_statistic(text, table.counter, "inuse")?,
            allocated: allocated.filter(|_| table.is_tcp),
        })
    })
}

impl InternetTable {
    /// True when one of the sockets serves: listens, or for UDP, is bound to a port that nobody gets by
    /// chance and waits for whoever writes.
    pub(super) fn has_server(
        &self,
        net: &Path,
        sockets: &HashSet<u64>,
        ephemeral_ports: &RangeInclusive<u16>,
        extent: Extent,
    ) -> bool {
        let (is_short, count) = match extent {
            Extent::Listeners { count: Some(0) } => return false,
            Extent::Listeners { count } => (self.is_tcp, count),
            Extent::Everything => (false, None),
        };
        let read_size = if is_short { SHORT_READ } else { LONG_READ };
        let mut last_inode = None;
        let mut rows = 0;
        search(&net.join(self.file), read_size, |row| {
            let Some(row) = parse_internet_row(row) else {
                return Verdict::GoOn;
            };
            let is_server = if self.is_tcp {
                row.state == TCP_LISTEN
            } else {
                row.state == UDP_UNCONNECTED && !ephemeral_ports.contains(&row.port)
            };
            if is_server && sockets.contains(&row.inode) {
                return Verdict::Found;
            }
            // The same row comes again when more of it was read.
            if last_inode.replace(row.inode) != Some(row.inode) {
                rows += 1;
            }
            if is_short && (row.state != TCP_LISTEN || count == Some(rows)) {
                Verdict::GiveUp
            } else {
                Verdict::GoOn
            }
        })
    }
}

/// True when one of the sockets is a Unix socket that listens. Those that never will, since they are
/// connected or know no connections, are added to `hopeless`.
pub(super) fn has_unix_listener(
    net: &Path,
    sockets: &HashSet<u64>,
    hopeless: &mut HashSet<u64>,
) -> bool {
    search(&net.join("unix"), LONG_READ, |row| {
        match parse_unix_row(row) {
            Some((inode, kind)) if sockets.contains(&inode) => match kind {
                UnixSocket::Listening => return Verdict::Found,
                UnixSocket::Hopeless => {
                    hopeless.insert(inode);
                }
                UnixSocket::Undecided => {}
            },
            _ => {}
        }
        Verdict::GoOn
    })
}

/// The ports that the kernel gives to sockets that ask for none, see `ip(7)`.
pub(super) fn read_ephemeral_ports() -> RangeInclusive<u16> {
    fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|text| parse_port_range(&text))
        .unwrap_or(32768..=60999)
}

enum Verdict {
    Found,
    GoOn,
    GiveUp,
}

/// Shows each row to `judge`, and a row that is not read to its end too, as far as it is known. A
/// table that cannot be read has no rows.
fn search(table: &Path, read_size: usize, mut judge: impl FnMut(&[u8]) -> Verdict) -> bool {
    let Ok(mut table) = File::open(table) else {
        return false;
    };
    let mut piece = vec![0; read_size];
    let mut row = Vec::new();
    loop {
        let length = match table.read(&mut piece) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => return false,
            Ok(length) => length,
        };
        for part in piece[..length].split_inclusive(|&byte| byte == b'\n') {
            row.extend_from_slice(part);
            match judge(&row) {
                Verdict::Found => return true,
                Verdict::GiveUp => return false,
                Verdict::GoOn => {}
            }
            if row.ends_with(b"\n") {
                row.clear();
            }
        }
    }
}

const TCP_LISTEN: u8 = 0x0a;
/// `TCP_CLOSE` in the kernel's words, which UDP borrows.
const UDP_UNCONNECTED: u8 = 0x07;

#[derive(Debug, PartialEq, Eq)]
struct InternetRow {
    port: u16,
    state: u8,
    inode: u64,
}

/// `sl local_address rem_address st queues timer retrnsmt uid timeout inode ...`
fn parse_internet_row(row: &[u8]) -> Option<InternetRow> {
    let mut fields = complete_fields(row);
    let local_address = fields.nth(1)?;
    let state = fields.nth(1)?;
    let inode = fields.nth(5)?;
    let (_, port) = local_address.rsplit_once(':')?;
    Some(InternetRow {
        port: u16::from_str_radix(port, 16).ok()?,
        state: u8::from_str_radix(state, 16).ok()?,
        inode: inode.parse().ok()?,
    })
}

#[derive(Debug, PartialEq, Eq)]
enum UnixSocket {
    Listening,
    Hopeless,
    Undecided,
}

/// `Num RefCount Protocol Flags Type St Inode Path`
fn parse_unix_row(row: &[u8]) -> Option<(u64, UnixSocket)> {
    const ACCEPTS_CONNECTIONS: u32 = 0x10000;
    const DATAGRAM: &str = "0002";
    const CONNECTED: &str = "03";

    let mut fields = complete_fields(row);
    let flags = u32::from_str_radix(fields.nth(3)?, 16).ok()?;
    let kind = fields.next()?;
    let state = fields.next()?;
    let inode = fields.next()?.parse().ok()?;
    let socket = if flags & ACCEPTS_CONNECTIONS != 0 {
        UnixSocket::Listening
    } else if kind == DATAGRAM || state == CONNECTED {
        UnixSocket::Hopeless
    } else {
        UnixSocket::Undecided
    };
    Some((inode, socket))
}

/// The fields that something follows: the last one may still lack its end. They end where something
/// is not UTF-8, which only the path of a Unix socket can be.
fn complete_fields(row: &[u8]) -> impl Iterator<Item = &str> {
    let end = row
        .iter()
        .rposition(u8::is_ascii_whitespace)
        .unwrap_or_default();
    row[..end]
        .split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty())
        .map_while(|field| str::from_utf8(field).ok())
}

/// `TCP: inuse 5 orphan 0 tw 2 alloc 9 mem 1` in `sockstat`, `TCP6: inuse 3` in `sockstat6`.
fn parse_statistic(statistics: &[u8], counter: &[u8], name: &str) -> Option<u64> {
    let line = statistics
        .split(|&byte| byte == b'\n')
        .find_map(|line| line.strip_prefix(counter))?;
    let mut words = str::from_utf8(line).ok()?.split_ascii_whitespace();
    words.find(|&word| word == name)?;
    words.next()?.parse().ok()
}

fn parse_port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut ports = text.split_ascii_whitespace();
    let first = ports.next()?.parse().ok()?;
    let last = ports.next()?.parse().ok()?;
    Some(first..=last)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests;
