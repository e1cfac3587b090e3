use super::*;

use std::env;
use std::path::PathBuf;
use std::process;

fn row(port: u16, state: u8, inode: u64) -> InternetRow {
    InternetRow { port, state, inode }
}

const TCP_ROW: &[u8] = b"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 \
    00:00000000 00000000  1000        0 486 1 000000003aab6f33 100 0 0 10 0          \n";
const TCP6_ROW: &[u8] = b"   1: 00000000000000000000000001000000:0016 \
    00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     \
    0        0 4294967295 1 0000000000000000 100 0 0 10 0\n";
const TIME_WAIT_ROW: &[u8] = b"   1: 020200C0:B612 507100CB:0050 06 00000000:00000000 \
    03:00001594 00000000     0        0 0 3 0000000071039a71                    \n";
const UDP_ROW: &[u8] = b"  411: 00000000:0035 00000000:0000 07 00000000:00000000 \
    00:00000000 00000000     0        0 15432 2 000000004a3d7b6c 0         \n";

#[test]
fn internet_rows_are_read() {
    assert_eq!(
        parse_internet_row(TCP_ROW),
        Some(row(8080, TCP_LISTEN, 486))
    );
    assert_eq!(
        parse_internet_row(TCP6_ROW),
        Some(row(22, TCP_LISTEN, 4_294_967_295))
    );
    assert_eq!(parse_internet_row(TIME_WAIT_ROW), Some(row(46610, 6, 0)));
    assert_eq!(
        parse_internet_row(UDP_ROW),
        Some(row(53, UDP_UNCONNECTED, 15432))
    );
}

#[test]
fn what_is_no_row_is_passed_over() {
    let heading = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when \
        retrnsmt   uid  timeout inode    \n";
    for row in [
        &heading[..],
        b"",
        b"\n",
        b"\xff\xff \xff \xff \xff",
        b"a b c d e f g h i j k",
    ] {
        assert_eq!(parse_internet_row(row), None);
    }
}

#[test]
fn a_row_is_read_as_soon_as_its_inode_is_complete_and_not_before() {
    let end_of_inode = TCP_ROW.windows(4).position(|w| w == b"486 ").unwrap() + 4;
    for end in 0..TCP_ROW.len() {
        let expected = (end >= end_of_inode).then(|| row(8080, TCP_LISTEN, 486));
        assert_eq!(parse_internet_row(&TCP_ROW[..end]), expected, "{end}");
    }
}

#[test]
fn unix_rows_are_read() {
    for (row, expected) in [
        (
            "000000007a1c8efd: 00000002 00000000 00010000 0001 01   483 /run/x\n",
            Some((483, UnixSocket::Listening)),
        ),
        (
            "0000000000000000: 00000002 00000000 00010000 0005 01 77 @a b\n",
            Some((77, UnixSocket::Listening)),
        ),
        (
            "0000000000000000: 00000003 00000000 00000000 0001 03 4294967295\n",
            Some((4_294_967_295, UnixSocket::Hopeless)),
        ),
        (
            "0000000000000000: 00000002 00000000 00000000 0002 01 12 /run/notify\n",
            Some((12, UnixSocket::Hopeless)),
        ),
        (
            "0000000000000000: 00000002 00000000 00000000 0001 01 12\n",
            Some((12, UnixSocket::Undecided)),
        ),
        (
            "0000000000000000: 00000002 00000000 00010000 0001 01 12",
            None,
        ),
        (
            "Num       RefCount Protocol Flags    Type St Inode Path\n",
            None,
        ),
        ("", None),
    ] {
        assert_eq!(parse_unix_row(row.as_bytes()), expected, "{row}");
    }
    let strange_path = b"0: 2 0 00010000 0001 01 9 /\xff\n";
    assert_eq!(
        parse_unix_row(strange_path),
        Some((9, UnixSocket::Listening))
    );
}

#[test]
fn sockets_are_counted_where_the_kernel_counts_them() {
    let v4 = b"sockets: used 18\nTCP: inuse 3 orphan 0 tw 1 alloc 4 mem 0\n\
        UDP: inuse 2 mem 0\nUDPLITE: inuse 9\n";
    let statistic = |counter: &str, name| parse_statistic(v4, counter.as_bytes(), name);
    assert_eq!(statistic("TCP:", "inuse"), Some(3));
    assert_eq!(statistic("TCP:", "alloc"), Some(4));
    assert_eq!(statistic("UDP:", "inuse"), Some(2));
    assert_eq!(statistic("UDP:", "alloc"), None);
    assert_eq!(statistic("TCP6:", "inuse"), None);
    assert_eq!(parse_statistic(b"TCP: inuse", b"TCP:", "inuse"), None);
    assert_eq!(parse_statistic(b"TCP: inuse x", b"TCP:", "inuse"), None);
    assert_eq!(parse_statistic(b"", b"TCP:", "inuse"), None);
}

