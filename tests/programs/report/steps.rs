//! The steps in `TEST_DOES`: what the program does, one word after the other.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::hint::black_box;
use std::io::{self, Write};
use std::os::fd::IntoRawFd;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{self, SigHandler, SigSet, Signal, raise};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

use crate::{measure, readiness};

pub(crate) fn take() -> ExitCode {
    for step in env::var("TEST_DOES").unwrap_or_default().split_whitespace() {
        let (verb, object) = step.split_once(':').unwrap_or((step, ""));
        if let Some(end) = take_one(verb, object).unwrap_or_else(|error| {
            eprintln!("{step}: {error}");
            Some(ExitCode::from(99))
        }) {
            return end;
        }
    }
    ExitCode::SUCCESS
}

/// Takes one step; gives the exit status if it is the last one.
fn take_one(verb: &str, object: &str) -> io::Result<Option<ExitCode>> {
    let number = || object.parse::<u64>().expect("a number");
    match verb {
        "report" => report()?,
        // A program that handles SIGTERM and ends as programs should.
        "stay" => {
            let mut term = SigSet::empty();
            term.add(Signal::SIGTERM);
            term.thread_block()?;
            term.wait()?;
        }
        // A program that has no handler.
        "hang" => loop {
            thread::park();
        },
        "sleep" => thread::sleep(Duration::from_millis(number())),
        "busy" if object.is_empty() => busy(Duration::MAX),
        "busy" => busy(Duration::from_millis(number())),
        "say" => println!("{object}"),
        "complain" => eprintln!("{object}"),
        "print" => print(number())?,
        "bytes" => bytes(number())?,
        // Waits until the file is there.
        "wait" => {
            while !Path::new(object).exists() {
                thread::sleep(Duration::from_millis(1));
            }
        }
        // One line in a file that every process which comes here shares.
        "note" => note(object, &process::id().to_string())?,
        "create" => drop(File::create(object)?),
        // Opens a terminal as a careless program would, without O_NOCTTY.
        "open" => drop(File::open(object)?.into_raw_fd()),
        "ignore" => ignore(number())?,
        "child" => run(&["child"], &[("TEST_DOES", "report")])?,
        // A child that outlives the daemon.
        "leave-child" => {
            let mut child = Command::new(env::current_exe()?);
            child.env("TEST_DOES", "hang").spawn()?;
        }
        "nested" => run(
            &["nested", "-d"],
            &[
                ("TEST_DOES", "report stay"),
                ("TEST_OPTIONS", "pid=nested.pid\nlog=nested.log"),
            ],
        )?,
        "fork-and-exit" => fork_and_exit()?,
        "return" => {
            return Ok(Some(ExitCode::from(
                u8::try_from(number()).expect("a status"),
            )));
        }
        "exit" => process::exit(object.parse().expect("a status")),
        "abort" => process::abort(),
        "panic" => panic!("{object}"),
        "raise" => raise(Signal::try_from(object.parse::<i32>().expect("a signal"))?)?,
        other => readiness::take(other, object)?,
    }
    Ok(None)
}

/// Writes the report beside its place and renames it, so that a reader finds all of it or nothing.
fn report() -> io::Result<()> {
    let path = PathBuf::from(env::var_os("TEST_REPORT").expect("TEST_REPORT"));
    let report = serde_json::to_vec_pretty(&measure::report()?)?;
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, report)?;
    fs::rename(unfinished, path)
}

fn busy(time: Duration) {
    let start = Instant::now();
    let mut sum = 0_u64;
    while start.elapsed() < time {
        sum = black_box(sum.wrapping_add(1));
    }
}

fn print(bytes: u64) -> io::Result<()> {
    let line = [b'x'; 1023];
    let mut out = io::stdout().lock();
    for _ in 0..bytes / 1024 {
        out.write_all(&line)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Every value of a byte but the last few, and no newline more than chance has it.
fn bytes(length: u64) -> io::Result<()> {
    let bytes: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
    let mut out = io::stdout().lock();
    out.write_all(&bytes)?;
    out.flush()
}

fn note(path: &str, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    // One write, so that lines of several processes do not mix.
    file.write_all(format!("{line}\n").as_bytes())
}

fn ignore(number: u64) -> io::Result<()> {
    let signal = Signal::try_from(i32::try_from(number).expect("a signal"))?;
    // SAFETY: ignoring a signal runs no code of ours.
    unsafe { signal::signal(signal, SigHandler::SigIgn) }?;
    Ok(())
}

/// Runs this program again; its report goes beside ours, under its own name.
fn run(arguments: &[&str], environment: &[(&str, &str)]) -> io::Result<()> {
    let name = arguments[0];
    let report = PathBuf::from(env::var_os("TEST_REPORT").expect("TEST_REPORT"));
    let status = Command::new(env::current_exe()?)
        .args(&arguments[1..])
        .envs(environment.iter().copied())
        .env("TEST_REPORT", report.with_file_name(format!("{name}.json")))
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("{name}: {status}")))
    }
}

/// A child that ends by `exit(3)`, and so runs every exit handler that it inherited.
fn fork_and_exit() -> io::Result<()> {
    // SAFETY: the program has one thread, so the child may call anything.
    match unsafe { fork() }? {
        ForkResult::Child => process::exit(0),
        ForkResult::Parent { child } => {
            waitpid(child, None)?;
            Ok(())
        }
    }
}
