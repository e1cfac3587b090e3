//! The sockets that were handed over to this process by `LISTEN_FDS`, see `sd_listen_fds(3)`.

use std::env;
use std::ffi::OsString;
use std::os::fd::RawFd;
use std::sync::OnceLock;

use nix::unistd::getpid;

use crate::files::FileId;
use crate::number;
use crate::sys::descriptors::{file_id, is_open};

/// The first descriptor after the standard streams.
pub(crate) const FIRST: RawFd = 3;

/// The variables of such sockets. `LISTEN_PIDFDID` names the process too, by the inode of its pidfd;
/// without it `LISTEN_PID` counts alone.
pub(crate) const PID: &str = "LISTEN_PID";
pub(crate) const PIDFDID: &str = "LISTEN_PIDFDID";
pub(crate) const COUNT: &str = "LISTEN_FDS";
pub(crate) const NAMES: &str = "LISTEN_FDNAMES";

/// The name of a socket that has none.
const UNKNOWN: &str = "unknown";

/// What the program was given. It may close a socket, and another file may get the fd.
static KNOWN: OnceLock<Vec<(RawFd, FileId)>> = OnceLock::new();

/// How many there are, as the variable says.
pub(crate) fn count() -> usize {
    let count = |text: OsString| number::parse(text.to_str()?, 10);
    match env::var_os(PID) {
        Some(pid) if pid == *format!("{}", getpid()) => env::var_os(COUNT).and_then(count),
        _ => None,
    }
    .unwrap_or_default()
}

/// The names of those that are open, in the order of their fds from [`FIRST`] on.
pub(crate) fn names() -> Vec<String> {
    let mut names = listed_names();
    let count = RawFd::try_from(count()).unwrap_or(RawFd::MAX);
    let open = (FIRST..FIRST.saturating_add(count)).take_while(|fd| is_open(*fd));
    names.resize(open.count(), UNKNOWN.to_owned());
    names
}

/// The same for a program, with their fds: one that [`exec`](crate::exec) has executed may lack some.
pub(crate) fn sockets() -> Vec<(String, RawFd)> {
    // The variable may name any count.
    let mut names = listed_names();
    let count = count().min(names.len().max(self::names().len()));
    names.resize(count, UNKNOWN.to_owned());
    keep_in_mind(names)
}

/// The same with these names, as the launcher tells them. One that is empty is no socket.
pub(crate) fn sockets_named(names: &[String]) -> Vec<(String, RawFd)> {
    keep_in_mind(names.to_vec())
}

fn keep_in_mind(names: Vec<String>) -> Vec<(String, RawFd)> {
    let sockets = names
        .into_iter()
        .zip(FIRST..)
        .filter(|(name, fd)| !name.is_empty() && is_open(*fd));
    let sockets: Vec<_> = sockets.collect();
    KNOWN.get_or_init(|| {
        let known = sockets.iter().map(|(_, fd)| Some((*fd, file_id(*fd)?)));
        known.flatten().collect()
    });
    sockets
}

/// Those of [`sockets`] that are still open, whether the program has taken them or not.
pub(crate) fn still_open() -> Vec<RawFd> {
    let known = KNOWN.get().into_iter().flatten();
    let open = known.filter(|(fd, id)| file_id(*fd) == Some(*id));
    open.map(|(fd, _)| *fd).collect()
}

/// Whether this one of [`sockets`] is still what the program was given.
pub(crate) fn is_unchanged(fd: RawFd) -> bool {
    let known = KNOWN.get().into_iter().flatten();
    let id = file_id(fd);
    id.is_some()
        && known
            .copied()
            .any(|known| Some(known) == id.map(|id| (fd, id)))
}

fn listed_names() -> Vec<String> {
    let names = env::var_os(NAMES).unwrap_or_default();
    let names = names.to_string_lossy();
    let name = |name: &str| if name.is_empty() { UNKNOWN } else { name }.to_owned();
    names.split(':').map(name).collect()
}
