//! The sender of notifications: to the launcher by the hand-off, to a service manager by its socket.
//! It never fails.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::protocol::{NOTIFY_SOCKET, READY};
use crate::handoff::DaemonEnd;
use crate::sys;

/// A launcher that waits empties its queue within milliseconds. One that was stopped from the
/// terminal does not, and must not hold the daemon up with it.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// Linux lets ten datagrams wait in a queue, so a daemon that reports its progress can fill it.
const RETRY_INTERVAL: Duration = Duration::from_millis(1);

/// The launcher of this daemon.
static LAUNCHER: OnceLock<Launcher> = OnceLock::new();

/// The service manager, which has set the variable; in the foreground too.
static MANAGER: OnceLock<Option<Receiver>> = OnceLock::new();

#[derive(Debug)]
struct Launcher {
    end: DaemonEnd,
    /// The launcher waits for [`READY`].
    is_awaited: bool,
    /// What `NOTIFY_SOCKET` was at the start: a program may clear its environment.
    variable: Option<OsString>,
    /// A forked child is not the daemon.
    owner: u32,
    /// A launcher ends when it has heard what it waits for.
    has_gone: AtomicBool,
}

/// Keeps the hand-off, by which the launcher is told how the daemon gets on. Where the launcher waits
/// for [`READY`], `NOTIFY_SOCKET` is its own.
pub(crate) fn remember_launcher(end: DaemonEnd, is_awaited: bool) {
    LAUNCHER.get_or_init(|| Launcher {
        end,
        is_awaited,
        variable: env::var_os(NOTIFY_SOCKET),
        owner: std::process::id(),
        has_gone: AtomicBool::new(false),
    });
}

/// The descriptor that leads to the launcher, while it waits for this daemon.
pub(crate) fn launcher_descriptor() -> Option<RawFd> {
    let launcher = LAUNCHER.get()?;
    if launcher.has_gone.load(Ordering::Relaxed) {
        return None;
    }
    launcher.end.descriptor()
}

/// Says what must not get lost, and waits up to a second for a full queue. Nothing else makes
/// it wait, and no failure is reported: a program does not depend on its supervisor.
pub(crate) fn send(assignments: &str) {
    tell(assignments, SEND_TIMEOUT);
}

/// Says what may get lost, and never waits.
pub(crate) fn send_if_there_is_room(assignments: &str) {
    tell(assignments, Duration::ZERO);
}

/// Says what the launcher prints when the daemon is up. A service manager has no use for it.
pub(crate) fn announce(bytes: &[u8]) {
    if let Some(launcher) = LAUNCHER.get() {
        launcher.announce(bytes);
    }
}

fn tell(assignments: &str, timeout: Duration) {
    if let Some(launcher) = LAUNCHER.get() {
        launcher.tell(assignments, timeout);
    }
    if let Some(manager) = manager() {
        // A program does not depend on its manager.
        manager.deliver(assignments, timeout).ok();
    }
}

fn manager() -> Option<&'static Receiver> {
    let manager = || match LAUNCHER.get() {
        // The variable is the launcher's own.
        Some(launcher) if launcher.is_awaited => None,
        Some(launcher) => Receiver::named(launcher.variable.as_deref()?),
        None => Receiver::named(&env::var_os(NOTIFY_SOCKET)?),
    };
    MANAGER.get_or_init(manager).as_ref()
}

/// Stores a descriptor with the service manager, which hands it over to the next run under this name, see
/// `FDSTORE=1` in `sd_notify(3)`. A launcher takes none.
pub(crate) fn store(name: &str, fd: BorrowedFd<'_>) {
    let Some(Receiver(address)) = manager() else {
        return;
    };
    let assignments = format!("FDSTORE=1\nFDNAME={name}");
    let send = || -> io::Result<usize> {
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(SEND_TIMEOUT))?;
        socket.connect_addr(address)?;
        let text = assignments.as_bytes();
        Ok(sys::socket::send_with_fd(socket.as_fd(), text, fd)?)
    };
    // A program does not depend on its manager.
    send().ok();
}

impl Launcher {
    fn announce(&self, bytes: &[u8]) {
        if !self.has_gone.load(Ordering::Relaxed) && std::process::id() == self.owner {
            // Without a launcher there is no output that it could come to.
            let _ = self.end.announce(bytes, SEND_TIMEOUT);
        }
    }

    fn tell(&self, assignments: &str, timeout: Duration) {
        if self.has_gone.load(Ordering::Relaxed) || std::process::id() != self.owner {
            return;
        }
        let has_gone = match self.end.notify(assignments.as_bytes(), timeout) {
            Ok(()) => self.is_awaited && assignments == READY,
            Err(Errno::EAGAIN) => false,
            Err(_) => self.tell_by_variable(assignments, timeout),
        };
        if has_gone {
            self.has_gone.store(true, Ordering::Relaxed);
            self.unset_variable();
        }
    }

    /// Sends through `NOTIFY_SOCKET`, after the program has closed the hand-off or executed itself.
    /// Returns whether the launcher has exited.
    fn tell_by_variable(&self, assignments: &str, timeout: Duration) -> bool {
        let variable = self.variable.as_deref().filter(|_| self.is_awaited);
        let Some(receiver) = variable.and_then(Receiver::named) else {
            return true;
        };
        match receiver.deliver(assignments, timeout) {
            Ok(()) => assignments == READY,
            Err(error) => !is_full(&error),
        }
    }

    /// Later children of the daemon have nothing to say to the launcher. The program may have put
    /// another address into the variable.
    fn unset_variable(&self) {
        let variable = self.variable.as_ref().filter(|_| self.is_awaited);
        if variable.is_some() && env::var_os(NOTIFY_SOCKET).as_ref() == variable {
            sys::environment::set(NOTIFY_SOCKET.as_ref(), None);
        }
    }
}

/// A socket of `sd_notify(3)`.
#[derive(Debug)]
struct Receiver(SocketAddr);

impl Receiver {
    fn named(name: &OsStr) -> Option<Self> {
        address(name).map(Self)
    }

    fn deliver(&self, assignments: &str, timeout: Duration) -> io::Result<()> {
        deliver(assignments, &self.0, timeout)
    }
}

/// `None` for an address of a kind that we do not speak, `vsock:` for example, and for one that is
/// too long.
fn address(name: &OsStr) -> Option<SocketAddr> {
    match name.as_bytes() {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        [b'@', name @ ..] if !name.is_empty() => abstract_address(name).ok(),
        // A relative path would mean another socket after a `chdir`.
        [b'/', ..] => SocketAddr::from_pathname(name).ok(),
        _ => None,
    }
}

/// The socket is made anew each time: a descriptor of ours that stayed open would be seen by the
/// user's code, and a program that closes all descriptors would close it.
fn deliver(assignments: &str, address: &SocketAddr, timeout: Duration) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    let mut deadline = None;
    loop {
        match socket.send_to_addr(assignments.as_bytes(), address) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_full(&error) => {
                let now = Instant::now();
                if now >= *deadline.get_or_insert(now + timeout) {
                    return Err(error);
                }
                thread::sleep(RETRY_INTERVAL);
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_address(name: &[u8]) -> io::Result<SocketAddr> {
    #[cfg(target_os = "android")]
    use std::os::android::net::SocketAddrExt;
    #[cfg(target_os = "linux")]
    use std::os::linux::net::SocketAddrExt;

    SocketAddr::from_abstract_name(name)
}

/// The BSDs and macOS say ENOBUFS where Linux says EAGAIN.
fn is_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests;