#[test]
fn a_socket_that_is_closed_does_not_hide_one_that_begins_to_listen() {
    let counts = |v4: &[u8]| {
        let net = Net::with("change", "sockstat", &[v4]);
        fs::write(net.0.join("sockstat6"), "TCP6: inuse 1\n").unwrap();
        read_counts(&net.0)
    };
    let before = counts(b"TCP: inuse 3 orphan 0 tw 0 alloc 5 mem 0\nUDP: inuse 1 mem 0\n");
    let after = counts(b"TCP: inuse 3 orphan 0 tw 0 alloc 4 mem 0\nUDP: inuse 1 mem 2\n");
    let is_same = [0, 1, 2].map(|index| before[index] == after[index]);
    assert_eq!(is_same, [false, false, true]);
    assert_eq!(after[3], None);
}

#[test]
fn the_ephemeral_range_is_read() {
    assert_eq!(parse_port_range("32768\t60999\n"), Some(32768..=60999));
    for text in ["", "1", "1 70000", "a b"] {
        assert_eq!(parse_port_range(text), None, "{text}");
    }
}

/// A directory that stands for `/proc/PID/net`.
struct Net(PathBuf);

impl Net {
    fn with(name: &str, table: &str, rows: &[&[u8]]) -> Self {
        let path = env::temp_dir().join(format!("daemon-net-{}-{name}", process::id()));
        fs::create_dir(&path).unwrap();
        fs::write(
            path.join(table),
            [b"heading\n", &rows.concat()[..]].concat(),
        )
        .unwrap();
        Self(path)
    }

    fn has_server(&self, inode: u64, extent: Extent) -> bool {
        let sockets = HashSet::from([inode]);
        INTERNET_TABLES
            .iter()
            .any(|table| table.has_server(&self.0, &sockets, &(32768..=60999), extent))
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

const LISTENERS: Extent = Extent::Listeners { count: None };
const BOTH: [Extent; 2] = [LISTENERS, Extent::Everything];

#[test]
fn a_table_that_does_not_exist_has_no_rows() {
    let net = Net::with("v4-only", "tcp", &[TCP_ROW]);
    for extent in BOTH {
        assert!(net.has_server(486, extent));
        assert!(!net.has_server(487, extent));
    }
    assert_eq!(read_counts(&net.0), [None; 4]);
    let sockets = HashSet::from([486]);
    assert!(!has_unix_listener(&net.0, &sockets, &mut HashSet::new()));
}

#[test]
fn listeners_behind_other_sockets_are_found_by_reading_everything() {
    let net = Net::with("order", "tcp", &[TIME_WAIT_ROW, TCP_ROW]);
    assert!(!net.has_server(486, LISTENERS));
    assert!(net.has_server(486, Extent::Everything));
}

#[test]
fn no_more_rows_are_read_than_there_are_sockets() {
    let other_row = TCP_ROW
        .to_vec()
        .windows(5)
        .position(|w| w == b" 486 ")
        .unwrap();
    let mut other = TCP_ROW.to_vec();
    other[other_row..other_row + 5].copy_from_slice(b" 487 ");
    let net = Net::with("count", "tcp", &[TCP_ROW, &other]);
    let up_to = |count| Extent::Listeners { count: Some(count) };
    assert!(!net.has_server(486, up_to(0)));
    assert!(net.has_server(486, up_to(1)));
    assert!(!net.has_server(487, up_to(1)));
    assert!(net.has_server(487, up_to(2)));
}

#[test]
fn a_table_of_ipv6_is_read_too() {
    let net = Net::with("v6", "tcp6", &[TCP6_ROW, TCP6_ROW]);
    for extent in BOTH {
        assert!(net.has_server(4_294_967_295, extent));
    }
}

#[test]
fn a_udp_socket_serves_when_it_is_unconnected_and_its_port_was_chosen() {
    let with = |from: &[u8], to: &[u8]| {
        let start = UDP_ROW.windows(from.len()).position(|w| w == from).unwrap();
        let mut row = UDP_ROW.to_vec();
        row[start..start + to.len()].copy_from_slice(to);
        row
    };
    let (connected, ephemeral) = (with(b" 07 ", b" 01 "), with(b":0035", b":8000"));
    for (name, row, is_server) in [
        ("server", UDP_ROW, true),
        ("connected", connected.as_slice(), false),
        ("ephemeral", ephemeral.as_slice(), false),
    ] {
        let net = Net::with(name, "udp", &[row]);
        for extent in BOTH {
            assert_eq!(net.has_server(15432, extent), is_server, "{name}");
        }
    }
}
