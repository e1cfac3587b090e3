//! A `main` that returns a `Result`: it prints a file, and again whenever the file has grown.
//!
//! An error that ends the program during its start reaches the terminal, although the program runs in the
//! background and writes to its log. The exit status is the one that it has in the foreground:
//!
//! ```console
//! $ cargo run --example result -- -d missing
//! Error: "missing: No such file or directory (os error 2)"
//! result: cannot start in the background: the daemon ended with status 1 before it was ready; see /home/you/result.log
//! $ echo $?
//! 1
//! $ echo one >file
//! $ cargo run --example result -- -d file
//! $ tail -n 1 result.log
//! one
//! $ kill $(cat result.pid)
//! ```

#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::env;
use std::fs::File;
use std::io::Read;
use std::thread;
use std::time::Duration;

#[daemon::main(pid = "{name}.pid", log = "{name}.log")]
fn main() -> Result<(), String> {
    let path = env::args().nth(1).ok_or("which file?")?;
    let mut file = File::open(&path).map_err(|error| format!("{path}: {error}"))?;
    loop {
        let mut text = String::new();
        let read = file.read_to_string(&mut text);
        read.map_err(|error| format!("{path}: {error}"))?;
        print!("{text}");
        thread::sleep(Duration::from_secs(1));
    }
}
