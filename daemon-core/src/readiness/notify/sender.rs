//! The daemon's end: says it, and never fails.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{NOTIFY_SOCKET, READY};
use crate::sys;

/// A launcher that waits empties its queue within milliseconds. One that was stopped from the
/// terminal does not, and must not hold the daemon up with it.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// Linux lets ten datagrams wait in a queue, so a daemon that reports its progress can fill it.
const RETRY_INTERVAL: Duration = Duration::from_millis(1);

static RECEIVER: OnceLock<Option<Receiver>> = OnceLock::new();

/// The receiver, fixed from now on: the launcher, also at this other address, or else the process
/// that set the variable.
///
/// Looked up once, so that a program that clears its environment still reaches the launcher that
/// waits for it, and so that no later `ready()` races with a `setenv(3)` elsewhere.
pub(crate) fn remember_receiver(launcher: Option<&OsStr>) {
    RECEIVER.get_or_init(|| Receiver::of_this_process(launcher));
}

/// Says what must not get lost, and waits up to a second for a full queue. Nothing else makes
/// it wait, and no failure is reported: a program does not depend on its supervisor.
pub(crate) fn send(assignments: &str) {
    if let Some(receiver) = receiver() {
        receiver.tell(assignments, SEND_TIMEOUT);
    }
}

/// Says what may get lost, and never waits.
pub(crate) fn send_if_there_is_room(assignments: &str) {
    if let Some(receiver) = receiver() {
        receiver.tell(assignments, Duration::ZERO);
    }
}

fn receiver() -> Option<&'static Receiver> {
    RECEIVER
        .get_or_init(|| Receiver::of_this_process(None))
        .as_ref()
}

#[derive(Debug)]
struct Receiver {
    /// What the variable was.
    variable: Option<OsString>,
    /// Each is tried where the one before is out of reach, from another root directory for example.
    addresses: Vec<SocketAddr>,
    is_launcher: bool,
    /// A launcher ends when it has heard what it waits for, and its address may be another's then.
    has_gone: AtomicBool,
}

impl Receiver {
    fn of_this_process(launcher: Option<&OsStr>) -> Option<Self> {
        let variable = env::var_os(NOTIFY_SOCKET);
        let names = [variable.as_deref(), launcher];
        let addresses: Vec<_> = names.into_iter().flatten().filter_map(address).collect();
        (!addresses.is_empty()).then_some(Self {
            addresses,
            variable,
            is_launcher: launcher.is_some(),
            has_gone: AtomicBool::new(false),
        })
    }

    fn tell(&self, assignments: &str, timeout: Duration) {
        if self.has_gone.load(Ordering::Relaxed) {
            return;
        }
        let has_gone = match self.deliver(assignments, timeout) {
            Ok(()) => assignments == READY,
            Err(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        };
        if self.is_launcher && has_gone {
            self.has_gone.store(true, Ordering::Relaxed);
            // Later children of the daemon have nothing to say there.
            if env::var_os(NOTIFY_SOCKET).is_some_and(|name| self.is_named(&name)) {
                sys::environment::set(NOTIFY_SOCKET.as_ref(), None);
            }
        }
    }

    /// The program may have put another address into the variable since.
    fn is_named(&self, name: &OsStr) -> bool {
        self.variable.as_deref() == Some(name)
    }

    fn deliver(&self, assignments: &str, timeout: Duration) -> io::Result<()> {
        let mut sent = Ok(());
        for address in &self.addresses {
            sent = deliver(assignments, address, timeout);
            if !sent.as_ref().is_err_and(is_out_of_reach) {
                break;
            }
        }
        sent
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

/// There is nothing at the address, or no way to it.
fn is_out_of_reach(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
    )
}

/// The BSDs and macOS say ENOBUFS where Linux says EAGAIN.
fn is_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests;
