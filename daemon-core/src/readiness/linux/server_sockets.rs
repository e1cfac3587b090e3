//! The sockets of a daemon and of its descendants that serve: those that listen, and UDP.

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, RawFd};
use std::path::{Path, PathBuf};

use nix::unistd::Pid;

use super::peer_socket::{PeerSockets, parse_socket_link, state_of};
use super::process_tree::{ProcessTree, Task};
use super::socket_file;
use super::socket_state::{LocalAddress, SocketState};
use crate::number;
use crate::readiness::Address;
use crate::sys::files::{self, NodeId};
use crate::unix_address::UnixAddress;

/// The launcher may not look at the descriptors of the daemon: it is not dumpable, or of another
/// user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Denied;

/// A socket that serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Server {
    Listener(Listener),
    Udp(SocketAddr),
}

/// A socket that takes connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listener {
    address: LocalAddress,
    inode: u64,
    /// The directory in `/proc` of the task that has it.
    task: PathBuf,
    /// Whether that process has the root directory of the daemon.
    has_root_of_daemon: bool,
}

/// Finds the sockets that serve, and remembers those that never will.
#[derive(Debug, Default)]
pub(super) struct ServerSockets {
    /// Inherited sockets say nothing: they may have served all the time.
    inherited: Vec<u64>,
    /// Connected sockets, in order.
    never_serve: Vec<u64>,
    sockets: PeerSockets,
}

impl ServerSockets {
    /// The daemon inherits these descriptors of this process.
    pub(super) fn new(inherited: &[RawFd]) -> Self {
        let links = inherited.iter().filter_map(|descriptor| {
            fs::read_link(format!("/proc/thread-self/fd/{descriptor}")).ok()
        });
        Self {
            inherited: links
                .filter_map(|link| parse_socket_link(link.to_str()?))
                .collect(),
            ..Self::default()
        }
    }

    /// The servers of all processes of the tree, without the inherited ones.
    pub(super) fn find(&mut self, tree: &ProcessTree) -> Result<Vec<Server>, Denied> {
        let pids: Vec<Pid> = tree.processes.iter().map(|process| process.pid).collect();
        self.sockets.begin_look(&pids);
        let mut servers = Vec::new();
        let mut root = None;
        for process in &tree.processes {
            // It has ended, or is about to.
            let Some(task) = process.living_task() else {
                continue;
            };
            if process.parent.is_none() {
                root = fs::read_link(task.directory.join("root")).ok();
            }
            match self.find_in(&task, root.as_ref(), &mut servers) {
                // The files of a task that ends belong to root until it is gone.
                Err(error) if process.parent.is_none() && is_denied(&error) => {
                    if process.living_task().as_ref() == Some(&task) {
                        return Err(Denied);
                    }
                }
                // It has ended, or is a helper that became another user.
                Ok(()) | Err(_) => {}
            }
        }
        Ok(servers)
    }

    fn find_in(
        &mut self,
        task: &Task,
        root: Option<&PathBuf>,
        servers: &mut Vec<Server>,
    ) -> io::Result<()> {
        for entry in fs::read_dir(task.directory.join("fd"))? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(descriptor) = name.to_str().and_then(|name| number::parse(name, 10)) else {
                continue;
            };
            let inode = match fs::read_link(entry.path()) {
                Ok(link) => link.to_str().and_then(parse_socket_link),
                Err(error) if is_denied(&error) => return Err(error),
                // Closed in between.
                Err(_) => continue,
            };
            let new = inode.filter(|inode| {
                !self.inherited.contains(inode) && self.never_serve.binary_search(inode).is_err()
            });
            let Some(inode) = new else {
                continue;
            };
            match self.sockets.state(task, descriptor, inode) {
                Some(SocketState::Listening(address)) => servers.push(Server::Listener(Listener {
                    address,
                    inode,
                    task: task.directory.clone(),
                    has_root_of_daemon: fs::read_link(task.directory.join("root")).ok().as_ref()
                        == root,
                })),
                Some(SocketState::Bound(address)) => servers.push(Server::Udp(address)),
                Some(SocketState::Connected(..) | SocketState::UnixPeer(_)) => {
                    if let Err(place) = self.never_serve.binary_search(&inode) {
                        self.never_serve.insert(place, inode);
                    }
                }
                Some(SocketState::Connecting | SocketState::Other) | None => {}
            }
        }
        Ok(())
    }
}

/// Whether one of these descriptors of this process is a socket that serves already.
pub(super) fn is_one_server(descriptors: &[RawFd]) -> bool {
    let mut sockets = PeerSockets::default();
    descriptors.iter().any(|descriptor| {
        let socket = sockets.duplicate(Pid::this(), *descriptor).map(state_of);
        matches!(
            socket,
            Ok(SocketState::Listening(_) | SocketState::Bound(_))
        )
    })
}

impl Server {
    /// Whether a client reaches it there.
    pub(super) fn is_at(&self, wanted: &Address) -> bool {
        match (self, wanted) {
            (Self::Listener(listener), wanted) => listener.is_at(wanted),
            (Self::Udp(address), Address::Udp(port)) => address.port() == *port,
            (Self::Udp(_), _) => false,
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listener(Listener { address, .. }) => match address {
                LocalAddress::Ip(address) => write!(f, "{address}"),
                LocalAddress::Unix(address) => write!(f, "{address}"),
                LocalAddress::Other => f.write_str("a socket"),
            },
            Self::Udp(address) => write!(f, "UDP {address}"),
        }
    }
}

