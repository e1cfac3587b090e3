//! The launcher's end: sockets that believe the daemon alone.

use std::ffi::OsString;
use std::fs::{self, DirEntry};
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, bind, getsockname, recvmsg, setsockopt,
    socket, sockopt,
};
use nix::unistd::Pid;

use crate::readiness::notify::{DATAGRAM_MAX, Notification, parse};

/// However fast somebody writes, one look at the socket ends, and the clock gets its turn.
const DATAGRAMS_PER_CALL: usize = 64;

/// Where a socket may lie for a while: in memory first, since that is quick.
const DIRECTORIES: [&str; 2] = ["/dev/shm", "/tmp"];

/// What the names of such sockets begin with.
const PREFIX: &str = "daemon-notify-";

/// How many names are tried; a launcher that was killed leaves its socket behind.
const NAMES: usize = 10;

/// Between the moment a socket has a name and the moment it can be reached, no `bind(2)` takes so long.
const OLD: Duration = Duration::from_secs(60);

/// Where the daemon says that it is ready, see `sd_notify(3)`.
#[derive(Debug)]
pub(crate) struct NotifySocket {
    /// In reach whatever the daemon's root directory, and so for our own sender to fall back on.
    own: OwnedFd,
    /// The abstract address of that one, which vanishes with the launcher.
    name: Vec<u8>,
    /// For clients that know nothing but paths.
    at_path: Option<PathSocket>,
}

#[derive(Debug)]
struct PathSocket {
    socket: OwnedFd,
    /// Removed with the socket.
    path: PathBuf,
}

impl NotifySocket {
    /// Binds to an abstract address, and to a path too, where that can be and would be in reach.
    ///
    /// That somebody else may learn the addresses does not matter: the kernel says who sent what.
    pub(crate) fn bind(is_root_changed: bool) -> io::Result<Self> {
        let own = new_socket()?;
        // The kernel chooses, see "Autobind feature" in `unix(7)`.
        bind(own.as_raw_fd(), &UnixAddr::new_unnamed())?;
        let address: UnixAddr = getsockname(own.as_raw_fd())?;
        let name = address.as_abstract().ok_or(Errno::EADDRNOTAVAIL)?;
        let mut directories = DIRECTORIES.into_iter().filter(|_| !is_root_changed);
        Ok(Self {
            own,
            name: name.to_vec(),
            at_path: directories.find_map(|directory| PathSocket::bind_in(directory).ok()),
        })
    }

    /// The value of `NOTIFY_SOCKET` for the daemon.
    pub(crate) fn address(&self) -> OsString {
        match &self.at_path {
            Some(PathSocket { path, .. }) => path.clone().into(),
            None => self.own_address(),
        }
    }

    /// The address that only the daemon's own sender knows of.
    pub(crate) fn own_address(&self) -> OsString {
        OsString::from_vec([b"@", &self.name[..]].concat())
    }

    /// Removes what launchers that were killed have left behind.
    pub(crate) fn clear_away_left(&self) {
        let path = self.at_path.as_ref().map(|socket| socket.path.as_path());
        if let Some(directory) = path.and_then(Path::parent) {
            clear_away_in(directory);
        }
    }

    /// What is readable when somebody has said something.
    pub(crate) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let at_path = self.at_path.as_ref().map(|socket| socket.socket.as_fd());
        [self.own.as_fd()].into_iter().chain(at_path)
    }

    /// What the daemon has said since the last call; `None` when nobody has said anything. Does not
    /// wait.
    ///
    /// What other processes say is dropped, a forked copy of the daemon included. Only a process
    /// with `CAP_SYS_ADMIN` can sign as the daemon, which is how `systemd-notify(1)` works.
    pub(crate) fn receive(&self, daemon: Pid) -> Option<Vec<Notification>> {
        let mut notifications = None;
        let mut buffer = [0; DATAGRAM_MAX];
        for socket in self.sources() {
            for _ in 0..DATAGRAMS_PER_CALL {
                let datagram = match receive_datagram(socket, &mut buffer) {
                    Ok(datagram) => datagram,
                    Err(Errno::EINTR) => continue,
                    Err(_) => break,
                };
                let notifications: &mut Vec<_> = notifications.get_or_insert_default();
                if datagram.sender == Some(daemon) {
                    notifications.extend(parse(datagram.trusted_part()));
                }
            }
        }
        notifications
    }
}

