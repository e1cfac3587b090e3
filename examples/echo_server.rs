//! tokio and clap: a server that sends every line back to its client.
//!
//! `#[daemon::main]` stands above `#[tokio::main]`, so no runtime starts in the launcher. clap
//! declares the switch for `--help`. With `ready = "listening"` the prompt returns when the server
//! listens, and a failure before that appears on the terminal:
//!
//! ```console
//! $ cargo run --features clap --example echo_server -- -d 192.0.2.1:80
//! echo_server: 192.0.2.1:80: Cannot assign requested address (os error 99)
//! echo_server: cannot start in the background: the daemon ended with status 1 before it was ready; see /home/you/echo_server.log
//! $ echo $?
//! 1
//! $ cargo run --features clap --example echo_server -- -d
//! $ tail -n 1 echo_server.log
//! listening on 127.0.0.1:40123
//! $ kill $(cat echo_server.pid)
//! ```

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints"
)]

use std::io;
use std::process::ExitCode;

use clap::Parser;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Sends every line back to its client
#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    switch: daemon::clap::Switch,
    /// Where to listen
    #[arg(default_value = "127.0.0.1:0")]
    address: String,
}

#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
#[tokio::main]
async fn main() -> ExitCode {
    let address = Cli::parse().address;
    match serve(&address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo_server: {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: &str) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (client, _) = listener.accept().await?;
        tokio::spawn(echo(client));
    }
}

async fn echo(mut client: TcpStream) -> io::Result<()> {
    let mut bytes = [0; 1024];
    loop {
        match client.read(&mut bytes).await? {
            0 => return Ok(()),
            length => client.write_all(&bytes[..length]).await?,
        }
    }
}