impl Listener {
    fn is_at(&self, wanted: &Address) -> bool {
        match (&self.address, wanted) {
            (LocalAddress::Ip(address), Address::Tcp(port)) => address.port() == *port,
            (LocalAddress::Unix(UnixAddress::Path(bound)), Address::Unix(wanted)) => {
                matches!(wanted, UnixAddress::Path(wanted)
                    if (self.has_root_of_daemon && wanted == bound)
                        || self.is_same_file(bound, wanted))
            }
            (LocalAddress::Unix(address), Address::Unix(wanted)) => address == wanted,
            _ => false,
        }
    }

    /// Whether the path that the process has bound is this file: the path may be relative, of another
    /// root directory, or an earlier name of it. A process may have bound it in a file system of its own,
    /// which is not asked, since it need not answer. The path of a bound socket is in the kernel's memory.
    fn is_same_file(&self, bound: &Path, wanted: &Path) -> bool {
        let Ok(id) = NodeId::of(wanted) else {
            return false;
        };
        let (directory, below) = match bound.strip_prefix("/") {
            Ok(below_root) => ("root", below_root),
            Err(_) => ("cwd", bound),
        };
        let seen = |path: &Path| {
            files::open_directory(&self.task.join(directory))
                .and_then(|directory| NodeId::below(directory.as_fd(), path))
        };
        // A rename or a hard link leaves it in its file system.
        let may_be_renamed = || match (below.parent(), wanted.parent().map(NodeId::of)) {
            (Some(parent), Some(Ok(wanted))) => {
                seen(&Path::new(".").join(parent)).is_ok_and(|id| id.has_device_of(wanted))
            }
            _ => false,
        };
        // It may have left the directory in which it has bound a relative path, need a link, or have
        // another name by now.
        let has_its_file = || {
            (bound.file_name() == wanted.file_name() || may_be_renamed())
                && socket_file::inode_of_file(self.inode) == Ok(id.lower_half_of_inode())
        };
        seen(below) == Ok(id) || has_its_file()
    }
}

fn is_denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use super::*;

    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixListener;

    fn inode_of(socket: &UnixListener) -> u64 {
        let link = fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap();
        parse_socket_link(link.to_str().unwrap()).unwrap()
    }

    fn listener_at(path: &Path, inode: u64, has_root_of_daemon: bool) -> Server {
        Server::Listener(Listener {
            address: LocalAddress::Unix(UnixAddress::Path(path.to_owned())),
            inode,
            task: "/proc/self".into(),
            has_root_of_daemon,
        })
    }

    #[test]
    fn equal_path_in_another_root_is_another_socket() {
        let path = Path::new("/missing/socket");
        let wanted = Address::Unix(UnixAddress::Path(path.to_owned()));
        assert!(listener_at(path, 0, true).is_at(&wanted));
        assert!(!listener_at(path, 0, false).is_at(&wanted));
    }

    #[test]
    fn relative_path_is_found_from_another_directory() {
        let name = format!("daemon-relative-{}", std::process::id());
        let path = std::env::temp_dir().join(&name);
        let socket = UnixListener::bind(&path).unwrap();
        let inode = inode_of(&socket);
        let is_known = socket_file::inode_of_file(inode).is_ok();
        let listener = Listener {
            address: LocalAddress::Unix(UnixAddress::Path(name.into())),
            inode,
            task: "/proc/self".into(),
            has_root_of_daemon: true,
        };
        let is_at =
            |path: &Path| listener.is_at(&Address::Unix(UnixAddress::Path(path.to_owned())));
        let found = (is_at(&path), is_at(&path.with_extension("other")));
        fs::remove_file(&path).unwrap();
        // A kernel may be built without the interface that tells.
        assert_eq!(found, (is_known, false));
    }

    /// Fault 309: a socket may get its name when it has its mode, so that no client comes before.
    #[test]
    fn socket_is_found_by_a_later_name() {
        let directory = std::env::temp_dir().join(format!("daemon-name-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let place = |name| directory.join(name);
        let listeners = ["new", "other"].map(|name| UnixListener::bind(place(name)).unwrap());
        fs::rename(place("new"), place("socket")).unwrap();
        let inode = inode_of(&listeners[0]);
        let is_known = socket_file::inode_of_file(inode).is_ok();
        let is_at = |name| {
            let wanted = Address::Unix(UnixAddress::Path(place(name)));
            listener_at(&place("new"), inode, true).is_at(&wanted)
        };
        let found = ["socket", "other", "missing"].map(is_at);
        fs::remove_dir_all(directory).unwrap();
        // A kernel may be built without the interface that tells.
        assert_eq!(found, [is_known, false, false]);
    }

    #[test]
    fn socket_is_found_by_another_path() {
        let directory = std::env::temp_dir().join(format!("daemon-path-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let link = directory.join("link");
        std::os::unix::fs::symlink(&directory, &link).unwrap();
        let (bound, other) = (directory.join("bound"), directory.join("other"));
        let listeners = [&bound, &other].map(|path| UnixListener::bind(path).unwrap());
        let inode = inode_of(&listeners[0]);
        let is_at = |name: &str| {
            let wanted = Address::Unix(UnixAddress::Path(link.join(name)));
            listener_at(&bound, inode, true).is_at(&wanted)
        };
        let found = ["bound", "other", "missing"].map(is_at);
        fs::remove_dir_all(directory).unwrap();
        assert_eq!(found, [true, false, false]);
    }
}