impl PathSocket {
    fn bind_in(directory: &str) -> io::Result<Self> {
        let socket = new_socket()?;
        let pid = std::process::id();
        for number in 0..NAMES {
            let path = PathBuf::from(format!("{directory}/{PREFIX}{pid}-{number}"));
            match bind(socket.as_raw_fd(), &UnixAddr::new(&path)?) {
                Err(Errno::EADDRINUSE) => continue,
                other => other?,
            }
            let bound = Self { socket, path };
            // Whatever the umask, and whichever user the daemon becomes.
            fs::set_permissions(&bound.path, fs::Permissions::from_mode(0o666))?;
            return Ok(bound);
        }
        Err(Errno::EADDRINUSE.into())
    }
}

impl Drop for PathSocket {
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
    }
}

fn clear_away_in(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_name().as_bytes().starts_with(PREFIX.as_bytes())
            && is_old_socket(&entry)
            && is_dead(&entry.path())
        {
            // Another user's is not ours to remove.
            fs::remove_file(entry.path()).ok();
        }
    }
}

fn is_old_socket(entry: &DirEntry) -> bool {
    let Ok(metadata) = entry.metadata() else {
        return false;
    };
    let age = metadata
        .modified()
        .and_then(|time| time.elapsed().map_err(io::Error::other));
    metadata.file_type().is_socket() && age.is_ok_and(|age| age > OLD)
}

/// Whether nobody has the socket open.
fn is_dead(path: &Path) -> bool {
    let connected = UnixDatagram::unbound().and_then(|socket| socket.connect(path));
    connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

fn receive_datagram<'a>(socket: BorrowedFd<'_>, buffer: &'a mut [u8]) -> nix::Result<Datagram<'a>> {
    let mut control = Control([0; CREDENTIALS_SPACE]);
    let (length, is_truncated) = {
        let mut parts = [IoSliceMut::new(buffer)];
        let message = recvmsg::<()>(
            socket.as_raw_fd(),
            &mut parts,
            Some(&mut control.0),
            MsgFlags::MSG_CMSG_CLOEXEC,
        )?;
        let is_truncated = message.flags.contains(MsgFlags::MSG_TRUNC);
        (message.bytes, is_truncated)
    };
    Ok(Datagram {
        bytes: &buffer[..length],
        is_truncated,
        sender: control.sender(),
    })
}

/// A socket without an address. Credentials are asked for before it has one, or a message could
/// arrive without them.
fn new_socket() -> io::Result<OwnedFd> {
    let socket = socket(
        AddressFamily::Unix,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
        None,
    )?;
    setsockopt(&socket, sockopt::PassCred, &true)?;
    Ok(socket)
}

struct Datagram<'a> {
    bytes: &'a [u8],
    is_truncated: bool,
    sender: Option<Pid>,
}

impl<'a> Datagram<'a> {
    /// Without the last assignment if that was cut, which may have changed its meaning. A cut status
    /// stays: it would be cut for the terminal anyway.
    fn trusted_part(&self) -> &'a [u8] {
        if !self.is_truncated {
            return self.bytes;
        }
        let start_of_last = self
            .bytes
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |newline| newline + 1);
        if self.bytes[start_of_last..].starts_with(b"STATUS=") {
            self.bytes
        } else {
            &self.bytes[..start_of_last]
        }
    }
}

/// `struct cmsghdr` as the kernel writes it: a length, a level and a type.
const HEADER_SIZE: usize = size_of::<usize>() + 2 * size_of::<i32>();
const CREDENTIALS_SIZE: usize = size_of::<libc::ucred>();
const CREDENTIALS_SPACE: usize =
    (HEADER_SIZE + CREDENTIALS_SIZE).next_multiple_of(align_of::<usize>());

/// Room for the sender's credentials, which the kernel writes first, and for nothing else: received
/// descriptors never enter this process. The kernel closes them while we read the message, which
/// is what a sender of `BARRIER=1` waits for, and neither a full descriptor table nor a fork at
/// the wrong moment can keep one open.
#[repr(align(8))]
struct Control([u8; CREDENTIALS_SPACE]);

