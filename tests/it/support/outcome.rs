//! A program that was started, and its outcome.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{fmt, mem, thread};

use nix::sys::signal::Signal;

use crate::support::deadline::WAIT_TIMEOUT;
use crate::support::failures;
use crate::support::process::Process;

/// A program that runs.
pub(crate) struct Launch {
    child: Child,
    process: Process,
    started: Instant,
    output: Arc<Output>,
    out: Receiver<()>,
    err: Receiver<()>,
}

/// What a program has written.
#[derive(Default)]
pub(crate) struct Output {
    out: Mutex<Vec<u8>>,
    err: Mutex<Vec<u8>>,
    /// How many of the two have ended.
    ends: AtomicUsize,
}

impl Output {
    /// For the message of a test that fails because the program has ended.
    pub(crate) fn at_the_end(&self) -> String {
        let begin = Instant::now();
        // A child may hold them.
        while self.ends.load(Ordering::Acquire) < 2 && begin.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_millis(2));
        }
        let text = |stream: &Mutex<Vec<u8>>| {
            let bytes = stream.lock().expect("the output");
            String::from_utf8_lossy(&bytes).into_owned()
        };
        format!("stdout: {}\nstderr: {}", text(&self.out), text(&self.err))
    }
}

impl Launch {
    pub(crate) fn new(mut child: Child, started: Instant) -> Self {
        let output = Arc::<Output>::default();
        let out = drain(child.stdout.take(), &output, |output| &output.out);
        let err = drain(child.stderr.take(), &output, |output| &output.err);
        let pid = i32::try_from(child.id()).expect("a pid");
        failures::watch_launch(pid, &output);
        let process = Process::open(pid).expect("a child that is not reaped");
        Self {
            child,
            process,
            started,
            output,
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

    /// What it has written to standard output so far.
    pub(crate) fn output(&self) -> String {
        String::from_utf8_lossy(&self.output.out.lock().expect("the output")).into_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits for the end of the program, and then for the end of its outputs: a reader of them,
    /// as `$(prog -d)` does, waits for every process that holds them.
    pub(crate) fn wait(mut self) -> Outcome {
        // Not `Process::wait`, which would reap the child.
        let process = Process::open(self.pid()).expect("a child that is not reaped");
        process.wait_for_end();
        let elapsed = self.started.elapsed();
        let status = self.child.wait().expect("the status of the program");
        for (stream, name) in [(&self.out, "output"), (&self.err, "error")] {
            let end = stream.recv_timeout(WAIT_TIMEOUT);
            end.unwrap_or_else(|_| panic!("a process still holds the caller's standard {name}"));
        }
        let taken = |stream: &Mutex<Vec<u8>>| mem::take(&mut *stream.lock().expect("the output"));
        Outcome {
            pid: process.pid(),
            status,
            out: taken(&self.output.out),
            err: taken(&self.output.err),
            elapsed,
        }
    }
}

/// Reads a stream to its end, in a thread, so that the program never waits for a full pipe.
fn drain(
    mut stream: Option<impl Read + Send + 'static>,
    output: &Arc<Output>,
    bytes: fn(&Output) -> &Mutex<Vec<u8>>,
) -> Receiver<()> {
    let (sender, receiver) = mpsc::channel();
    let output = Arc::clone(output);
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        // What came before an error is worth showing too.
        while let Some(stream) = &mut stream
            && let Ok(length @ 1..) = stream.read(&mut buffer)
        {
            let mut bytes = bytes(&output).lock().expect("the output");
            bytes.extend(&buffer[..length]);
        }
        output.ends.fetch_add(1, Ordering::Release);
        // The receiver is gone where a test has failed.
        sender.send(()).ok();
    });
    receiver
}

/// Status and output of a program that ended.
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
