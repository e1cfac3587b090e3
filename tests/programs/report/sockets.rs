//! Steps with the sockets that are handed over to the program.

use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd};
use std::os::unix::net::UnixListener;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// A socket that listens.
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

pub(crate) fn take(verb: &str, object: &str) -> io::Result<()> {
    let (name, address) = object.split_once('=').expect("name=address");
    let listener = match address.strip_prefix("unix:") {
        Some(path) => Listener::Unix(daemon::unix_listener(name, path)?),
        None => Listener::Tcp(daemon::listener(name, address)?),
    };
    note(name, &listener)?;
    match verb {
        // It stays open.
        "listener" => listener.forget(),
        "closed-listener" => drop(listener),
        // As an async runtime wants it.
        "nonblocking-listener" => {
            match &listener {
                Listener::Tcp(listener) => listener.set_nonblocking(true)?,
                Listener::Unix(listener) => listener.set_nonblocking(true)?,
            }
            listener.forget();
            fs::write(format!("{name}-nonblocking"), "")?;
        }
        // Answers each client, for ever.
        "serve" => serve(&listener)?,
        // Answers one client, and takes no more.
        "serve-once" => {
            answer(&listener)?;
            let fd = match &listener {
                Listener::Tcp(listener) => listener.as_raw_fd(),
                Listener::Unix(listener) => listener.as_raw_fd(),
            };
            nix::sys::socket::shutdown(fd, nix::sys::socket::Shutdown::Both)?;
        }
        other => panic!("no such step: {other}"),
    }
    Ok(())
}

/// The address of the socket and its descriptor, in the file of its name.
fn note(name: &str, listener: &Listener) -> io::Result<()> {
    let (address, fd) = match listener {
        Listener::Tcp(listener) => (listener.local_addr()?.to_string(), listener.as_fd()),
        Listener::Unix(listener) => (format!("{:?}", listener.local_addr()?), listener.as_fd()),
    };
    let status = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    let passes = fcntl(fd, FcntlArg::F_GETFD)? == 0;
    let flags = (status.contains(OFlag::O_NONBLOCK), passes);
    assert_eq!(
        flags,
        (false, false),
        "non-blocking, and passed on by an exec"
    );
    // Whole or not at all.
    let new = format!("{name}.new");
    fs::write(&new, format!("{address} {}", fd.as_raw_fd()))?;
    fs::rename(new, name)
}

fn serve(listener: &Listener) -> io::Result<()> {
    loop {
        answer(listener)?;
    }
}

fn answer(listener: &Listener) -> io::Result<()> {
    let mut client: Box<dyn Write> = match listener {
        Listener::Tcp(listener) => Box::new(listener.accept()?.0),
        Listener::Unix(listener) => Box::new(listener.accept()?.0),
    };
    // The client may have gone.
    client.write_all(b"hello").ok();
    Ok(())
}

impl Listener {
    fn forget(self) {
        let _fd = match self {
            Self::Tcp(listener) => listener.into_raw_fd(),
            Self::Unix(listener) => listener.into_raw_fd(),
        };
    }
}
