use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::PathBuf;

use nix::unistd::{getegid, geteuid};

use super::*;

/// A directory that is removed with everything in it.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("daemon-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn socket(&self) -> UnixAddress {
        UnixAddress::Path(self.0.join("socket"))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn errno(address: &UnixAddress) -> Option<i32> {
    let bound = bind_unix(address, SocketFile::default());
    bound.unwrap_err().raw_os_error()
}

#[test]
fn file_of_an_ended_server_is_replaced() {
    let directory = Directory::new("left");
    let path = directory.0.join("socket");
    // What does not listen refuses clients as a file alone does. A child of another test may hold a socket
    // that is closed here.
    let left = sys::socket::stream().unwrap();
    bind(left.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
    let _socket = bind_unix(&directory.socket(), SocketFile::default()).unwrap();
    UnixStream::connect(&path).unwrap();
}

#[test]
fn files_of_others_are_not_replaced() {
    let directory = Directory::new("others");
    let path = directory.0.join("socket");
    let taken = Some(libc::EADDRINUSE);
    let server = UnixListener::bind(&path).unwrap();
    assert_eq!(errno(&directory.socket()), taken);
    drop(server);
    fs::remove_file(&path).unwrap();
    // Its queue takes no more clients, which must not be waited for.
    let server = sys::socket::stream().unwrap();
    bind(server.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
    nix::sys::socket::listen(&server, Backlog::new(0).unwrap()).unwrap();
    let _client = UnixStream::connect(&path).unwrap();
    assert_eq!(errno(&directory.socket()), taken);
    drop(server);
    fs::remove_file(&path).unwrap();
    let server = UnixDatagram::bind(&path).unwrap();
    assert_eq!(errno(&directory.socket()), taken);
    drop(server);
    fs::remove_file(&path).unwrap();
    fs::write(&path, "").unwrap();
    assert_eq!(errno(&directory.socket()), taken);
    fs::rename(&path, directory.0.join("file")).unwrap();
    std::os::unix::fs::symlink("nothing", &path).unwrap();
    assert_eq!(errno(&directory.socket()), taken);
}

#[test]
fn queue_has_room_for_4096_clients() {
    const TCP_INFO_SIZE: usize = 104;
    let socket = bind_tcp("127.0.0.1:0".parse().unwrap()).unwrap();
    let mut info = [0; TCP_INFO_SIZE];
    let (level, name) = (libc::IPPROTO_TCP, libc::TCP_INFO);
    sys::socket::read_option(socket.as_fd(), level, name, &mut info).unwrap();
    // `tcpi_sacked`, which is the length of the queue while the socket listens.
    let room = u32::from_ne_bytes(info[28..32].try_into().unwrap());
    let limit = fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    assert_eq!(room, limit.trim().parse::<u32>().unwrap().min(4096));
}

#[test]
fn socket_file_gets_its_mode_whatever_the_umask() {
    let directory = Directory::new("mode");
    let path = directory.0.join("socket");
    for mode in [0o777, 0o600] {
        let file = SocketFile {
            owner: Some((geteuid().as_raw(), getegid().as_raw())),
            mode: Some(mode),
        };
        let _socket = bind_unix(&directory.socket(), file).unwrap();
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, mode);
        assert_eq!(metadata.uid(), geteuid().as_raw());
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn other_file_than_the_own_socket_is_not_changed() {
    let directory = Directory::new("changed");
    let path = |name: &str| directory.0.join(name);
    let _server = UnixListener::bind(path("server")).unwrap();
    fs::hard_link(path("server"), path("linked")).unwrap();
    std::os::unix::fs::symlink("single", path("symbolic")).unwrap();
    let _single = UnixListener::bind(path("single")).unwrap();
    fs::write(path("file"), "").unwrap();
    let mode = Some(0o700);
    for name in ["linked", "symbolic", "file"] {
        let changed = sys::files::change_socket(&path(name), None, mode);
        assert_eq!(
            changed.unwrap_err().raw_os_error(),
            Some(libc::EPERM),
            "{name}"
        );
    }
    sys::files::change_socket(&path("single"), None, mode).unwrap();
}