impl Control {
    /// Read here, because nix refuses to read control data that was cut short, as ours is meant to be.
    fn sender(&self) -> Option<Pid> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (level, rest) = rest.split_first_chunk()?;
        let (kind, rest) = rest.split_first_chunk()?;
        let (pid, _) = rest.split_first_chunk()?;
        let is_credentials = usize::from_ne_bytes(*length) >= HEADER_SIZE + CREDENTIALS_SIZE
            && i32::from_ne_bytes(*level) == libc::SOL_SOCKET
            && i32::from_ne_bytes(*kind) == libc::SCM_CREDENTIALS;
        is_credentials.then(|| Pid::from_raw(i32::from_ne_bytes(*pid)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use super::*;

    use std::fs::File;
    use std::io::{IoSlice, Read};
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;
    use std::process::{Command, Stdio};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Instant;

    use nix::fcntl::{AT_FDCWD, OFlag};
    use nix::poll::{PollFd, PollFlags, poll};
    use nix::sys::socket::{ControlMessage, sendmsg};
    use nix::sys::stat::{UtimensatFlags::FollowSymlink, utimensat};
    use nix::sys::time::TimeSpec;
    use nix::unistd::pipe2;

    /// A socket, and a client of it that signs as this process.
    fn connected() -> (NotifySocket, UnixDatagram) {
        let socket = NotifySocket::bind(false).unwrap();
        let client = client_of(&socket);
        (socket, client)
    }

    fn client_of(socket: &NotifySocket) -> UnixDatagram {
        let client = UnixDatagram::unbound().unwrap();
        client.connect(socket.address()).unwrap();
        client
    }

    fn client_by_own_address(socket: &NotifySocket) -> UnixDatagram {
        let client = UnixDatagram::unbound().unwrap();
        let address = SocketAddr::from_abstract_name(&socket.name).unwrap();
        client.connect_addr(&address).unwrap();
        client
    }

    fn received(socket: &NotifySocket) -> Vec<Notification> {
        socket.receive(Pid::this()).unwrap_or_default()
    }

    #[test]
    fn each_launcher_has_its_own_addresses() {
        let (one, other) = (connected().0, connected().0);
        assert_ne!(one.address(), other.address());
        assert_ne!(one.own_address(), other.own_address());
    }

    #[test]
    fn an_address_in_the_file_system_is_anybodys_and_goes_with_the_socket() {
        let PathSocket { path, .. } = &PathSocket::bind_in("/tmp").unwrap();
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o666);
        let path = PathSocket::bind_in("/tmp").unwrap().path.clone();
        assert!(!path.exists());
    }

    #[test]
    fn where_no_path_can_be_used_the_address_is_abstract() {
        assert!(PathSocket::bind_in("/proc").is_err());
        let socket = NotifySocket::bind(true).unwrap();
        assert_eq!(socket.address(), socket.own_address());
        assert!(socket.address().as_bytes().starts_with(b"@"));
    }

    #[test]
    fn the_daemon_is_heard_at_both_addresses() {
        let (socket, client) = connected();
        client.send(b"READY=1").unwrap();
        assert_eq!(received(&socket), [Notification::Ready]);
        client_by_own_address(&socket).send(b"STOPPING=1").unwrap();
        assert_eq!(received(&socket), [Notification::Stopping]);
    }

    #[test]
    fn what_killed_launchers_left_is_cleared_away_and_nothing_else() {
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
        clear_away_in(&directory);
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
    fn the_daemon_is_heard_in_the_order_of_its_words() {
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
    fn a_received_descriptor_is_closed_and_its_message_is_heard() {
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
    fn a_datagram_of_64_kib_is_heard_as_far_as_it_is_read() {
        let (socket, client) = connected();
        let mut datagram = b"READY=1\nX=".to_vec();
        datagram.resize(64 * 1024, b'x');
        client.send(&datagram).unwrap();
        client.send(b"STOPPING=1").unwrap();
        let heard = received(&socket);
        assert_eq!(heard, [Notification::Ready, Notification::Stopping]);
    }

    #[test]
    fn a_number_that_was_cut_is_not_believed() {
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
    fn a_status_that_was_cut_is_shown() {
        let (socket, client) = connected();
        let mut datagram = b"STATUS=".to_vec();
        datagram.resize(64 * 1024, b'x');
        client.send(&datagram).unwrap();
        let heard = received(&socket);
        assert!(
            matches!(heard.as_slice(), [Notification::Status(line)] if line.starts_with("xxx"))
        );
    }

    #[test]
    fn a_flood_does_not_hold_the_launcher() {
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
    fn systemd_notify_of_a_daemon_run_by_root_is_understood_and_not_kept_waiting() {
        let socket = NotifySocket::bind(false).unwrap();
        let child = Command::new("systemd-notify")
            .args(["--ready", "--status=served"])
            .env("NOTIFY_SOCKET", socket.address())
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
}
