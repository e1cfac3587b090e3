//! What the programs talk to: servers that answer, that do not, and that are not there.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread::{sleep, spawn};
use std::time::Duration;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, connect, getsockname, listen,
    socket,
};
use nix::sys::stat::Mode;

const ANSWER_TIME: Duration = Duration::from_millis(8);
pub(crate) const SILENCE: Duration = Duration::from_millis(400);
const LARGE_FILE: usize = 96 << 20;

/// They end with this process.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) directory: PathBuf,
    /// Variables that name them.
    pub(crate) variables: Vec<(&'static str, String)>,
    _sockets: Vec<OwnedFd>,
}

impl Services {
    pub(crate) fn start() -> Self {
        let directory = std::env::temp_dir().join(format!("readiness-{}", std::process::id()));
        fs::create_dir(&directory).expect("a directory");
        let (full, mut sockets) = full_queue();
        let (refused, closed) = bound();
        sockets.push(closed);
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let mut variables = vec![
            ("ZOO_DIR", directory.display().to_string()),
            ("ZOO_DATABASE", database().to_string()),
            ("ZOO_SILENT", silent_server().to_string()),
            ("ZOO_FULL", full.to_string()),
            ("ZOO_REFUSED", refused.to_string()),
            (
                "ZOO_UDP",
                udp.local_addr().expect("its address").to_string(),
            ),
        ];
        variables.extend(crate::brokers::start());
        sockets.push(udp.into());
        // A name server that does not answer, where this process may be one.
        if let Ok(name_server) = UdpSocket::bind("127.0.0.1:53") {
            sockets.push(name_server.into());
        }
        silent_unix_server(&directory.join("silent"));
        make_files(&directory);
        Self {
            directory,
            variables,
            _sockets: sockets,
        }
    }

    /// Takes the large file out of the cache.
    pub(crate) fn forget_large_file(&self) {
        let file = File::open(self.directory.join("large")).expect("the large file");
        posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).ok();
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.directory).ok();
    }
}

fn make_files(directory: &Path) {
    let mut large = File::create(directory.join("large")).expect("a file");
    large
        .write_all(&vec![7; LARGE_FILE])
        .expect("room on the disk");
    large.sync_all().expect("written");
    File::create(directory.join("lock")).expect("a file");
    nix::unistd::mkfifo(&directory.join("fifo"), Mode::S_IRWXU).expect("a FIFO");
    for (name, seconds) in [("resolv1", 1), ("resolv5", 5)] {
        let text = format!("nameserver 127.0.0.1\noptions timeout:{seconds} attempts:1\n");
        fs::write(directory.join(name), text).expect("a file");
    }
}

/// Answers each first question after 8 ms, and then listens.
fn database() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listener.local_addr().expect("its address");
    spawn(move || {
        for mut client in listener.incoming().flatten() {
            spawn(move || {
                client.read_exact(&mut [0; 6]).ok();
                sleep(ANSWER_TIME);
                client.write_all(b"ok\n").ok();
                while client.read(&mut [0; 64]).is_ok_and(|count| count > 0) {}
            });
        }
    });
    address
}

/// Closes a connection 400 ms after the question, or if there is none.
fn silent_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listener.local_addr().expect("its address");
    spawn(move || {
        for mut client in listener.incoming().flatten() {
            spawn(move || {
                client.set_read_timeout(Some(SILENCE)).expect("a timeout");
                if client.read_exact(&mut [0; 6]).is_ok() {
                    sleep(SILENCE);
                }
            });
        }
    });
    address
}

fn silent_unix_server(path: &Path) {
    let listener = UnixListener::bind(path).expect("a socket");
    spawn(move || {
        for mut client in listener.incoming().flatten() {
            spawn(move || {
                client.read_exact(&mut [0; 1]).ok();
                sleep(SILENCE);
            });
        }
    });
}

/// A listener whose queue of connections is full.
pub(crate) fn full_queue() -> (SocketAddr, Vec<OwnedFd>) {
    let (address, listener) = bound();
    listen(&listener, Backlog::new(0).expect("a backlog")).expect("a queue");
    let mut sockets = vec![listener];
    for _ in 0..3 {
        let client = stream_socket(SockFlag::SOCK_NONBLOCK);
        connect(client.as_raw_fd(), &SockaddrIn::from(address)).ok();
        sockets.push(client);
    }
    (address.into(), sockets)
}

/// A port that nothing else gets, and that nothing listens on.
fn bound() -> (SocketAddrV4, OwnedFd) {
    let socket = stream_socket(SockFlag::empty());
    bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).expect("a port");
    let address: SockaddrIn = getsockname(socket.as_raw_fd()).expect("its address");
    (SocketAddrV4::new(address.ip(), address.port()), socket)
}

fn stream_socket(flags: SockFlag) -> OwnedFd {
    let flags = flags | SockFlag::SOCK_CLOEXEC;
    socket(AddressFamily::Inet, SockType::Stream, flags, None).expect("a socket")
}
