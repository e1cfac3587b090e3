//! The verbs as subcommands: `queue start`, `queue status`, `queue stop`, and `queue run` in the
//! foreground.
//!
//! `control_subcommands = "run"` names the first word of a run. `queue start 2` starts a daemon with
//! the arguments `run 2`. Other first words belong to the program:
//!
//! ```console
//! $ cargo run --example queue -- start 2
//! $ cargo run --example queue -- start
//! queue: running, pid 4242, since 2026-11-26 09:30:00
//! $ cat queue.log
//! 2 workers
//! $ cargo run --example queue -- add letter
//! added letter
//! $ cargo run --example queue -- stop
//! queue: stopped, pid 4242
//! $ cargo run --example queue -- remove
//! usage: queue run|start|stop|status|restart [WORKERS], queue add NAME
//! ```

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints"
)]

use std::env;
use std::process::ExitCode;
use std::thread;

#[daemon::main(pid = "{name}.pid", log = "{name}.log", control_subcommands = "run")]
fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["run"] => work("1"),
        ["run", workers] => work(workers),
        ["add", name] => {
            println!("added {name}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: queue run|start|stop|status|restart [WORKERS], queue add NAME");
            ExitCode::from(64)
        }
    }
}

fn work(workers: &str) -> ExitCode {
    println!("{workers} workers");
    loop {
        thread::park();
    }
}
