//! The daemon's end: says it, and never fails.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use super::NOTIFY_SOCKET;

/// A launcher that waits empties its queue within milliseconds. One that was stopped from the
/// terminal does not, and must not hold the daemon up with it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Linux lets ten datagrams wait in a queue, so a daemon that reports its progress can fill it.
const RETRY_INTERVAL: Duration = Duration::from_millis(1);

static RECEIVER: OnceLock<Option<Receiver>> = OnceLock::new();

/// Who listens, fixed from now on.
///
/// Looked up once, so that a program that clears its environment still reaches the launcher that
/// waits for it, and so that no later `ready()` races with a `setenv(3)` elsewhere.
pub(crate) fn remember_address() {
    receiver();
}

/// Says what must not get lost, and waits up to a second for a full queue. Nothing else makes
/// it wait, and no failure is reported: a program does not depend on its supervisor.
pub(crate) fn send(assignments: &str) {
    if let Some(receiver) = receiver() {
        receiver.deliver(assignments, PATIENCE).ok();
    }
}

/// Says what may get lost, and never waits.
pub(crate) fn send_if_there_is_room(assignments: &str) {
    if let Some(receiver) = receiver() {
        receiver.deliver(assignments, Duration::ZERO).ok();
    }
}

fn receiver() -> Option<&'static Receiver> {
    RECEIVER
        .get_or_init(|| Receiver::named(&env::var_os(NOTIFY_SOCKET)?))
        .as_ref()
}

#[derive(Debug)]
struct Receiver(SocketAddr);

impl Receiver {
    /// `None` for an address of a kind that we do not speak, `vsock:` for example, and for one that
    /// is too long.
    fn named(name: &OsStr) -> Option<Self> {
        let address = match name.as_bytes() {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            [b'@', name @ ..] if !name.is_empty() => abstract_address(name).ok()?,
            // A relative path would mean another socket after a `chdir`.
            [b'/', ..] => SocketAddr::from_pathname(name).ok()?,
            _ => return None,
        };
        Some(Self(address))
    }

    /// The socket is made anew each time: a descriptor of ours that stayed open would be seen by the
    /// user's code, and a program that closes all descriptors would close it.
    fn deliver(&self, assignments: &str, patience: Duration) -> io::Result<()> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        let mut deadline = None;
        loop {
            match socket.send_to_addr(assignments.as_bytes(), &self.0) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_full(&error) => {
                    let now = Instant::now();
                    if now >= *deadline.get_or_insert(now + patience) {
                        return Err(error);
                    }
                    thread::sleep(RETRY_INTERVAL);
                }
                Err(error) => return Err(error),
            }
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
mod tests {
    use super::*;

    use std::fs;
    use std::path::PathBuf;
    use std::process;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn fresh_path() -> PathBuf {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        env::temp_dir().join(format!("daemon-notify-{}-{count}", process::id()))
    }

    fn text_received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 100];
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_socket_in_the_file_system_is_reached() {
        let path = fresh_path();
        let socket = UnixDatagram::bind(&path).unwrap();
        let receiver = Receiver::named(path.as_os_str()).unwrap();
        receiver.deliver("READY=1", Duration::ZERO).unwrap();
        assert_eq!(text_received(&socket), "READY=1");
        fs::remove_file(&path).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_abstract_socket_is_reached() {
        let name = format!("daemon-notify-test-{}", process::id());
        let socket = UnixDatagram::bind_addr(&abstract_address(name.as_bytes()).unwrap()).unwrap();
        let receiver = Receiver::named(format!("@{name}").as_ref()).unwrap();
        receiver.deliver("READY=1", Duration::ZERO).unwrap();
        assert_eq!(text_received(&socket), "READY=1");
    }

    #[test]
    fn an_address_of_another_kind_is_nobody() {
        let long_path = format!("/{}", "x".repeat(200));
        let long_name = format!("@{}", "x".repeat(200));
        for name in [
            "",
            "@",
            "vsock:2:1234",
            "run/notify",
            &long_path,
            &long_name,
        ] {
            assert!(Receiver::named(name.as_ref()).is_none(), "{name:?}");
        }
    }

    #[test]
    fn a_dead_socket_is_an_error_at_once_and_no_signal() {
        let path = fresh_path();
        drop(UnixDatagram::bind(&path).unwrap());
        let receiver = Receiver::named(path.as_os_str()).unwrap();
        let begin = Instant::now();
        let error = receiver.deliver("READY=1", PATIENCE).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        fs::remove_file(&path).unwrap();
        let error = receiver.deliver("READY=1", PATIENCE).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(begin.elapsed() < PATIENCE);
    }

    /// Fills the queue of a new socket, and says how many messages it took.
    fn full_queue() -> (PathBuf, UnixDatagram, Receiver, usize) {
        let path = fresh_path();
        let socket = UnixDatagram::bind(&path).unwrap();
        let receiver = Receiver::named(path.as_os_str()).unwrap();
        let mut count = 0;
        while receiver.deliver("STATUS=again", Duration::ZERO).is_ok() {
            count += 1;
        }
        (path, socket, receiver, count)
    }

    #[test]
    fn a_full_queue_holds_nobody_up_for_long() {
        let (path, _socket, receiver, count) = full_queue();
        assert!(count > 0);
        let begin = Instant::now();
        let error = receiver
            .deliver("READY=1", Duration::from_millis(50))
            .unwrap_err();
        assert!(is_full(&error), "{error}");
        assert!(begin.elapsed() >= Duration::from_millis(50));
        assert!(begin.elapsed() < Duration::from_secs(5));
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn ready_is_not_lost_behind_a_queue_full_of_statuses() {
        let (path, socket, receiver, count) = full_queue();
        let sender = thread::spawn(move || receiver.deliver("READY=1", Duration::from_secs(10)));
        for _ in 0..count {
            assert_eq!(text_received(&socket), "STATUS=again");
        }
        assert_eq!(text_received(&socket), "READY=1");
        sender.join().unwrap().unwrap();
        fs::remove_file(&path).unwrap();
    }
}
