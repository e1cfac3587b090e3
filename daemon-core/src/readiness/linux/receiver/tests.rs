use super::path_socket::protects_files;
use super::*;

use std::fs::{self, File};
use std::io::{IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{AT_FDCWD, OFlag};
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg, setsockopt, sockopt};
use nix::sys::stat::{UtimensatFlags::FollowSymlink, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::pipe2;

use crate::readiness::probe::Announcements;
use crate::sys::call_timer::CallTimer;

/// A socket, and a client of it that signs as this process.
fn connected() -> (NotifySocket, UnixDatagram) {
    let socket = NotifySocket::bind(false, None).unwrap();
    let client = client_of(&socket);
    (socket, client)
}

fn client_of(socket: &NotifySocket) -> UnixDatagram {
    let client = UnixDatagram::unbound().unwrap();
    client.connect(socket.address().unwrap()).unwrap();
    client
}

fn received(socket: &NotifySocket) -> Vec<Notification> {
    socket.receive(Pid::this()).unwrap_or_default()
}

#[test]
fn each_launcher_has_its_own_addresses() {
    let (one, other) = (connected().0, connected().0);
    assert_ne!(one.address(), other.address());
}

#[test]
fn socket_is_private_and_removed_by_the_launcher() {
    let PathSocket { path, .. } = &PathSocket::bind_in("/tmp", None).unwrap();
    let mode = fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let path = PathSocket::bind_in("/tmp", None).unwrap().path.clone();
    assert!(!path.exists());
}

/// Another user could have taken the next name.
#[test]
fn names_of_sockets_do_not_repeat() {
    let bind = || PathSocket::bind_in("/tmp", None).unwrap().path.clone();
    assert_ne!(bind(), bind());
}

#[test]
fn owner_of_a_sticky_directory_can_replace_files() {
    let (root, user, other) = (0, 1000, 1001);
    for (owner, mode, is_safe) in [
        (root, 0o1777, true),
        (root, 0o755, true),
        (root, 0o777, false),
        (root, 0o775, false),
        (user, 0o1777, true),
        (user, 0o700, true),
        (user, 0o722, false),
        (other, 0o1777, false),
        (other, 0o755, false),
    ] {
        assert_eq!(
            protects_files(owner, user, mode),
            is_safe,
            "{owner} {mode:o}"
        );
    }
}

#[test]
fn there_is_no_socket_below_another_root_directory() {
    let socket = NotifySocket::bind(true, None).unwrap();
    assert_eq!(socket.address(), None);
    assert_eq!(received(&socket), []);
}

#[test]
fn reason_for_no_socket_is_in_the_message() {
    let directory = std::env::temp_dir().join(format!("daemon-open-{}", std::process::id()));
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
    let directory_text = directory.to_str().unwrap();
    let socket = NotifySocket::bind_in(&["/dev/null/shm", directory_text], None);
    fs::remove_dir(&directory).unwrap();
    assert_eq!(socket.address(), None);
    let now = Instant::now();
    let end = Box::new(socket).watch(Pid::this()).check_at_timeout(now);
    let message = end.unwrap_err().unwrap();
    let expected = format!(
        "it never called daemon::ready(), and no NOTIFY_SOCKET could be made: \
         /dev/null/shm: Not a directory; \
         {directory_text}: other users can replace its files"
    );
    assert_eq!(message, expected);
}

#[test]
fn only_sockets_of_killed_launchers_are_removed() {
    let directory = std::env::temp_dir().join(format!("daemon-left-{}", std::process::id()));
    fs::create_dir(&directory).unwrap();
    let bind = |name: &str| UnixDatagram::bind(directory.join(name)).unwrap();
    let _alive = bind("daemon-notify-1-0");
    drop(bind("daemon-notify-2-0"));
    drop(bind("daemon-notify-3-0"));
    drop(bind("other-4-0"));
    fs::write(directory.join("daemon-notify-5-0"), "").unwrap();
    for name in fs::read_dir(&directory).unwrap() {
        let path = name.unwrap().path();
        if !path.ends_with("daemon-notify-3-0") {
            let time = TimeSpec::new(1_000_000_000, 0);
            utimensat(AT_FDCWD, &path, &time, &time, FollowSymlink).unwrap();
        }
    }
    remove_stale_in(&directory);
    let left = fs::read_dir(&directory).unwrap();
    let mut left: Vec<_> = left.map(|it| it.unwrap().file_name()).collect();
    left.sort();
    let (alive, young, file) = (
        "daemon-notify-1-0",
        "daemon-notify-3-0",
        "daemon-notify-5-0",
    );
    assert_eq!(left, [alive, young, file, "other-4-0"]);
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn messages_arrive_in_order() {
    let (socket, client) = connected();
    assert_eq!(socket.receive(Pid::this()), None);
    client.send(b"STATUS=loading").unwrap();
    client.send(b"").unwrap();
    client.send(b"\xff\0garbage").unwrap();
    client.send(b"READY=1").unwrap();
    let heard = received(&socket);
    let status = Notification::Status("loading".to_owned());
    assert_eq!(heard, [status, Notification::Ready]);
}

#[test]
fn another_process_is_not_heard() {
    let (socket, client) = connected();
    client.send(b"READY=1").unwrap();
    assert_eq!(socket.receive(Pid::parent()), Some(vec![]));
    let rest = socket.receive(Pid::this());
    assert_eq!(rest, None, "it was taken from the queue");
}

#[test]
fn received_descriptor_is_closed() {
    let (socket, client) = connected();
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    let descriptors = [writer.as_raw_fd()];
    let message = [IoSlice::new(b"READY=1")];
    let control = [ControlMessage::ScmRights(&descriptors)];
    let flags = MsgFlags::empty();
    sendmsg::<()>(client.as_raw_fd(), &message, &control, flags, None).unwrap();
    drop(writer);
    assert_eq!(received(&socket), [Notification::Ready]);
    // Its end is never seen while the write end is open anywhere.
    let mut end = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut end, 10_000_u16).unwrap(), 1);
    assert_eq!(File::from(reader).read(&mut [0]).unwrap(), 0);
}

