//! `listener` and `unix_listener`: the socket of this name that was handed over to the program, or a new
//! one.

use std::fs;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::bound_socket::{self, BoundUnix, SocketFile, bind_tcp, bind_unix};
use crate::error::shown;
use crate::listen_address::is_name;
use crate::listen_fds;
use crate::program_name;
use crate::readiness::notify;
use crate::sys;
use crate::sys::socket::int_option;
use crate::systemd;
use crate::unix_address::UnixAddress;

/// The sockets of `LISTEN_FDS` that the program has not taken. The first look marks them: no child of the
/// program gets them.
static HANDED_OVER: Mutex<Option<Vec<(String, RawFd)>>> = Mutex::new(None);

/// The names of `listen`, which the program is to take before it is ready.
static EXPECTED: OnceLock<Vec<String>> = OnceLock::new();

/// Returns the TCP socket of this name, which listens already, or binds one to this address. The
/// same call works in the foreground, under systemd, and in a daemon with
/// [`listen`](crate::Daemon::listen).
///
/// A socket is handed over by [`listen`](crate::Daemon::listen) or by a socket unit of systemd,
/// whose `FileDescriptorName=` is the name. A socket that listens on another address is used too,
/// and one line in the log says so. Each socket is handed over once; later calls bind. Under
/// systemd a socket that was bound here is stored with the manager, so that it survives a restart,
/// if the unit has `FileDescriptorStoreMax=`. See `sd_listen_fds(3)` and
/// `sd_pid_notify_with_fds(3)`.
///
/// Take a socket by one crate only: what another crate, such as `listenfd`, has taken from `LISTEN_FDS` is
/// owned by that crate, so do not give its name here.
///
/// The socket is blocking and close-on-exec. An async runtime needs
/// [`set_nonblocking(true)`](TcpListener::set_nonblocking).
///
/// # Errors
///
/// Those of [`TcpListener::bind`]; `InvalidInput` if the name is empty, longer than 255 bytes, or holds
/// anything but printable ASCII without `:` and `=`, or if the socket of this name is no TCP socket that
/// listens.
///
/// ```
/// let listener = daemon::listener("http", "127.0.0.1:0")?;
/// println!("clients can connect to {}", listener.local_addr()?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn listener(name: &str, address: impl ToSocketAddrs) -> io::Result<TcpListener> {
    check_name(name)?;
    let wanted = || address.to_socket_addrs().map(Iterator::collect::<Vec<_>>);
    // The look-up may take its time, so it does not happen while other threads wait for their
    // sockets. A name that cannot be looked up is no reason to refuse a socket that is there.
    let is_there = handed_over()
        .get_or_insert_with(mark)
        .iter()
        .any(|(other, _)| other == name);
    let expected = is_there.then(wanted).and_then(Result::ok);
    let address_of = |socket: BorrowedFd<'_>| {
        let socket = TcpListener::from(socket.try_clone_to_owned()?);
        socket.local_addr()
    };
    let is_at = |bound: &SocketAddr, wanted: &SocketAddr| {
        let is_any = bound.ip().is_unspecified() || wanted.ip().is_unspecified();
        (is_any || bound.ip() == wanted.ip())
            && (wanted.port() == 0 || bound.port() == wanted.port())
    };
    let taken = take(name, "TCP", address_of, |bound| {
        let wanted = expected.as_ref()?;
        let is_wanted = wanted.iter().any(|wanted| is_at(bound, wanted));
        (!is_wanted).then(|| (bound.to_string(), listed(wanted)))
    })?;
    if let Some(socket) = taken {
        let listener = TcpListener::from(socket);
        listener.set_nonblocking(false)?;
        return Ok(listener);
    }
    let mut failure = io::Error::new(io::ErrorKind::InvalidInput, "there is no address to bind");
    for address in wanted()? {
        match bind_tcp(address) {
            Ok(socket) => {
                store(name, &socket);
                return Ok(socket.into());
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Returns the Unix socket of this name, which listens already, or binds one to this path. `@NAME` is an
/// abstract address. Otherwise as [`listener`].
///
/// A file that an earlier socket has left at the path is removed, if no process listens there.
///
/// # Errors
///
/// Those of [`UnixListener::bind`], and those of the name as for [`listener`].
///
/// ```
/// # let directory = std::env::temp_dir();
/// # let path = directory.join(format!("daemon-example-{}.sock", std::process::id()));
/// let listener = daemon::unix_listener("control", &path)?;
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn unix_listener(name: &str, path: impl AsRef<Path>) -> io::Result<UnixListener> {
    check_name(name)?;
    let wanted = UnixAddress::from_path(path.as_ref().to_owned());
    let address_of = |socket: BorrowedFd<'_>| {
        let socket = UnixListener::from(socket.try_clone_to_owned()?);
        Ok(UnixAddress::of(&socket.local_addr()?))
    };
    let taken = take(name, "Unix", address_of, |bound| {
        let is_wanted = match (bound, &wanted) {
            // In another root directory, or relative to another directory, it is a part of the path.
            (Some(UnixAddress::Path(bound)), UnixAddress::Path(wanted)) => {
                bound.ends_with(wanted.strip_prefix("/").unwrap_or(wanted))
            }
            (bound, wanted) => bound.as_ref() == Some(wanted),
        };
        let shown = |address: &UnixAddress| shown(address.to_string().as_ref());
        let bound = || bound.as_ref().map_or("none".to_owned(), shown);
        (!is_wanted).then(|| (bound(), shown(&wanted)))
    })?;
    if let Some(socket) = taken {
        let listener = UnixListener::from(socket);
        listener.set_nonblocking(false)?;
        say_if_lost(name, &listener, &wanted);
        return Ok(listener);
    }
    let BoundUnix { socket, .. } =
        bind_unix(&wanted, SocketFile::default(), || Ok::<_, io::Error>(()))?;
    store(name, &socket);
    Ok(socket.into())
}

/// Stores a socket with systemd, if that has started this very process.
fn store(name: &str, socket: &OwnedFd) {
    if systemd::started_this_process() {
        notify::store(name, socket.as_fd());
    }
}

/// Says that no client finds the socket: an earlier run has removed its file. The launcher and the
/// supervisor bind theirs anew.
fn say_if_lost(name: &str, socket: &UnixListener, wanted: &UnixAddress) {
    let bound = socket.local_addr().ok();
    let bound = bound.and_then(|address| UnixAddress::of(&address));
    let (Some(UnixAddress::Path(bound)), UnixAddress::Path(wanted)) = (&bound, wanted) else {
        return;
    };
    let is_missing = |path: &Path| fs::symlink_metadata(path).is_err();
    let is_ours = EXPECTED
        .get()
        .is_some_and(|names| names.iter().any(|other| other == name));
    // In another root directory it is found by the other path.
    if !is_ours && is_missing(bound) && is_missing(wanted) {
        let bound = shown(bound);
        say(&format!(
            "the socket `{name}` was handed over without its file {bound}"
        ));
    }
}

fn check_name(name: &str) -> io::Result<()> {
    if is_name(name) {
        return Ok(());
    }
    let reason = "the name of a socket is 1 to 255 printable characters without `:` and `=`";
    Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
}

/// Takes the socket of this name. Of several it is the first one with the wanted address, else the first.
/// `difference` is the address of a socket and the wanted one, where they differ.
fn take<A>(
    name: &str,
    kind: &str,
    address_of: impl Fn(BorrowedFd<'_>) -> io::Result<A>,
    difference: impl Fn(&A) -> Option<(String, String)>,
) -> io::Result<Option<OwnedFd>> {
    let mut handed_over = handed_over();
    let sockets = handed_over.get_or_insert_with(mark);
    let mut found = None;
    let mut refused = false;
    for (index, (_, fd)) in sockets
        .iter()
        .enumerate()
        .filter(|(_, (other, _))| other == name)
    {
        // The program may have closed it, or made another file of its fd.
        if !listen_fds::is_unchanged(*fd) {
            continue;
        }
        let Ok(socket) = sys::descriptors::adopt(*fd) else {
            continue;
        };
        let is_server = int_option(socket.as_fd(), libc::SO_TYPE) == Ok(libc::SOCK_STREAM)
            && int_option(socket.as_fd(), libc::SO_ACCEPTCONN).is_ok_and(|it| it != 0);
        match address_of(socket.as_fd()) {
            Ok(address) if is_server => {
                let difference = difference(&address);
                let is_wanted = difference.is_none();
                if is_wanted || found.is_none() {
                    found = Some((index, difference));
                }
                if is_wanted {
                    break;
                }
            }
            _ => refused = true,
        }
    }
    let Some((index, difference)) = found else {
        if refused {
            let reason = format!("the socket `{name}` that was handed over is no {kind} listener");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        return Ok(None);
    };
    let (_, fd) = sockets.remove(index);
    let socket = sys::descriptors::take_over(fd)?;
    drop(handed_over);
    if let Some((bound, wanted)) = difference {
        say(&format!(
            "the socket `{name}` was handed over with the address {bound}, and not {wanted}"
        ));
    }
    bound_socket::listen(&socket)?;
    Ok(Some(socket))
}

fn handed_over() -> MutexGuard<'static, Option<Vec<(String, RawFd)>>> {
    HANDED_OVER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was handed over, as the variables say.
fn mark() -> Vec<(String, RawFd)> {
    close_on_exec(listen_fds::sockets())
}

fn close_on_exec(sockets: Vec<(String, RawFd)>) -> Vec<(String, RawFd)> {
    for (_, fd) in &sockets {
        let _ = sys::descriptors::close_on_exec(*fd);
    }
    sockets
}

/// The program is to take these before it is ready. No child of the program gets them. `all` are
/// the names of those that were handed over: the program may have removed the variables.
pub(crate) fn expect(names: Vec<String>, all: &[String]) {
    EXPECTED.get_or_init(|| names);
    handed_over().get_or_insert_with(|| close_on_exec(listen_fds::sockets_named(all)));
}

/// Says which sockets of `listen` the program has not taken.
pub(crate) fn say_what_is_left() {
    let Some(expected) = EXPECTED.get() else {
        return;
    };
    let handed_over = handed_over();
    let is_left = |name: &&String| match &*handed_over {
        Some(sockets) => sockets.iter().any(|(other, _)| other == *name),
        None => true,
    };
    let left: Vec<_> = expected.iter().filter(is_left).cloned().collect();
    drop(handed_over);
    if !left.is_empty() {
        say(&format!(
            "ready without these sockets of `listen`: {}; use daemon::listener or \
             daemon::unix_listener",
            left.join(", ")
        ));
    }
}

fn listed(addresses: &[SocketAddr]) -> String {
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    addresses.join(", ")
}

/// One line in the log.
fn say(text: &str) {
    let line = program_name::line(text);
    io::stderr().write_all(line.as_bytes()).ok();
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use std::net::Ipv4Addr;
    use std::thread;
    use std::time::{Duration, Instant};
    use std::vec;

    use super::*;

    /// A name that takes its time to be looked up.
    struct Name;

    impl ToSocketAddrs for Name {
        type Iter = vec::IntoIter<SocketAddr>;

        fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
            let deadline = Instant::now() + Duration::from_secs(10);
            while HANDED_OVER.try_lock().is_err() {
                if Instant::now() >= deadline {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                thread::sleep(Duration::from_millis(1));
            }
            Ok(vec![(Ipv4Addr::LOCALHOST, 0).into()].into_iter())
        }
    }

    #[test]
    fn name_is_looked_up_while_others_take_their_sockets() {
        // It is handed over, by a descriptor that was closed since.
        *handed_over() = Some(vec![("slow".to_owned(), RawFd::MAX)]);
        listener("slow", Name).unwrap();
        listener("new", Name).unwrap();
    }
}
