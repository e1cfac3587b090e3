//! A daemon that opens the sockets it is told to: this very test program.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::process::{self, Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, socket,
};
use nix::unistd::Pid;

use super::{Listening, read_ephemeral_ports};

/// Sockets that come and go at the same moment can hide one another from the quick look.
pub(super) fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This very test program, run again as a daemon that does what it is told to.
pub(super) struct Program {
    child: Child,
    _turn: MutexGuard<'static, ()>,
}

const ROLE: &str = "DAEMON_TEST_ROLE";
const DONE: &str = "done";

impl Program {
    pub(super) fn start() -> Self {
        let turn = one_at_a_time();
        let (_crate, module) = module_path!().split_once("::").unwrap();
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", &format!("{module}::obey")])
            .args(["--ignored", "--nocapture"])
            .env(ROLE, "obey")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, _turn: turn }
    }

    /// False when the system has nothing of the kind.
    pub(super) fn does(&mut self, order: &str) -> bool {
        let orders = self.child.stdin.as_mut().unwrap();
        writeln!(orders, "{order}").unwrap();
        let answers = BufReader::with_capacity(1, self.child.stdout.as_mut().unwrap());
        let mut answers = answers.lines().map(Result::unwrap);
        let answer = answers.find(|line| line.starts_with(DONE)).unwrap();
        answer == DONE
    }

    pub(super) fn watch(&self) -> Listening {
        watch(&self.child, [])
    }

    /// Makes what the order says, and looks at once.
    pub(super) fn listens_with(order: &str) -> bool {
        let mut program = Self::start();
        program.does("nothing");
        let mut listening = program.watch();
        assert!(!looks_everywhere(&mut listening));
        if !program.does(order) {
            return true;
        }
        listening.look().unwrap()
    }

    pub(super) fn never_listens_with(order: &str) {
        let mut program = Self::start();
        assert!(program.does(order), "{order}");
        let mut listening = program.watch();
        for _ in 0..3 {
            assert!(!looks_everywhere(&mut listening), "{order}");
        }
    }

    pub(super) fn listens_with_something_of_one_thread(order: &str) {
        let mut program = Self::start();
        if !program.does(order) {
            return;
        }
        let mut listening = program.watch();
        assert_eq!(listening.look(), Ok(false), "only the first thread counts");
        assert!(listening.look_thoroughly());
        let deadline = Instant::now() + Duration::from_secs(10);
        while !listening.is_listening().unwrap() {
            assert!(Instant::now() < deadline);
            thread::sleep(Listening::STEP);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

pub(super) fn end(child: &mut Child) {
    child.kill().ok();
    child.wait().ok();
}

pub(super) fn watch(child: &Child, inherited: impl IntoIterator<Item = u64>) -> Listening {
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    Listening::watch(pid, inherited.into_iter().collect())
}

pub(super) fn looks_everywhere(listening: &mut Listening) -> bool {
    listening.look().unwrap() || listening.look_thoroughly()
}

/// The role of the daemon; a test in name only.
#[test]
#[ignore = "the other tests run it"]
fn obey() {
    if env::var_os(ROLE).is_none() {
        return;
    }
    let mut kept = Vec::new();
    for order in io::stdin().lines() {
        let outcome = match follow(&order.unwrap(), &mut kept) {
            Ok(()) => DONE.to_owned(),
            Err(error) => format!("{DONE}, but {error}"),
        };
        // The test harness may have begun a line.
        io::stdout()
            .write_all(format!("\n{outcome}\n").as_bytes())
            .unwrap();
    }
}

fn follow(order: &str, kept: &mut Vec<OwnedFd>) -> io::Result<()> {
    match order {
        "nothing" => {}
        "tcp" => kept.push(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.into()),
        "tcp6" => kept.push(TcpListener::bind((Ipv6Addr::LOCALHOST, 0))?.into()),
        "unix" => {
            let name = format!("daemon-listening-{}", process::id());
            let address = SocketAddr::from_abstract_name(name)?;
            kept.push(UnixListener::bind_addr(&address)?.into());
        }
        "udp" => kept.push(udp_server(Ipv4Addr::LOCALHOST.into())?.into()),
        "udp6" => kept.push(udp_server(Ipv6Addr::LOCALHOST.into())?.into()),
        "bind tcp" => {
            let flags = SockFlag::SOCK_CLOEXEC;
            let socket = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
            bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0))?;
            kept.push(socket);
        }
        "listen" => listen(kept.last().unwrap(), Backlog::new(1)?)?,
        "clients" => {
            let (one, two) = UnixStream::pair()?;
            kept.extend([one.into(), two.into()]);
            kept.push(UnixDatagram::unbound()?.into());
            let address = SocketAddr::from_abstract_name(format!("{}", process::id()))?;
            kept.push(UnixDatagram::bind_addr(&address)?.into());
            kept.push(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.into());
            let server = udp_server(Ipv4Addr::LOCALHOST.into())?;
            server.connect((Ipv4Addr::LOCALHOST, 9))?;
            kept.push(server.into());
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            kept.push(TcpStream::connect(listener.local_addr()?)?.into());
            kept.push(listener.accept()?.0.into());
        }
        "tcp of one thread" => in_a_thread(CloneFlags::CLONE_FILES)?,
        "tcp in a namespace" => in_a_thread(CloneFlags::CLONE_NEWNET)?,
        other => unreachable!("{other}"),
    }
    Ok(())
}

fn udp_server(address: IpAddr) -> io::Result<UdpSocket> {
    let ephemeral_ports = read_ephemeral_ports();
    (10_000..=u16::MAX)
        .filter(|port| !ephemeral_ports.contains(port))
        .map(|port| UdpSocket::bind((address, port)))
        .find(|socket| {
            let is_taken = |error: &io::Error| error.kind() == io::ErrorKind::AddrInUse;
            !socket.as_ref().is_err_and(is_taken)
        })
        .unwrap()
}

fn in_a_thread(apart: CloneFlags) -> io::Result<()> {
    let (sender, outcome) = mpsc::channel();
    thread::spawn(move || {
        let listener = unshare(apart)
            .map_err(io::Error::from)
            .and_then(|()| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)));
        sender
            .send(listener.as_ref().map(drop).map_err(io::Error::kind))
            .unwrap();
        let _listener = listener;
        loop {
            thread::park();
        }
    });
    outcome.recv().unwrap().map_err(io::Error::from)
}
