//! `ready = "settled"`: every thread waits for the outside. A start that fails, fails before that.

mod limited_view;

use std::fs::File;
use std::io::Read;
use std::net::{SocketAddr, SocketAddrV4, TcpListener};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use crate::support::scratch::Scratch;
use crate::support::{program, requires};
use nix::fcntl::{Flock, FlockArg, PosixFadviseAdvice, posix_fadvise};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, connect, getsockname, listen,
    socket,
};

/// The timeout is long: a slow disk or a busy machine must not make a program one that is up because
/// it is still alive.
const PATIENT: &str = "pid=report.pid\nlog=report.log\nready_timeout=60";

/// A start of a program that fails so.
fn fails(steps: &str, status: i32) -> (Scratch, crate::support::outcome::Outcome) {
    let scratch = Scratch::new();
    let launch = scratch
        .background()
        .options(PATIENT)
        .does(steps)
        .env("RUST_BACKTRACE", "full")
        .run();
    scratch.expect_failed_start(&launch, status);
    (scratch, launch)
}

#[test]
fn early_failure_is_seen() {
    fails("exit:3", 3);
    fails("sleep:5 exit:3", 3);
    fails("sleep:20 exit:3", 3);
}

#[test]
fn panic_with_a_backtrace_is_seen() {
    let (_, launch) = fails("busy:20 panic:out-of-cheese", Scratch::new().panic_status());
    assert!(launch.err_text().contains("stack backtrace"), "{launch:?}");
}

#[test]
fn failure_after_work_with_pauses_is_seen() {
    // Fewer than those of a program that ticks, whatever time they take beside other work.
    fails(&format!("{}exit:3", "busy:4 sleep:20 ".repeat(9)), 3);
}

#[test]
fn failure_after_disk_waits_is_seen() {
    requires!(linux("the threads of another process"));
    let Some(file) = LargeFile::new() else {
        return;
    };
    file.forget();
    fails(&format!("read:{} exit:3", file.path.display()), 3);
}

/// 200 MB beside the programs, where a disk is more likely than in the directory for scratch files.
struct LargeFile {
    path: PathBuf,
}

impl LargeFile {
    /// Nothing if the test may not write to the disk with the programs.
    fn new() -> Option<Self> {
        let programs = program::path("report");
        let path = programs.with_file_name(format!("large-{}", std::process::id()));
        let file = File::create(&path).ok();
        if !requires::machine(file.is_some(), "write access to the target directory") {
            return None;
        }
        let file = file?;
        let mut rest = &file;
        for _ in 0..200 {
            std::io::Write::write_all(&mut rest, &vec![7; 1_000_000]).expect("room on the disk");
        }
        file.sync_all().expect("written");
        Some(Self { path })
    }

    /// Takes it out of the cache, where the file system has one.
    fn forget(&self) {
        let file = File::open(&self.path).expect("the large file");
        let advice = PosixFadviseAdvice::POSIX_FADV_DONTNEED;
        posix_fadvise(file.as_fd(), 0, 0, advice).expect("advice");
    }
}

impl Drop for LargeFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).ok();
    }
}

#[test]
fn quiet_server_is_up_at_once() {
    let scratch = Scratch::new();
    let start = scratch.background().options(PATIENT);
    let daemon = scratch.up(start.does("busy:50 listen-tcp hang"));
    assert!(daemon.launch.elapsed < Duration::from_secs(30));
}

#[test]
fn busy_program_is_up_at_the_timeout() {
    requires!(linux("the threads of another process"));
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background().does("busy"));
    assert!(daemon.launch.elapsed >= Duration::from_secs(3));
}

#[test]
fn suspended_program_has_not_settled() {
    let scratch = Scratch::new();
    let launch = scratch.background().does("report raise:19 exit:3").spawn();
    let report = crate::support::daemon::read_report(&scratch.path("report.json"));
    let daemon = crate::support::process::Process::open(report.pid).expect("a live daemon");
    crate::support::deadline::eventually("the daemon is stopped", || {
        (crate::support::process::stat(report.pid)?.state == 'T').then_some(())
    });
    std::thread::sleep(Duration::from_millis(300));
    assert!(launch.is_alive(), "the launcher waits");
    daemon.signal(nix::sys::signal::Signal::SIGCONT);
    assert_eq!(launch.wait().code(), 3);
}

/// What a start waits for; the object is an address or a path that the test provides.
#[cfg_attr(
    daemon_fork,
    ignore = "there a time stands in for the look at the threads"
)]
#[test]
fn start_that_waits_and_fails_is_not_up() {
    let full = FullQueue::new();
    let mute = MuteServer::new();
    let closed = closed_port();
    let starts = [
        "sleep".to_owned(),
        "thread".to_owned(),
        "condition".to_owned(),
        "channel".to_owned(),
        format!("connect@{}", full.address),
        format!("retries@{closed}"),
        format!("answer@{}", mute.address),
        format!("answer-while-listening@{}", mute.address),
        format!("greeting@{}", mute.address),
        "name-server".to_owned(),
        "child".to_owned(),
        "child-output".to_owned(),
        "child-that-works".to_owned(),
    ];
    let starts = starts.map(|how| {
        let scratch = Scratch::new();
        let steps = format!("start-waits:{how} exit:3");
        let launch = scratch.background().does(&steps).spawn();
        (how, scratch, launch)
    });
    for (how, scratch, launch) in starts {
        let launch = launch.wait();
        assert_eq!(launch.code(), 3, "{how}: {launch:?}");
        scratch.expect_failed_start(&launch, 3);
    }
}