#[test]
fn descriptor_whose_close_waits_is_closed() {
    let (socket, client) = connected();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut lingering = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    lingering.set_nonblocking(true).unwrap();
    while lingering.write(&[0; 16384]).is_ok() {}
    let hour = libc::linger {
        l_onoff: 1,
        l_linger: 3600,
    };
    setsockopt(&lingering, sockopt::Linger, &hour).unwrap();
    let message = [IoSlice::new(b"READY=1")];
    let descriptors = [lingering.as_raw_fd()];
    let control = [ControlMessage::ScmRights(&descriptors)];
    let flags = MsgFlags::empty();
    sendmsg::<()>(client.as_raw_fd(), &message, &control, flags, None).unwrap();
    drop(lingering);
    let receiver = thread::spawn(move || {
        let _call_timer = CallTimer::start().unwrap();
        received(&socket)
    });
    let deadline = Instant::now() + Duration::from_secs(30);
    while !receiver.is_finished() {
        assert!(Instant::now() < deadline, "the close hangs");
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(receiver.join().unwrap(), [Notification::Ready]);
}

#[test]
fn datagram_of_64_kib_is_read_in_part() {
    let (socket, client) = connected();
    let mut datagram = b"READY=1\nX=".to_vec();
    datagram.resize(64 * 1024, b'x');
    client.send(&datagram).unwrap();
    client.send(b"STOPPING=1").unwrap();
    let heard = received(&socket);
    assert_eq!(heard, [Notification::Ready, Notification::Stopping]);
}

#[test]
fn truncated_value_is_ignored() {
    let (socket, client) = connected();
    let name = b"\nEXTEND_TIMEOUT_USEC=";
    let mut datagram = vec![b'x'; DATAGRAM_MAX - name.len() - 1];
    datagram.extend_from_slice(name);
    datagram.extend_from_slice(b"1");
    assert_eq!(datagram.len(), DATAGRAM_MAX);
    client.send(&datagram).unwrap();
    let extension = Notification::ExtendTimeout(Duration::from_micros(1));
    assert_eq!(received(&socket), [extension]);
    datagram.extend_from_slice(b"000000");
    client.send(&datagram).unwrap();
    assert_eq!(received(&socket), []);
}

#[test]
fn truncated_status_is_shown() {
    let (socket, client) = connected();
    let mut datagram = b"STATUS=".to_vec();
    datagram.resize(64 * 1024, b'x');
    client.send(&datagram).unwrap();
    let heard = received(&socket);
    assert!(matches!(heard.as_slice(), [Notification::Status(line)] if line.starts_with("xxx")));
}

#[test]
fn flood_does_not_block_the_launcher() {
    let (socket, client) = connected();
    client.set_nonblocking(true).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) && Instant::now() < deadline {
                client.send(b"READY=1").ok();
            }
        });
        let mut heard = 0;
        while heard < 1000 && Instant::now() < deadline {
            let now = received(&socket).len();
            assert!(now <= DATAGRAMS_PER_CALL, "{now}");
            heard += now;
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(heard >= 1000, "{heard}");
    });
}

/// It waits until the descriptor that it sends along is closed, and fails after five seconds.
#[test]
fn systemd_notify_of_root_succeeds_at_once() {
    let socket = NotifySocket::bind(false, None).unwrap();
    let child = Command::new("systemd-notify")
        .args(["--ready", "--status=served"])
        .env("NOTIFY_SOCKET", socket.address().unwrap())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else {
        return; // not installed
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut heard = Vec::new();
    let status = loop {
        heard.extend(received(&socket));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "systemd-notify hangs");
        thread::sleep(Duration::from_millis(1));
    };
    heard.extend(received(&socket));
    assert!(status.success(), "{status}");
    let said = [
        Notification::Ready,
        Notification::Status("served".to_owned()),
    ];
    if nix::unistd::geteuid().is_root() {
        assert_eq!(heard, said);
    } else {
        assert_eq!(heard, [], "it signs with its own pid");
    }
}
