//! The steps that have to do with being ready.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::Path;
use std::process::{self, Command};
use std::thread;
use std::time::{Duration, Instant};

use daemon::{Daemon, Readiness};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, SockaddrIn, UnixAddr, bind,
    sendmsg, setsockopt, socket, sockopt,
};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, getppid, setpgid};

use crate::options;
use crate::sockets;
use crate::steps::{close, note, signal};

/// A port outside the ephemeral range, where only a server goes.
const UDP_PORTS: std::ops::Range<u16> = 20_000..32_768;

pub(crate) fn take(verb: &str, object: &str) -> io::Result<()> {
    let number = || object.parse::<u64>().expect("a number");
    match verb {
        "ready" => daemon::ready(),
        "stopping" => daemon::stopping(),
        "announce" => daemon::announce(object),
        "announce-bytes" => daemon::announce("x".repeat(object.parse().expect("a size"))),
        // What a client does, in the daemon itself.
        "ensure" => {
            for daemon in [Daemon::new(), options::daemon()] {
                let found = daemon.ensure().expect("the daemon itself");
                note(object, &format!("{} {}", found.pid, found.was_running))?;
            }
        }
        // A client of another daemon, which takes these steps.
        "ensure-other" => {
            let other = Daemon::new().pid("other.pid").ready(Readiness::notify());
            let other = other.args(["-b"]).env("TEST_DOES", "ready stay");
            let found = other.ensure().expect("another daemon");
            note(object, &format!("{} {}", found.pid, found.was_running))?;
        }
        "notify-variable" => {
            let left = env::var_os("NOTIFY_SOCKET").map_or("gone\n", |_| "left\n");
            // Whole at once.
            fs::write(format!("{object}.new"), left)?;
            fs::rename(format!("{object}.new"), object)?;
        }
        "ready-by-threads" => ready_by_threads(),
        "ready-by-child" => ready_by_child(number())?,
        // SAFETY: the program has one thread.
        "unset" => unsafe { env::remove_var(object) },
        "status" => daemon::status(String::from_utf8_lossy(&decoded(object))),
        "extend" => daemon::extend_timeout(Duration::from_millis(number())),
        "notify" => notify(&decoded(object))?,
        "big-status" => daemon::status("x".repeat(1024 * 1024)),
        // Until this signal comes, which is blocked.
        "await" => drop(SigSet::from(signal(number())).wait()?),
        "chatter" => chatter(Duration::from_millis(number()))?,
        "descriptors" => send_descriptors()?,
        "lingering-socket" => send_lingering_socket()?,
        "systemd-notify" => {
            let status = Command::new("systemd-notify")
                .args(object.split(','))
                .status()?;
            assert!(status.success(), "systemd-notify: {status}");
        }
        "close-all" => {
            // SAFETY: the program has no descriptor that it would use again.
            unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
        }
        "close-fds" => object
            .split(',')
            .for_each(|fd| close(fd.parse().expect("an fd"))),
        "new-group" => setpgid(Pid::from_raw(0), Pid::from_raw(0))?,
        "bind-tcp" => {
            let flags = SockFlag::SOCK_CLOEXEC;
            let socket = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
            bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0))?;
            keep(socket);
        }
        // On a port, or on any.
        "listen-tcp" => {
            let port = if object.is_empty() { 0 } else { number() };
            let port = port.try_into().expect("a port");
            keep(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?);
        }
        "bind-udp" => {
            let port: u16 = number().try_into().expect("a port");
            keep(UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?);
        }
        "listen-tcp6" => keep(TcpListener::bind((Ipv6Addr::LOCALHOST, 0))?),
        "listener" | "closed-listener" | "nonblocking-listener" | "serve" | "serve-once" => {
            sockets::take(verb, object)?;
        }
        "listen-unix" => keep(listen_unix(object)?),
        "listen-udp" => {
            let mut ports = UDP_PORTS.map(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)));
            keep(ports.find_map(Result::ok).expect("a free port"));
        }
        "ask-udp" => keep(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?),
        // Standard output leads to a file from here on.
        "redirect" => {
            let own = OpenOptions::new().append(true).create(true).open(object)?;
            nix::unistd::dup2_stdout(own)?;
        }
        // The moment, on the clock that all processes share.
        "clock" => fs::write(object, monotonic().as_nanos().to_string())?,
        "undumpable" => nix::sys::prctl::set_dumpable(false)?,
        "read" => {
            let mut file = File::open(object)?;
            let mut buffer = vec![0; 1024 * 1024];
            while file.read(&mut buffer)? > 0 {}
        }
        // Never quiet, though it sleeps most of the time.
        "busy-often" => loop {
            let begin = Instant::now();
            while begin.elapsed() < Duration::from_millis(1) {}
            thread::sleep(Duration::from_millis(10));
        },
        // A child that works, and a program that has nothing to do but to wait for it.
        "wait-for-child" => {
            let mut child = Command::new(env::current_exe()?);
            child.env("TEST_DOES", format!("busy:{object}")).status()?;
        }
        other => panic!("no such step: {other}"),
    }
    Ok(())
}

