//! A program whose runtime handles the signal on which its log is reopened.

#![allow(clippy::print_stdout, reason = "a careless program is under test")]

use tokio::signal::unix::{SignalKind, signal};

#[daemon::main(pid = "{name}.pid", log = "{name}.log", log_reopen = "SIGHUP")]
#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;
    println!("up");
    while hangups.recv().await.is_some() {
        println!("handled");
    }
    Ok(())
}
