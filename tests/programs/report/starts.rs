//! What a start waits for before it fails: steps that use next to no processor.

use std::env;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::Command;
use std::sync::{Condvar, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, posix_spawn};
use nix::sys::stat::Mode;

/// What each of these waits takes, where it takes a time of its own.
const TIME: Duration = Duration::from_millis(400);

/// Waits as `HOW@OBJECT` says, and returns when it was in vain.
pub(crate) fn wait(how: &str) -> io::Result<()> {
    let (how, object) = how.split_once('@').unwrap_or((how, ""));
    let address = || object.parse::<SocketAddr>().expect("an address");
    match how {
        "sleep" => thread::sleep(TIME),
        "thread" => thread::spawn(|| thread::sleep(TIME))
            .join()
            .expect("a sleep"),
        "condition" => {
            let (lock, condition) = (Mutex::new(()), Condvar::new());
            let guard = lock.lock().expect("a lock");
            drop(condition.wait_timeout(guard, TIME).expect("a lock"));
        }
        "channel" => {
            let (sender, receiver) = mpsc::channel::<()>();
            receiver.recv_timeout(TIME).ok();
            drop(sender);
        }
        // A queue of connections that is full.
        "connect" => drop(TcpStream::connect_timeout(&address(), TIME)),
        "retries" => {
            for pause in [50, 100, 200] {
                assert!(TcpStream::connect(address()).is_err(), "no process listens");
                thread::sleep(Duration::from_millis(pause));
            }
        }
        // A server that takes the question and never answers.
        "answer" => ask(TcpStream::connect(address())?)?,
        "answer-while-listening" => {
            let _listener = TcpListener::bind("127.0.0.1:0")?;
            ask(TcpStream::connect(address())?)?;
        }
        "greeting" => {
            let mut server = TcpStream::connect(address())?;
            server.set_read_timeout(Some(TIME))?;
            server.read_exact(&mut [0; 1]).ok();
        }
        "name-server" => {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.connect("127.0.0.1:9")?;
            socket.set_read_timeout(Some(TIME))?;
            socket.recv(&mut [0; 1]).ok();
        }
        // A lock that another process gives back after a while.
        "lock" => {
            let file = File::options()
                .write(true)
                .create(true)
                .truncate(false)
                .open(object)?;
            drop(Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| errno)?);
        }
        "child" => {
            Command::new("sleep").arg("0.4").status()?;
        }
        "child-output" => {
            Command::new("sleep").arg("0.4").output()?;
        }
        "child-that-works" => {
            let mut child = Command::new(env::current_exe()?);
            child.env("TEST_DOES", "busy:400").status()?;
        }
        "child-that-serves" => {
            let mut child = Command::new(env::current_exe()?);
            child.env("TEST_DOES", "listen-tcp hang").status()?;
        }
        // Until something writes to the FIFO, the kernel keeps the parent as if it waited for a disk.
        "device" => {
            let mut actions = PosixSpawnFileActions::init()?;
            actions.add_open(0, object, OFlag::O_RDONLY, Mode::empty())?;
            let program = CString::new("/bin/true")?;
            let attributes = PosixSpawnAttr::init()?;
            let none: [&CString; 0] = [];
            posix_spawn(&*program, &actions, &attributes, &[&program], &none)?;
        }
        other => panic!("no such wait: {other}"),
    }
    Ok(())
}

/// Until the server closes the connection.
fn ask(mut server: TcpStream) -> io::Result<()> {
    server.write_all(b"question\n")?;
    let count = server.read(&mut [0; 1])?;
    assert_eq!(count, 0, "no answer on descriptor {}", server.as_raw_fd());
    Ok(())
}
