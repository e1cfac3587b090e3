//! A program that was started, and what came of it.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use std::{fmt, thread};

use nix::sys::signal::Signal;

use crate::support::deadline::PATIENCE;
use crate::support::process::Process;

/// A program on its way.
pub(crate) struct Launch {
    child: Child,
    process: Process,
    started: Instant,
    out: Receiver<Vec<u8>>,
    err: Receiver<Vec<u8>>,
}

impl Launch {
    pub(crate) fn new(mut child: Child, started: Instant) -> Self {
        let out = drain(child.stdout.take());
        let err = drain(child.stderr.take());
        let pid = i32::try_from(child.id()).expect("a process number");
        let process = Process::open(pid).expect("a child that nobody has reaped");
        Self {
            child,
            process,
            started,
            out,
            err,
        }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.process.pid()
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.process.is_alive()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits for the end of the program, and then for the end of its outputs: whoever reads them,
    /// as `$(prog -d)` does, waits for every process that holds them.
    pub(crate) fn wait(mut self) -> Outcome {
        // Not `Process::wait`, which would take the status away from the child.
        let process = Process::open(self.pid()).expect("a child that nobody has reaped");
        crate::support::deadline::eventually("the program ends", || {
            (!process.is_alive()).then_some(())
        });
        let elapsed = self.started.elapsed();
        let status = self.child.wait().expect("the status of the program");
        let received = |stream: &Receiver<Vec<u8>>, name| {
            let bytes = stream.recv_timeout(PATIENCE);
            bytes.unwrap_or_else(|_| panic!("somebody still holds the caller's standard {name}"))
        };
        Outcome {
            pid: process.pid(),
            status,
            out: received(&self.out, "output"),
            err: received(&self.err, "error"),
            elapsed,
        }
    }
}

/// Reads a stream to its end, in a thread, so that nobody waits for a full pipe.
fn drain(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What came before an error is worth showing too.
            drop(stream.read_to_end(&mut bytes));
        }
        // Nobody receives where a test has failed meanwhile.
        drop(sender.send(bytes));
    });
    receiver
}

/// What a program left behind when it ended.
pub(crate) struct Outcome {
    pub(crate) pid: i32,
    pub(crate) status: ExitStatus,
    pub(crate) out: Vec<u8>,
    pub(crate) err: Vec<u8>,
    pub(crate) elapsed: Duration,
}

impl Outcome {
    /// The exit status as a shell sees it: 128+N for signal N.
    pub(crate) fn code(&self) -> i32 {
        let signal = || 128 + self.status.signal().expect("an exit or a signal");
        self.status.code().unwrap_or_else(signal)
    }

    pub(crate) fn out_text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    pub(crate) fn err_text(&self) -> String {
        String::from_utf8_lossy(&self.err).into_owned()
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} after {:?}\nstdout: {}\nstderr: {}",
            self.status,
            self.elapsed,
            self.out_text(),
            self.err_text()
        )
    }
}
