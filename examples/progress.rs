//! `ready = "notify"`: a program that loads its data first, and reports how far it is.
//!
//! The prompt returns when the program calls `daemon::ready()`. While the user waits, the terminal
//! shows the last `daemon::status()`. `daemon::extend_timeout()` asks for more time when the work
//! takes longer than `ready_timeout`.
//!
//! `listen` lets the launcher bind the socket, and `daemon::listener()` takes it. So clients can connect at
//! once, and wait until the program has loaded its data.
//!
//! ```console
//! $ cargo run --example progress -- -d none
//! progress: not a count: none
//! progress: cannot start in the background: the daemon ended with status 1 before it was ready; see /home/you/progress.log
//! $ cargo run --example progress -- -d 3
//! $ tail -n 4 progress.log
//! loaded part 1 of 3
//! loaded part 2 of 3
//! loaded part 3 of 3
//! serving on 127.0.0.1:40123
//! $ kill $(cat progress.pid)
//! ```
//!
//! On a terminal the second command also prints this line, which begins with the last status:
//!
//! ```text
//! progress: serving 3 parts; running in the background, pid 4242, log /home/you/progress.log
//! ```

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints"
)]

use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

#[daemon::main(
    pid = "{name}.pid",
    log = "{name}.log",
    ready = "notify",
    ready_timeout = 2,
    listen = "parts=127.0.0.1:0"
)]
fn main() -> ExitCode {
    let count = std::env::args().nth(1).unwrap_or_default();
    let Ok(count) = count.parse::<u32>() else {
        eprintln!("progress: not a count: {count}");
        return ExitCode::FAILURE;
    };
    for part in 1..=count {
        daemon::status(format!("loading part {part} of {count}"));
        daemon::extend_timeout(Duration::from_secs(2));
        load();
        println!("loaded part {part} of {count}");
    }
    match serve(count) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("progress: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(count: u32) -> io::Result<()> {
    let listener = daemon::listener("parts", "127.0.0.1:0")?;
    daemon::status(format!("serving {count} parts"));
    println!("serving on {}", listener.local_addr()?);
    daemon::ready();
    for client in listener.incoming() {
        // A client that has gone is no reason to end.
        client
            .and_then(|mut client| writeln!(client, "{count} parts"))
            .ok();
    }
    Ok(())
}

/// Stands for work that takes a while.
fn load() {
    thread::sleep(Duration::from_millis(200));
}
