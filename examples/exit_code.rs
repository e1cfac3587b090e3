//! A `main` that returns an `ExitCode`: it waits for a number of seconds.
//!
//! A usage error appears on the terminal, and the exit status is the one of the program. A program
//! that ends with 0 at once counts as a success, and its output is printed:
//!
//! ```console
//! $ cargo run --example exit_code -- -d soon
//! usage: exit_code SECONDS
//! exit_code: cannot start in the background: the daemon ended with status 2 before it was ready; see /home/you/exit_code.log
//! $ echo $?
//! 2
//! $ cargo run --example exit_code -- -d 0
//! waited for 0 s
//! $ cargo run --example exit_code -- -d 600
//! $ kill $(cat exit_code.pid)
//! ```

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints"
)]

use std::env;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

#[daemon::main(pid = "{name}.pid", log = "{name}.log")]
fn main() -> ExitCode {
    let seconds = env::args().nth(1).and_then(|seconds| seconds.parse().ok());
    let Some(seconds) = seconds else {
        eprintln!("usage: exit_code SECONDS");
        return ExitCode::from(2);
    };
    thread::sleep(Duration::from_secs(seconds));
    println!("waited for {seconds} s");
    ExitCode::SUCCESS
}
