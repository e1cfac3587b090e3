use std::cell::Cell;
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

const TRUSTED: fn() -> io::Result<()> = || Ok(());

fn errno(address: &UnixAddress) -> Option<i32> {
    let bound = bind_unix(address, SocketFile::default(), TRUSTED);
    bound.unwrap_err().raw_os_error()
}

#[test]
fn file_of_an_ended_server_is_replaced() {
    let directory = Directory::new("left");
    let path = directory.0.join("socket");
    let _left = leave(&path);
    let _socket = bind_unix(&directory.socket(), SocketFile::default(), TRUSTED).unwrap();
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
    let at = SocketAddress::path(&path).unwrap();
    at.bind(server.as_fd()).unwrap();
    sys::descriptors::listen(server.as_fd(), 0).unwrap();
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

#[cfg(all(target_os = "linux", not(daemon_fork)))]
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
        let _socket = bind_unix(&directory.socket(), file, TRUSTED).unwrap();
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

/// Binds while `meddle` acts each time the way is checked, and gets how often that was before.
fn bind_beside(
    directory: &Directory,
    meddle: impl Fn(&Path, u32) -> io::Result<()>,
) -> io::Result<BoundUnix> {
    let path = directory.0.join("socket");
    let calls = Cell::new(0);
    bind_unix(&directory.socket(), SocketFile::default(), || {
        meddle(&path, calls.replace(calls.get() + 1))
    })
}

/// A socket that does not listen: it refuses clients as the file of an ended server does, which a child of
/// another test may hold a little longer.
fn leave(path: &Path) -> OwnedFd {
    let left = sys::socket::stream().unwrap();
    let at = SocketAddress::path(path).unwrap();
    at.bind(left.as_fd()).unwrap();
    left
}

#[test]
fn directory_is_locked_until_the_socket_listens() {
    let directory = Directory::new("locked");
    let _left = leave(&directory.0.join("socket"));
    let checks = Cell::new(0);
    let _bound = bind_beside(&directory, |_, before| {
        checks.set(before + 1);
        let other = File::open(&directory.0)?;
        // Not before it is held: a child of another test could keep what is taken here.
        let is_free = before > 0 && sys::lock::try_flock_once(&other)?;
        assert!(!is_free, "{before}");
        Ok(())
    });
    assert_eq!(checks.get(), 3);
}

#[test]
fn lock_of_another_user_does_not_prevent_a_start() {
    let directory = Directory::new("held");
    let other = File::open(&directory.0).unwrap();
    assert_eq!(sys::lock::try_flock_once(&other), Ok(true));
    bind_beside(&directory, |_, _| Ok(())).unwrap();
}

#[test]
fn way_that_is_not_trusted_leaves_things_as_they_were() {
    let directory = Directory::new("way");
    let path = directory.0.join("socket");
    let refuse = |at| {
        let bound = bind_beside(&directory, |_, before| {
            if before == at {
                Err(Errno::EPERM.into())
            } else {
                Ok(())
            }
        });
        assert_eq!(bound.unwrap_err().raw_os_error(), Some(libc::EPERM));
    };
    for at in [0, 1] {
        refuse(at);
        assert_eq!(id_of(&path), None);
    }
    let _left = leave(&path);
    let left = id_of(&path);
    for at in [0, 1] {
        refuse(at);
        assert_eq!(id_of(&path), left);
    }
    refuse(2);
    assert_eq!(id_of(&path), None);
}

#[test]
fn file_that_another_process_has_put_there_stays() {
    for (is_left, at) in [(false, 1), (true, 1), (true, 2)] {
        for refused in [Some(Errno::EPERM), None] {
            let directory = Directory::new("put");
            let path = directory.0.join("socket");
            let _left = is_left.then(|| leave(&path));
            let bound = bind_beside(&directory, |path, before| {
                if before == at {
                    fs::remove_file(path)?;
                    fs::write(path, "theirs")?;
                    refused.map_or(Ok(()), |errno| Err(errno.into()))
                } else {
                    Ok(())
                }
            });
            let errno = refused.unwrap_or(Errno::EADDRINUSE) as i32;
            assert_eq!(bound.unwrap_err().raw_os_error(), Some(errno));
            assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        }
    }
}
