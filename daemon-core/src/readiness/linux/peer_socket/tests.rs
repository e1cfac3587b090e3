use super::*;

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::thread;
use std::time::Duration;

use nix::sys::socket::{Backlog, UnixAddr, bind, listen};

fn state(socket: impl Into<OwnedFd>) -> SocketState {
    state_of(socket.into())
}

#[test]
fn duplicate_is_the_same_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let copy = PeerSockets::default()
        .duplicate(Pid::this(), listener.as_raw_fd())
        .unwrap();
    let copy = TcpListener::from(copy);
    assert_eq!(copy.local_addr().unwrap(), listener.local_addr().unwrap());
}

#[test]
fn listeners_show_their_addresses() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(address).unwrap();
        let address = LocalAddress::Ip(listener.local_addr().unwrap());
        assert_eq!(state(listener), SocketState::Listening(address));
    }
    let path = std::env::temp_dir().join(format!("peer-socket-{}", Pid::this()));
    let listener = UnixListener::bind(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let address = LocalAddress::Unix(UnixAddress::Path(path));
    assert_eq!(state(listener), SocketState::Listening(address));
    let name = format!("peer-socket-{}", Pid::this()).into_bytes();
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    let address = LocalAddress::Unix(UnixAddress::Abstract(name));
    assert_eq!(state(listener), SocketState::Listening(address));
}

/// The table of Unix sockets shows their names as they are.
#[test]
fn row_that_another_user_has_made_is_not_believed() {
    if !socket_file::is_answered() {
        return;
    }
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
    let other_family = socket::new(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE).unwrap();
    let (connected, _peer) = UnixStream::pair().unwrap();
    let name = format!("peer-socket-{}", Pid::this()).into_bytes();
    let listener = SocketAddr::from_abstract_name([&name[..], b"-in-table"].concat()).unwrap();
    let listener = UnixListener::bind_addr(&listener).unwrap();
    let sockets = [&other_family.as_fd(), &connected.as_fd(), &listener.as_fd()].map(|socket| {
        let link = fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap();
        parse_socket_link(link.to_str().unwrap()).unwrap()
    });
    let mut forged = Vec::new();
    for inode in sockets {
        let row = format!("\n0000: 00000002 00000000 00010000 0001 01 {inode} /forged");
        let name = SocketAddr::from_abstract_name([&name[..], row.as_bytes()].concat());
        forged.push(UnixListener::bind_addr(&name.unwrap()).unwrap());
    }
    let task = Task {
        id: Pid::this(),
        directory: "/proc/self".into(),
    };
    let states = sockets.map(|inode| PeerSockets::default().state_in_tables(&task, inode));
    let address = UnixAddress::Abstract([&name[..], b"-in-table"].concat());
    let listening = SocketState::Listening(LocalAddress::Unix(address));
    assert_eq!(
        states,
        [None, Some(SocketState::UnixPeer(None)), Some(listening)]
    );
}

#[test]
fn bound_udp_socket_shows_its_address() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    assert_eq!(
        state(socket.try_clone().unwrap()),
        SocketState::Bound(address)
    );
    socket.connect("127.0.0.1:9").unwrap();
    assert_eq!(state(socket), SocketState::Other);
}

#[test]
fn unix_peer_is_the_process_of_the_other_end() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    assert_eq!(state(ours), SocketState::UnixPeer(Some(Pid::this())));
    assert_eq!(state(UnixDatagram::unbound().unwrap()), SocketState::Other);
}

/// A look at it may come at the moment of its `listen(2)`.
#[test]
fn socket_that_begins_to_listen_has_no_peer() {
    for _ in 0..200 {
        let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
        let socket = socket::new(libc::AF_UNIX, kind, 0).unwrap();
        let path = UnixAddr::new_unnamed();
        bind(socket.as_raw_fd(), &path).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| listen(&socket, Backlog::new(1).unwrap()).unwrap());
            loop {
                match state(socket.try_clone().unwrap()) {
                    SocketState::Listening(_) => break,
                    other => assert_eq!(other, SocketState::Other),
                }
            }
        });
    }
}

/// As Multipath TCP was before Linux 5.16: a socket that is not connected yet may begin to listen.
#[test]
fn state_of_stream_without_tcp_info_is_its_peer() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let state =
        |socket: &UdpSocket| state_of_tcp(&OwnedFd::from(socket.try_clone().unwrap()).into());
    assert_eq!(state(&socket), SocketState::Other);
    socket.connect("127.0.0.1:9").unwrap();
    assert_eq!(
        state(&socket),
        SocketState::Connected(LastWord::Unclear, port)
    );
}

/// Longer than a tick of the slowest kernel clock.
const TICKS: Duration = Duration::from_millis(30);

#[test]
fn side_that_spoke_last_is_known() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut theirs, _) = listener.accept().unwrap();
    let last_word = |socket: &TcpStream| match state(socket.try_clone().unwrap()) {
        SocketState::Connected(last_word, port) => {
            assert_eq!(port, socket.local_addr().unwrap().port());
            last_word
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(last_word(&ours), LastWord::Neither);
    ours.write_all(b"question").unwrap();
    theirs.read_exact(&mut [0; 8]).unwrap();
    assert_eq!(last_word(&ours), LastWord::Ours);
    thread::sleep(TICKS);
    theirs.write_all(b"answer").unwrap();
    ours.read_exact(&mut [0; 6]).unwrap();
    assert_eq!(last_word(&ours), LastWord::Theirs);
    thread::sleep(TICKS);
    ours.write_all(b"another").unwrap();
    assert_eq!(last_word(&ours), LastWord::Ours);
}

#[test]
fn older_kernel_does_not_show_the_last_sender() {
    let info = [1; TCP_INFO_SIZE];
    assert_eq!(last_word(&info, 104), LastWord::Unclear);
    assert_eq!(last_word(&info, TCP_INFO_SIZE), LastWord::Unclear);
}

#[test]
fn receive_timeout_is_read() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let copy = || OwnedFd::from(udp.try_clone().unwrap());
    assert_eq!(socket::receive_timeout(copy().as_fd()), None);
    let timeout = Some(Duration::from_millis(1500));
    udp.set_read_timeout(timeout).unwrap();
    assert_eq!(socket::receive_timeout(copy().as_fd()), timeout);
}
