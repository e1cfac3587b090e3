use super::*;

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::process::{self, Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, socket,
};

/// Sockets that come and go at the same moment can hide one another from the quick look.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This very test program, run again as a daemon that does what it is told to.
struct Program {
    child: Child,
    _turn: MutexGuard<'static, ()>,
}

const ROLE: &str = "DAEMON_TEST_ROLE";
const DONE: &str = "done";

impl Program {
    fn start() -> Self {
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
    fn does(&mut self, order: &str) -> bool {
        let orders = self.child.stdin.as_mut().unwrap();
        writeln!(orders, "{order}").unwrap();
        let answers = BufReader::with_capacity(1, self.child.stdout.as_mut().unwrap());
        let mut answers = answers.lines().map(Result::unwrap);
        let answer = answers.find(|line| line.starts_with(DONE)).unwrap();
        answer == DONE
    }

    fn watch(&self) -> Listening {
        watch(&self.child, [])
    }

    /// Makes what the order says, and looks at once.
    fn listens_with(order: &str) -> bool {
        let mut program = Self::start();
        program.does("nothing");
        let mut listening = program.watch();
        assert!(!looks_everywhere(&mut listening));
        if !program.does(order) {
            return true;
        }
        listening.look().unwrap()
    }

    fn never_listens_with(order: &str) {
        let mut program = Self::start();
        assert!(program.does(order), "{order}");
        let mut listening = program.watch();
        for _ in 0..3 {
            assert!(!looks_everywhere(&mut listening), "{order}");
        }
    }

    fn listens_with_something_of_one_thread(order: &str) {
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

fn end(child: &mut Child) {
    child.kill().ok();
    child.wait().ok();
}

fn watch(child: &Child, inherited: impl IntoIterator<Item = u64>) -> Listening {
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    Listening::watch(pid, inherited.into_iter().collect())
}

fn looks_everywhere(listening: &mut Listening) -> bool {
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

fn udp_server(address: std::net::IpAddr) -> io::Result<UdpSocket> {
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

#[test]
fn tcp_over_ipv4_is_seen() {
    assert!(Program::listens_with("tcp"));
}

#[test]
fn tcp_over_ipv6_is_seen() {
    assert!(Program::listens_with("tcp6"));
}

#[test]
fn a_unix_socket_is_seen() {
    assert!(Program::listens_with("unix"));
}

#[test]
fn a_udp_server_is_seen() {
    assert!(Program::listens_with("udp"));
    assert!(Program::listens_with("udp6"));
}

#[test]
fn a_socket_that_is_bound_does_not_listen_until_it_does() {
    let mut program = Program::start();
    assert!(program.does("bind tcp"));
    let mut listening = program.watch();
    for _ in 0..3 {
        assert!(!looks_everywhere(&mut listening));
    }
    assert!(program.does("listen"));
    assert_eq!(listening.look(), Ok(true));
}

#[test]
fn clients_do_not_listen() {
    Program::never_listens_with("clients");
    Program::never_listens_with("nothing");
}

#[test]
fn a_descriptor_of_one_thread_alone_is_seen() {
    Program::listens_with_something_of_one_thread("tcp of one thread");
}

#[test]
fn a_network_namespace_of_one_thread_alone_is_seen() {
    Program::listens_with_something_of_one_thread("tcp in a namespace");
}

#[test]
fn a_socket_that_was_handed_over_does_not_count() {
    let _turn = one_at_a_time();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let inherited = socket_inodes([listener.as_raw_fd()]);
    assert_eq!(inherited.len(), 1);
    let mut child = Command::new("sleep")
        .arg("60")
        .stdin(OwnedFd::from(listener))
        .spawn()
        .unwrap();
    assert_eq!(watch(&child, []).look(), Ok(true));
    assert!(!looks_everywhere(&mut watch(&child, inherited)));
    end(&mut child);
}

/// The socket begins to listen between the look at the descriptors and the look at the numbers.
#[test]
fn a_socket_that_was_counted_before_it_was_seen_is_found() {
    let mut program = Program::start();
    assert!(program.does("tcp"));
    let mut listening = program.watch();
    let mut sockets = HashSet::new();
    listening
        .collect_sockets(listening.process.as_deref().unwrap(), &mut sockets)
        .unwrap();
    assert!(program.does("bind tcp"));
    listening.inherited = sockets;
    assert_eq!(listening.look(), Ok(false));
    listening.inherited.clear();
    assert_eq!(listening.look(), Ok(true));
}

#[test]
fn only_sockets_have_an_inode_to_hand_over() {
    let file = fs::File::open("/dev/null").unwrap();
    assert!(socket_inodes([file.as_raw_fd(), -1, 1_000_000]).is_empty());
}

#[test]
fn a_process_that_ended_is_not_listening_and_not_unreadable() {
    let mut child = Command::new("true").spawn().unwrap();
    let mut listening = watch(&child, []);
    child.wait().unwrap();
    assert_eq!(listening.is_listening(), Ok(false));
    assert!(!listening.look_thoroughly());
}

#[test]
fn a_process_of_another_user_is_unreadable() {
    if nix::unistd::geteuid().is_root() {
        return;
    }
    let mut init = Listening::watch(Pid::from_raw(1), HashSet::new());
    assert_eq!(init.is_listening(), Err(Unreadable));
}

#[test]
fn a_link_to_a_socket_names_its_inode() {
    let inode = |link: &str| parse_socket_link(link.as_ref());
    assert_eq!(inode("socket:[4242]"), Some(4242));
    for link in [
        "pipe:[1]",
        "socket:[]",
        "socket:[x]",
        "socket:[1",
        "/socket:[1]",
        "",
    ] {
        assert_eq!(inode(link), None, "{link}");
    }
}
