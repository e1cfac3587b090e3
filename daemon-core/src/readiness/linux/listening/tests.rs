use super::*;

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener;
use std::process::Command;

use nix::sys::wait::{Id, WaitPidFlag, waitid};

use crate::unix_address::UnixAddress;

/// Whether the sockets of this process satisfy a watch for these addresses, and what it says of it.
fn watch(wanted: &[Address], inherited: &[RawFd]) -> (bool, Listening) {
    let mut listening = Listening::watch(Pid::this(), inherited, wanted.to_vec());
    let first_look = listening.next_look(Instant::now());
    let is_ready = listening.is_ready(first_look, first_look).unwrap();
    (is_ready, listening)
}

#[test]
fn tcp_port_counts_on_any_address() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let wanted = [Address::Tcp(address.port())];
        let (is_ready, listening) = watch(&wanted, &[]);
        assert!(is_ready, "{address}");
        assert_eq!(listening.addresses(), Some(address.to_string()));
        let (is_ready, _) = watch(&wanted, &[listener.as_raw_fd()]);
        assert!(!is_ready, "it was handed over");
    }
}

#[test]
fn udp_port_counts_when_it_is_named() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    assert!(watch(&[Address::Udp(port)], &[]).0);
    assert!(!watch(&[Address::Tcp(port)], &[]).0);
    socket.connect("127.0.0.1:9").unwrap();
    assert!(!watch(&[Address::Udp(port)], &[]).0);
}

#[test]
fn unix_socket_counts_by_path_and_by_name() {
    let path = std::env::temp_dir().join(format!("listening-{}", Pid::this()));
    let _listener = UnixListener::bind(&path).unwrap();
    let unix = |path: PathBuf| [Address::Unix(UnixAddress::from_path(path))];
    assert!(watch(&unix(path.clone()), &[]).0);
    let link = path.with_extension("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(
        watch(&unix(link.clone()), &[]).0,
        "another name of the file"
    );
    assert!(!watch(&unix("@listening".into()), &[]).0);
    fs::remove_file(link).unwrap();
    fs::remove_file(path).unwrap();
}

#[test]
fn missing_addresses_are_waited_for_and_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let unused = Address::Unix(UnixAddress::Abstract(b"nothing of this".to_vec()));
    let (is_ready, mut listening) = watch(&[Address::Tcp(port), unused], &[]);
    assert!(!is_ready);
    let missing = listening.check_at_timeout(Instant::now()).unwrap_err();
    assert_eq!(missing, "no socket of it is at unix:@nothing of this");
}

#[test]
fn process_that_ended_is_not_unreadable() {
    let mut child = Command::new("true").spawn().unwrap();
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
    let mut listening = Listening::watch(pid, &[], Vec::new());
    let look = listening.next_look(Instant::now());
    assert_eq!(listening.is_ready(look, look), Ok(false));
    child.wait().unwrap();
    let look = listening.next_look(look);
    assert_eq!(listening.is_ready(look, look), Ok(false));
}
