//! Starts that succeed, with the standard library and small crates.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::{park, sleep, spawn};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::Mode;
use nix::unistd::{ForkResult, fork};

use crate::Shape;
use crate::world::{ask, itself, listener, ms, own_file, serve, service, work};

pub(crate) const SHAPES: &[Shape] = &[
    ("nothing", || {}),
    ("std-tcp", || serve(listener())),
    ("std-tcp2ms", || {
        sleep(ms(2));
        serve(listener());
    }),
    ("std-tcp-work", || {
        work(ms(30));
        serve(listener());
    }),
    ("std-threads", || {
        let listener = listener();
        let servers: Vec<_> = (0..4)
            .map(|_| {
                let listener = listener.try_clone().expect("a duplicate");
                spawn(move || serve(listener))
            })
            .collect();
        servers.into_iter().for_each(|server| drop(server.join()));
    }),
    ("udp", || {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        loop {
            socket.recv_from(&mut [0; 99]).ok();
        }
    }),
    ("unix", || {
        let path = own_file("unix");
        let listener = UnixListener::bind(&path).expect("a socket");
        fs::remove_file(path).expect("removed");
        listener.incoming().for_each(drop);
    }),
    ("sigwait", || {
        let signals = SigSet::from(Signal::SIGTERM);
        signals.thread_block().expect("blocked");
        let listener = listener();
        spawn(move || serve(listener));
        signals.wait().expect("a signal");
    }),
    ("signal-hook", || {
        let mut signals = signal_hook::iterator::Signals::new([libc::SIGTERM]).expect("a handler");
        signals.forever().next();
    }),
    ("ctrlc", || {
        let (sender, receiver) = mpsc::channel();
        ctrlc::set_handler(move || sender.send(()).unwrap_or_default()).expect("a handler");
        receiver.recv().ok();
    }),
    ("sleep30", || work_and_sleep(30_000)),
    ("sleep5000", || work_and_sleep(5000)),
    ("sleep1000", || work_and_sleep(1000)),
    ("sleep100", || {
        loop {
            sleep(ms(100));
        }
    }),
    ("sleep10", || {
        loop {
            sleep(ms(10));
        }
    }),
    ("main-sleeps", || {
        let listener = listener();
        spawn(move || serve(listener));
        loop {
            sleep(ms(1000));
        }
    }),
    ("crossbeam", || {
        let (sender, receiver) = crossbeam_channel::unbounded::<u8>();
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let receiver = receiver.clone();
                spawn(move || while receiver.recv().is_ok() {})
            })
            .collect();
        let listener = listener();
        spawn(move || {
            let _sender = sender;
            serve(listener);
        });
        workers.into_iter().for_each(|worker| drop(worker.join()));
    }),
    ("crossbeam-timeout", || {
        let (_sender, receiver) = crossbeam_channel::unbounded::<u8>();
        spawn(move || {
            loop {
                receiver.recv_timeout(ms(100)).ok();
            }
        });
        serve(listener());
    }),
    ("rayon", || {
        use rayon::prelude::*;
        let sum: u64 = (0..100_000_u64).into_par_iter().map(|x| x ^ 7).sum();
        std::hint::black_box(sum);
        serve(listener());
    }),
    ("fifo", || {
        let path = own_file("fifo");
        nix::unistd::mkfifo(&path, Mode::S_IRWXU).expect("a FIFO");
        let mut fifo = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .expect("open");
        fs::remove_file(path).expect("removed");
        fifo.read_exact(&mut [0; 1]).ok();
    }),
    ("device", || {
        let mut terminal = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/ptmx")
            .expect("a pty");
        // SAFETY: the calls take the descriptor of a pseudoterminal.
        let other = unsafe {
            use std::os::fd::AsRawFd;
            libc::grantpt(terminal.as_raw_fd());
            libc::unlockpt(terminal.as_raw_fd());
            libc::open(
                libc::ptsname(terminal.as_raw_fd()),
                libc::O_RDWR | libc::O_NOCTTY,
            )
        };
        assert!(other >= 0, "the other side");
        terminal.read_exact(&mut [0; 1]).ok();
    }),
    ("inotify", || {
        use notify::Watcher;
        let (sender, receiver) = mpsc::channel();
        let mut watcher = notify::recommended_watcher(sender).expect("a watcher");
        let directory = std::env::temp_dir();
        watcher
            .watch(&directory, notify::RecursiveMode::NonRecursive)
            .expect("watched");
        receiver.into_iter().for_each(drop);
    }),
    ("prefork", || {
        let listener = listener();
        for _ in 0..3 {
            // SAFETY: the program has one thread.
            if let ForkResult::Child = unsafe { fork() }.expect("a worker") {
                serve(listener);
                return;
            }
        }
        nix::sys::wait::wait().ok();
    }),
    ("child-pipe", || {
        let mut cat = Command::new("cat");
        let mut cat = cat
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cat");
        cat.stdin
            .as_mut()
            .expect("a pipe")
            .write_all(b"x")
            .expect("sent");
        let mut answers = cat.stdout.take().expect("a pipe");
        answers.read_exact(&mut [0; 1]).expect("an answer");
        spawn(move || answers.read_exact(&mut [0; 1]));
        serve(listener());
    }),
    ("std-bot", || {
        let mut server = ask(service("DATABASE")).expect("an answer");
        server.read_exact(&mut [0; 1]).ok();
        loop {
            park();
        }
    }),
    ("supervisor", || {
        drop(Command::new("sleep").arg("1000").status())
    }),
    ("thread-serves-child", || {
        let listener = listener();
        spawn(move || serve(listener));
        drop(Command::new("sleep").arg("1000").status());
    }),
    ("server-ticking-child", || {
        let _child = itself("sleep100").spawn().expect("a child");
        serve(listener());
    }),
    ("feed", || {
        let mut server = TcpStream::connect(service("DATABASE")).expect("a connection");
        server.read_exact(&mut [0; 1]).ok();
    }),
    ("supervisor-busy", || drop(itself("work5000").status())),
    ("work5000", || work(ms(5000))),
];

fn work_and_sleep(milliseconds: u64) {
    loop {
        work(ms(1));
        sleep(ms(milliseconds));
    }
}
