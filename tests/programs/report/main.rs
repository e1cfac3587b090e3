//! The program that most tests start: it reports its own state and takes the given steps.
//!
//! `TEST_OPTIONS` holds its options, one `name=value` on a line, and `TEST_DOES` the steps it
//! takes after `enter`, as words. Both are read from the environment, which the daemon inherits as
//! it is, so that the command line stays free for the tests.
//!
//! With `TEST_START` it is a program that reads its command line itself: it takes the steps in
//! `TEST_BEFORE`, and where it finds its switch `-b` it calls `start` or `try_start`. When the
//! latter fails it prints the error and takes the steps in `TEST_FAILED`. With `ensure` it is a client
//! of the daemon that the switch makes it, and takes the steps in `TEST_AFTER`; with `ensure-in-threads`
//! its threads are clients of many such daemons.

#![allow(dead_code, reason = "the report has methods for its readers")]
#![allow(
    clippy::exit,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "all the ways of a program are under test, the careless ones too"
)]

mod locks;
mod measure;
mod options;
mod output;
mod privileges;
mod processes;
mod readiness;
#[path = "../../it/support/report.rs"]
mod report;
mod sockets;
mod starts;
mod steps;

use std::env;
use std::process::ExitCode;
use std::sync::Barrier;
use std::thread;

use daemon::{Error, Running};

/// How many threads are clients at once, and how often.
const CLIENTS: usize = 4;
const ROUNDS: usize = 3;

/// How many threads are the daemon at once.
const THREADS: usize = 8;

fn main() -> ExitCode {
    let _daemon = match env::var("TEST_START") {
        // A client, unless its arguments make it the daemon.
        Ok(start) if start.starts_with("ensure") && env::args_os().all(|word| word != "-b") => {
            steps::take("TEST_BEFORE");
            if start == "ensure" {
                return ensure();
            }
            ensure_in_threads();
            return steps::take("TEST_AFTER");
        }
        Err(_) => Some(options::daemon().enter()),
        Ok(start) if start == "thread" => return start_on_a_thread(),
        Ok(start) if start == "threads" => Some(start_on_threads()),
        Ok(start) => {
            steps::take("TEST_BEFORE");
            let is_asked = env::args_os().any(|word| word == "-b");
            match is_asked.then(|| start_by(&start)).transpose() {
                Ok(running) => running,
                Err(error) => {
                    println!("{:?}, {}: {error}", error.kind(), error.exit_status());
                    print!("{}", String::from_utf8_lossy(error.output()));
                    return steps::take("TEST_FAILED");
                }
            }
        }
    };
    steps::take("TEST_DOES")
}

fn ensure() -> ExitCode {
    match options::daemon().ensure() {
        Ok(started) => {
            let announced = String::from_utf8_lossy(&started.announced);
            println!("{} {} {announced}", started.pid, started.was_running);
        }
        Err(error) => {
            eprint!("{}", String::from_utf8_lossy(error.output()));
            eprintln!("report: {error}");
            return ExitCode::from(error.exit_status());
        }
    }
    steps::take("TEST_AFTER")
}

/// Several threads begin at once, again and again. Each needs a daemon of its own.
fn ensure_in_threads() {
    for round in 0..ROUNDS {
        thread::scope(|scope| {
            for thread in 0..CLIENTS {
                let daemon = options::daemon().instance(format!("{round}-{thread}"));
                scope.spawn(|| daemon.ensure().expect("a daemon"));
            }
        });
    }
}

/// The whole program on a thread that is not the first.
fn start_on_a_thread() -> ExitCode {
    let run = || {
        let _running = options::daemon().start();
        steps::take("TEST_DOES")
    };
    let thread = thread::Builder::new().name("worker-7".to_owned());
    let thread = thread.spawn(run).expect("a thread");
    thread.join().expect("the end of the thread")
}

/// In the daemon many threads call `start` at once.
fn start_on_threads() -> Running {
    let is_handed_over = env::vars_os().any(|(name, _)| name == "__DAEMON_HANDOFF");
    if is_handed_over {
        let barrier = Barrier::new(THREADS);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    barrier.wait();
                    options::daemon().start()
                });
            }
        });
    }
    options::daemon().start()
}

fn start_by(method: &str) -> Result<Running, Error> {
    let daemon = options::daemon();
    match method {
        "start" | "ensure" | "ensure-in-threads" => Ok(daemon.start()),
        "try_start" => daemon.try_start(),
        "restart" => Ok(daemon.stop_and_start()),
        // After all but the last one failed, whose outcome counts.
        "try_start_often" => {
            let mut memory = Vec::new();
            for round in 0..=30 {
                if round % 20 == 10 {
                    memory.push(measure::data_size().expect("the memory"));
                }
                options::daemon().try_start().expect_err("a failure");
            }
            println!("{} KiB more", memory[1].saturating_sub(memory[0]) / 1024);
            daemon.try_start()
        }
        other => panic!("no such method: {other}"),
    }
}
