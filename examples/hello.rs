//! A plain `main` that prints a greeting once a minute.
//!
//! `cargo run --example hello` does so on the terminal, until Ctrl-C. With `-d` it does so in the
//! background, and the prompt returns:
//!
//! ```console
//! $ cargo run --example hello -- -d
//! $ cat hello.log
//! hello from process 4242
//! $ cargo run --example hello -- -d
//! hello: cannot lock the PID file /home/you/hello.pid: already running, pid 4242
//! $ kill $(cat hello.pid)
//! ```

#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::process;
use std::thread;
use std::time::Duration;

#[daemon::main(pid = "hello.pid", log = "hello.log")]
fn main() {
    loop {
        println!("hello from process {}", process::id());
        thread::sleep(Duration::from_secs(60));
    }
}
