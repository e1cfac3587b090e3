//! Starts that fail, with the standard library alone.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread::{self, sleep, spawn};

use nix::fcntl::{FcntlArg, Flock, FlockArg, fcntl};

use crate::Shape;
use crate::world::{ask, fail, file, itself, listener, ms, serve, service, shell, work};

pub(crate) const SHAPES: &[Shape] = &[
    ("f-sleep20", || fail_after_sleep(20)),
    ("f-sleep100", || fail_after_sleep(100)),
    ("f-sleep500", || fail_after_sleep(500)),
    ("f-sleep2000", || fail_after_sleep(2000)),
    ("f-work400", || fail_after_work(400)),
    ("f-work750", || fail_after_work(750)),
    ("f-work-sleep", || {
        for _ in 0..20 {
            work(ms(1));
            sleep(ms(20));
        }
        fail()
    }),
    ("f-poll-file", || {
        for _ in 0..40 {
            if file("never").exists() {
                break;
            }
            sleep(ms(10));
        }
        fail()
    }),
    ("f-dns", || {
        drop("db.example.com:5432".to_socket_addrs());
        fail()
    }),
    ("f-connect-timeout", || {
        drop(TcpStream::connect_timeout(&service("FULL"), ms(400)));
        fail()
    }),
    ("f-connect", || {
        spawn(|| fail_after_sleep(400));
        drop(TcpStream::connect(service("FULL")));
        fail()
    }),
    ("f-connect-refused-late", || {
        drop(TcpStream::connect(service("LATE")));
        fail()
    }),
    ("f-backoff", || {
        retry_with_backoff();
        fail()
    }),
    ("f-metrics-first", || {
        let metrics = listener();
        spawn(move || serve(metrics));
        retry_with_backoff();
        fail()
    }),
    ("f-bind-5x500", || {
        for _ in 0..5 {
            if TcpListener::bind(service("DATABASE")).is_ok() {
                break;
            }
            sleep(ms(500));
        }
        fail()
    }),
    ("f-child", || {
        drop(shell("sleep 0.4; exit 1").status());
        fail()
    }),
    ("f-child-output", || {
        drop(shell("sleep 0.4; exit 1").output());
        fail()
    }),
    ("f-child-work", || {
        drop(itself("f-work400").status());
        fail()
    }),
    ("f-listen-child", || {
        let _listener = listener();
        drop(itself("f-work400").status());
        fail()
    }),
    ("f-thread-listen-child", || {
        let listener = listener();
        spawn(move || serve(listener));
        drop(shell("sleep 0.4; exit 1").status());
        fail()
    }),
    ("f-condvar", || {
        let (lock, condition) = (Mutex::new(()), Condvar::new());
        drop(condition.wait_timeout(lock.lock().expect("a lock"), ms(300)));
        fail()
    }),
    ("f-condvar-work", || {
        let shared = Arc::new((Mutex::new(0), Condvar::new()));
        let worker = Arc::clone(&shared);
        spawn(move || {
            for _ in 0..10 {
                sleep(ms(20));
                *worker.0.lock().expect("a lock") += 1;
                worker.1.notify_all();
            }
        });
        let count = shared.0.lock().expect("a lock");
        drop(shared.1.wait_while(count, |count| *count < 10));
        fail()
    }),
    ("f-park", || {
        thread::park_timeout(ms(300));
        fail()
    }),
    ("f-recv-timeout", || {
        let (sender, receiver) = mpsc::channel::<()>();
        receiver.recv_timeout(ms(300)).ok();
        drop(sender);
        fail()
    }),
    ("f-join", || {
        drop(spawn(|| sleep(ms(300))).join());
        fail()
    }),
    ("f-backtrace", || {
        // SAFETY: the program has one thread.
        unsafe { std::env::set_var("RUST_BACKTRACE", "full") };
        std::panic::set_hook(Box::new(|panic| {
            eprintln!("{panic}\n{}", std::backtrace::Backtrace::force_capture());
            fail()
        }));
        panic!("with a backtrace")
    }),
    ("f-slow-reply", || {
        drop(ask(service("SILENT")));
        fail()
    }),
    ("f-greeting", || {
        let mut server = TcpStream::connect(service("SILENT")).expect("a connection");
        server.read_exact(&mut [0; 1]).ok();
        fail()
    }),
    ("f-std-listen-slow-reply", || {
        let _listener = listener();
        drop(ask(service("SILENT")));
        fail()
    }),
    ("f-rcvtimeo", || {
        let mut stream = TcpStream::connect(service("DATABASE")).expect("a connection");
        stream.set_read_timeout(Some(ms(400))).expect("a timeout");
        stream.read_exact(&mut [0; 1]).ok();
        fail()
    }),
    ("f-udp-slow", || {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(service("UDP")).expect("a peer");
        socket.set_read_timeout(Some(ms(400))).expect("a timeout");
        socket.send(b"x").expect("sent");
        socket.recv(&mut [0; 9]).ok();
        fail()
    }),
    ("f-unix-slow-reply", || {
        let mut stream = UnixStream::connect(file("silent")).expect("a connection");
        stream.write_all(b"x").expect("sent");
        stream.read_exact(&mut [0; 1]).ok();
        fail()
    }),
    ("f-listen-sleep", || {
        let _listener = listener();
        fail_after_sleep(200)
    }),
    ("f-flock", || {
        drop(Flock::lock(lock_file(), FlockArg::LockExclusive));
        fail()
    }),
    ("f-fcntl", || {
        let lock = libc::flock {
            l_type: libc::F_WRLCK as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: 0,
            l_len: 0,
            l_pid: 0,
        };
        fcntl(lock_file(), FcntlArg::F_SETLKW(&lock)).ok();
        fail()
    }),
    ("f-fifo", || {
        let mut fifo = File::open(file("fifo")).expect("a FIFO");
        fifo.read_to_end(&mut Vec::new()).ok();
        fail()
    }),
    ("f-disk", || {
        let mut file = File::open(file("large")).expect("a large file");
        let mut buffer = vec![0; 1 << 16];
        while file.read(&mut buffer).is_ok_and(|count| count > 0) {}
        fail()
    }),
    ("f-alarm", || {
        extern "C" fn wake_up(_signal: libc::c_int) {}
        let zero = libc::timeval {
            tv_sec: 0,
            tv_usec: 0,
        };
        let timer = libc::itimerval {
            it_interval: zero,
            it_value: libc::timeval {
                tv_sec: 0,
                tv_usec: 300_000,
            },
        };
        // SAFETY: the handler does nothing, and the timer is read during the call.
        unsafe {
            libc::signal(libc::SIGALRM, wake_up as *const () as usize);
            libc::syscall(libc::SYS_setitimer, libc::ITIMER_REAL, &raw const timer, 0);
        }
        nix::unistd::pause();
        fail()
    }),
];

fn fail_after_sleep(milliseconds: u64) -> ! {
    sleep(ms(milliseconds));
    fail()
}

fn fail_after_work(milliseconds: u64) -> ! {
    work(ms(milliseconds));
    fail()
}

fn retry_with_backoff() {
    for pause in [50, 100, 200] {
        drop(TcpStream::connect(service("REFUSED")));
        sleep(ms(pause));
    }
}

/// Another process holds the lock of it.
fn lock_file() -> File {
    File::options()
        .write(true)
        .open(file("lock"))
        .expect("a file")
}
