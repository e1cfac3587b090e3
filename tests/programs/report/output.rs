//! What the program prints, and asks.

use std::ffi::CString;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::steps::note;

pub(crate) fn flood_lossy(lines: u64) -> io::Result<()> {
    let mut log = daemon::log_writer();
    (0..lines).try_for_each(|line| writeln!(log, "{line:1023}"))
}

pub(crate) fn print(bytes: u64) -> io::Result<()> {
    let line = [b'x'; 1023];
    let mut out = io::stdout().lock();
    for _ in 0..bytes / 1024 {
        out.write_all(&line)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Every value of a byte but the last few, and no newline more than chance has it.
pub(crate) fn bytes(length: u64) -> io::Result<()> {
    let bytes: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
    let mut out = io::stdout().lock();
    out.write_all(&bytes)?;
    out.flush()
}

pub(crate) fn count() -> io::Result<()> {
    let mut term = SigSet::empty();
    term.add(Signal::SIGTERM);
    term.thread_block()?;
    let signals = SignalFd::with_flags(&term, SfdFlags::SFD_NONBLOCK)?;
    let mut number = 0;
    while signals.read_signal()?.is_none() {
        number += 1;
        println!("{number}");
        thread::sleep(Duration::from_micros(100));
    }
    Ok(())
}

pub(crate) fn count_in_threads(threads: u64) -> io::Result<()> {
    let mut term = SigSet::empty();
    term.add(Signal::SIGTERM);
    term.thread_block()?;
    let has_ended = AtomicBool::new(false);
    let write = |thread| {
        let mut number = 0;
        while !has_ended.load(Ordering::Relaxed) {
            number += 1;
            let line = format!("{thread} {number}\n");
            // One call for each line, as a logger makes it.
            let written = nix::unistd::write(io::stdout(), line.as_bytes());
            assert_eq!(written, Ok(line.len()));
        }
    };
    thread::scope(|scope| {
        for thread in 1..=threads {
            let write = &write;
            scope.spawn(move || write(thread));
        }
        let ended = term.wait();
        has_ended.store(true, Ordering::Relaxed);
        ended
    })?;
    Ok(())
}

pub(crate) fn buffer(text: &str) -> io::Result<()> {
    print!("{text} of Rust;");
    let text = CString::new(format!("{text} of C"))?;
    // SAFETY: the string ends with a NUL byte.
    unsafe { libc::puts(text.as_ptr()) };
    Ok(())
}

/// Asks on the terminal, as a program does that needs a password, and notes the answer.
pub(crate) fn prompt(path: &str) -> io::Result<()> {
    print!("password: ");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    note(path, answer.trim_end())
}
