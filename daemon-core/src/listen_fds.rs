//! The sockets that were handed over to this process by `LISTEN_FDS`, see `sd_listen_fds(3)`.

use std::env;
use std::ffi::OsString;
use std::os::fd::RawFd;

use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::getpid;

use crate::sys;

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

/// How many there are, as the variable says.
pub(crate) fn count() -> usize {
    let count = |text: OsString| text.to_str()?.parse().ok();
    match env::var_os(PID) {
        Some(pid) if pid == *getpid().to_string() => env::var_os(COUNT).and_then(count),
        _ => None,
    }
    .unwrap_or_default()
}

/// Those that listen, whether the program has taken them or not.
pub(crate) fn listening() -> impl Iterator<Item = RawFd> + Clone {
    let listens = |fd: &RawFd| {
        let socket = sys::descriptors::adopt(*fd);
        socket.is_ok_and(|socket| getsockopt(&socket, sockopt::AcceptConn) == Ok(true))
    };
    let count = RawFd::try_from(count()).unwrap_or(RawFd::MAX);
    let end = (FIRST..FIRST.saturating_add(count)).find(|fd| !listens(fd));
    FIRST..end.unwrap_or(FIRST.saturating_add(count))
}

/// The names of those that are open, in the order of their fds from [`FIRST`] on.
pub(crate) fn names() -> Vec<String> {
    let count = RawFd::try_from(count()).unwrap_or(RawFd::MAX);
    let names = env::var_os(NAMES).unwrap_or_default();
    let names = names.to_string_lossy();
    let names = names.split(':').filter(|name| !name.is_empty());
    (FIRST..FIRST.saturating_add(count))
        .take_while(|fd| sys::descriptors::is_open(*fd))
        .zip(names.map(Some).chain(std::iter::repeat(None)))
        .map(|(_, name)| name.unwrap_or(UNKNOWN).to_owned())
        .collect()
}