#[cfg_attr(
    daemon_fork,
    ignore = "there a time stands in for the look at the threads"
)]
#[test]
fn start_that_waits_for_a_lock_is_not_up() {
    let scratch = Scratch::new();
    let file = File::create(scratch.path("lock")).expect("a file");
    let lock = Flock::lock(file, FlockArg::LockExclusive).expect("a lock");
    let launch = scratch
        .background()
        .does("start-waits:lock@lock exit:3")
        .spawn();
    std::thread::sleep(Duration::from_millis(400));
    assert!(launch.is_alive(), "the launcher waits");
    drop(lock);
    scratch.expect_failed_start(&launch.wait(), 3);
}

/// The queue of its listener takes no more connections.
struct FullQueue {
    address: SocketAddr,
    _sockets: Vec<OwnedFd>,
}

impl FullQueue {
    fn new() -> Self {
        let flags = SockFlag::SOCK_CLOEXEC;
        let make = |flags| socket(AddressFamily::Inet, SockType::Stream, flags, None);
        let listener = make(flags).expect("a socket");
        let loopback = SockaddrIn::new(127, 0, 0, 1, 0);
        bind(listener.as_raw_fd(), &loopback).expect("bind");
        listen(&listener, Backlog::new(0).expect("a backlog")).expect("listen");
        let address: SockaddrIn = getsockname(listener.as_raw_fd()).expect("its address");
        let mut sockets = vec![listener];
        for _ in 0..3 {
            let client = make(flags | SockFlag::SOCK_NONBLOCK).expect("a socket");
            connect(client.as_raw_fd(), &address).ok();
            sockets.push(client);
        }
        let address = SocketAddrV4::new(address.ip(), address.port()).into();
        Self {
            address,
            _sockets: sockets,
        }
    }
}

/// Reads each question, and closes the connection after 400 ms without a word.
struct MuteServer {
    address: SocketAddr,
}

impl MuteServer {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let address = listener.local_addr().expect("its address");
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let mut client = client.expect("a client");
                std::thread::spawn(move || {
                    client.read_exact(&mut [0; 9]).ok();
                    std::thread::sleep(Duration::from_millis(400));
                });
            }
        });
        Self { address }
    }
}

/// Where connections are refused.
fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    listener.local_addr().expect("its address")
}

#[test]
fn server_that_waits_for_a_database_first_is_up() {
    let scratch = Scratch::new();
    let steps = "start-waits:sleep listen-tcp hang";
    let daemon = scratch.up(scratch.background().options(PATIENT).does(steps));
    assert!(daemon.launch.elapsed < Duration::from_secs(30));
}

const OPTIONS: &str = "pid=report.pid\nlog=report.log\nready_timeout=1";

#[cfg_attr(
    daemon_fork,
    ignore = "there a time stands in for the look at the threads"
)]
#[test]
fn stopped_daemon_is_not_up_at_the_timeout() {
    let scratch = Scratch::new();
    let launch = scratch
        .background()
        .options(OPTIONS)
        .does("raise:19 hang")
        .run();
    scratch.expect_failed_start(&launch, 75);
    let words = "was not ready within 1 s: a process of it is stopped; see ";
    assert!(launch.err_text().contains(words), "{launch:?}");
}

#[cfg_attr(
    daemon_fork,
    ignore = "there a time stands in for the look at the threads"
)]
#[test]
fn daemon_in_state_d_is_not_up_at_the_timeout() {
    let scratch = Scratch::new();
    let fifo = scratch.path("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
    // A thread beside it that works now and then changes nothing.
    let starts = ["", "threads:1 "].map(|before| {
        let steps = format!("{before}start-waits:device@{} hang", fifo.display());
        let scratch = Scratch::new();
        let launch = scratch.background().options(OPTIONS).does(&steps).spawn();
        (scratch, launch)
    });
    for (_scratch, launch) in starts {
        let launch = launch.wait();
        assert_eq!(launch.code(), 75, "{launch:?}");
        let words = "was not ready within 1 s: a process of it hangs in a device";
        assert!(launch.err_text().contains(words), "{launch:?}");
    }
}

#[test]
fn failure_without_a_log_names_the_option() {
    for mode in ["settled", "listening", "tcp:9"] {
        let scratch = Scratch::new();
        let start = scratch.background().does("exit:3");
        let launch = start.options(format!("pid=report.pid\nready={mode}")).run();
        scratch.expect_failed_start(&launch, 3);
        assert!(launch.err_text().contains("set `log`"), "{launch:?}");
    }
}