/// `%0a` is a newline, and so on.
pub(crate) fn decoded(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
        bytes.extend(rest.as_bytes());
    }
    bytes
}

fn keep(socket: impl IntoRawFd) {
    let _open_for_ever = socket.into_raw_fd();
}

fn monotonic() -> Duration {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC);
    now.expect("the monotonic clock").into()
}

fn ready_by_threads() {
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(daemon::ready);
        }
    });
}

/// A child, a child of that child, and so on calls `ready()`.
fn ready_by_child(generation: u64) -> io::Result<()> {
    if generation == 0 {
        daemon::ready();
        return Ok(());
    }
    // SAFETY: the program has one thread, so the child may call anything.
    match unsafe { fork() }? {
        ForkResult::Child => {
            ready_by_child(generation - 1)?;
            process::exit(0)
        }
        ForkResult::Parent { child } => {
            waitpid(child, None)?;
            Ok(())
        }
    }
}

/// Any client of the protocol, also a careless one. The address may be gone by now.
fn notify(datagram: &[u8]) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    let sent = socket.send_to(datagram, address());
    println!("sent {} bytes", sent.unwrap_or(0));
    Ok(())
}

/// It is a path wherever one can be used.
fn address() -> OsString {
    env::var_os("NOTIFY_SOCKET").expect("NOTIFY_SOCKET")
}

/// Sends its status ten thousand times a second.
fn chatter(time: Duration) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    let begin = Instant::now();
    for round in 0_u32.. {
        if begin.elapsed() > time {
            break;
        }
        socket
            .send_to(format!("STATUS=round {round}").as_bytes(), address())
            .ok();
        thread::sleep(Duration::from_micros(100));
    }
    Ok(())
}

/// As many as one message can carry.
fn send_descriptors() -> io::Result<()> {
    let address = UnixAddr::new(Path::new(&address()))?;
    let socket = UnixDatagram::unbound()?;
    // An ordinary user has no more than RLIMIT_NOFILE descriptors in flight, often 1024.
    let descriptors = vec![socket.as_raw_fd(); 25];
    sendmsg(
        socket.as_raw_fd(),
        &[IoSlice::new(b"STATUS=here you are")],
        &[ControlMessage::ScmRights(&descriptors)],
        MsgFlags::empty(),
        Some(&address),
    )?;
    Ok(())
}

/// A socket whose last close waits for an hour. That is the launcher's, so it must not come first.
fn send_lingering_socket() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    keep(listener);
    client.set_nonblocking(true)?;
    while client.write(&[0; 16384]).is_ok() {}
    let hour = libc::linger {
        l_onoff: 1,
        l_linger: 3600,
    };
    setsockopt(&client, sockopt::Linger, &hour)?;
    let address = UnixAddr::new(Path::new(&address()))?;
    let socket = UnixDatagram::unbound()?;
    kill(getppid(), Signal::SIGSTOP)?;
    sendmsg(
        socket.as_raw_fd(),
        &[IoSlice::new(b"STATUS=here you are")],
        &[ControlMessage::ScmRights(&[client.as_raw_fd()])],
        MsgFlags::empty(),
        Some(&address),
    )?;
    drop(client);
    kill(getppid(), Signal::SIGCONT)?;
    Ok(())
}

/// At a path, or at the abstract address `@NAME`.
fn listen_unix(address: &str) -> io::Result<UnixListener> {
    match address.strip_prefix('@') {
        Some(name) => UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?),
        None => UnixListener::bind(address),
    }
}
