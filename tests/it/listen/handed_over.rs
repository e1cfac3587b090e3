//! Sockets that a service manager hands over, and those that systemd stores.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;

use super::{expect_variables, free_address, start, taken};
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::{program, requires};

/// `report -d`, executed by a shell that has this descriptor for 3 and once more for each other name, with
/// `LISTEN_PID` for the launcher.
pub(crate) fn with_inherited(
    scratch: &Scratch,
    name: &str,
    socket: impl Into<std::os::fd::OwnedFd>,
    start: Start,
) -> Start {
    let shell = requires::find("sh").expect("sh");
    let count = name.split(':').count();
    let words = format!(
        "export LISTEN_PID=$$ LISTEN_FDS={count} LISTEN_FDNAMES={name}; exec \"$0\" \"$@\""
    );
    let count = i32::try_from(count).expect("a count");
    let arguments: Vec<_> = start.words().skip(1).map(ToOwned::to_owned).collect();
    let start = start.via(&shell).args(["-c", &words]);
    let start = start.arg(program::path("report")).args(arguments);
    start.cwd(scratch.dir()).inherit(socket, 3, count)
}

#[test]
fn sockets_follow_those_of_a_service_manager() {
    let scratch = Scratch::new();
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let first = socket.local_addr().expect("an address").to_string();
    // Without the variables of the caller the daemon still gets what `listen` promises.
    let options = "listen=two=127.0.0.1:0\nenv_remove=LISTEN_FDS,LISTEN_PID";
    let steps = "listener:two=127.0.0.1:0 listener:one=127.0.0.1:0";
    let start = start(&scratch, options, steps);
    let daemon = scratch.up(with_inherited(&scratch, "one", socket, start));
    expect_variables(&daemon.report(), "2", "one:two");
    assert_eq!(taken(&scratch, "one"), (first, 3));
    assert_eq!(taken(&scratch, "two").1, 4);
}

#[test]
fn socket_of_a_service_manager_is_not_bound_again() {
    let scratch = Scratch::new();
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket.set_nonblocking(true).expect("non-blocking");
    let address = socket.local_addr().expect("an address").to_string();
    let options = format!("listen=http={address}");
    let start = start(&scratch, &options, &format!("listener:http={address}"));
    let daemon = scratch.up(with_inherited(&scratch, "http", socket, start));
    expect_variables(&daemon.report(), "1", "http");
    assert_eq!(taken(&scratch, "http"), (address, 3));
    assert_eq!(scratch.read("report.log"), "");
}

#[test]
fn other_address_of_a_service_manager_is_used() {
    let scratch = Scratch::new();
    // Another address each time: a child of another test may hold the socket a little longer.
    let foreground = |wanted: fn(SocketAddr) -> String| {
        let socket = TcpListener::bind(free_address(4000)).expect("a socket");
        let bound = socket.local_addr().expect("an address");
        let wanted = wanted(bound);
        let steps = format!("listener:http={wanted} ready return:0");
        let start = scratch.report().options("").does(&steps);
        let outcome = with_inherited(&scratch, "http", socket, start).run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
        assert_eq!(taken(&scratch, "http"), (bound.to_string(), 3));
        let line = format!(
            "report: the socket `http` was handed over with the address {bound}, and not {wanted}\n"
        );
        (outcome.err_text(), line)
    };
    let same: [fn(SocketAddr) -> String; 3] = [
        |bound| bound.to_string(),
        |_| "0.0.0.0:4000".to_owned(),
        |bound| format!("{}:0", bound.ip()),
    ];
    for wanted in same {
        assert_eq!(foreground(wanted).0, "");
    }
    for wanted in [
        |_| "127.0.0.1:4000".to_owned(),
        |_| "0.0.0.0:4001".to_owned(),
    ] {
        let (said, line) = foreground(wanted);
        assert_eq!(said, line);
    }
}

#[test]
fn empty_name_of_a_socket_keeps_its_place() {
    let scratch = Scratch::new();
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let steps = "listener:b=127.0.0.1:0 listener:unknown=127.0.0.1:0 return:0";
    let start = scratch.report().options("").does(steps);
    let outcome = with_inherited(&scratch, "a::b", socket, start).run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert_eq!(taken(&scratch, "b").1, 5);
    assert_eq!(taken(&scratch, "unknown").1, 4);
}

#[test]
fn socket_without_its_file_is_told() {
    let scratch = Scratch::new();
    let path = scratch.path("control.sock");
    let socket = UnixListener::bind(&path).expect("a socket");
    fs::remove_file(&path).expect("remove");
    let steps = "listener:control=unix:control.sock return:0";
    let start = scratch.report().options("").does(steps);
    let outcome = with_inherited(&scratch, "control", socket, start).run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let path = path.display();
    let line = format!("report: the socket `control` was handed over without its file {path}\n");
    assert_eq!(outcome.err_text(), line);
}

#[test]
fn socket_of_another_kind_is_an_error() {
    let scratch = Scratch::new();
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let start = scratch.report().options("").does("listener:http=unix:x");
    let outcome = with_inherited(&scratch, "http", socket, start).run();
    assert_eq!(outcome.code(), 99, "{outcome:?}");
    let words = "the socket `http` that was handed over is no Unix listener";
    assert!(outcome.err_text().contains(words), "{outcome:?}");
}

#[test]
fn stored_descriptors_are_sent_to_systemd() {
    let scratch = Scratch::new();
    let manager = std::os::unix::net::UnixDatagram::bind(scratch.path("notify")).expect("bind");
    let run = |variables: &str| {
        let steps = "listener:http=127.0.0.1:0 return:0";
        let shell = requires::find("sh").expect("sh");
        let start = scratch.report().options("").does(steps).via(&shell);
        let start = start.args(["-c", &format!("{variables} exec \"$0\"")]);
        let outcome = start
            .arg(program::path("report"))
            .env("NOTIFY_SOCKET", scratch.path("notify"))
            .run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
    };
    // systemd has started another process.
    run("SYSTEMD_EXEC_PID=1");
    run("SYSTEMD_EXEC_PID=$$");
    let (text, socket) = receive_fd(&manager);
    assert_eq!(text, "FDSTORE=1\nFDNAME=http");
    let stored = TcpListener::from(socket.expect("a descriptor"));
    let address = stored.local_addr().expect("an address").to_string();
    assert_eq!(address, taken(&scratch, "http").0);
}

fn receive_fd(socket: &std::os::unix::net::UnixDatagram) -> (String, Option<std::os::fd::OwnedFd>) {
    use std::io::IoSliceMut;
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

    let mut text = [0; 100];
    let mut control = nix::cmsg_space!([std::os::fd::RawFd; 1]);
    let mut parts = [IoSliceMut::new(&mut text)];
    let flags = MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags);
    let message = message.expect("a message");
    let mut messages = message.cmsgs().expect("whole messages");
    let fd = messages.find_map(|message| match message {
        ControlMessageOwned::ScmRights(fds) => fds.first().copied(),
        _ => None,
    });
    // SAFETY: the kernel has just made this descriptor.
    let fd = fd.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    let length = message.bytes;
    (String::from_utf8_lossy(&text[..length]).into_owned(), fd)
}
