//! A server with an async runtime: every line that a client sends comes back.
//!
//! The runtime starts in the daemon only, since `#[daemon::main]` stands above `#[tokio::main]`.
//! When the prompt is back, the server listens:
//!
//! ```console
//! $ cargo run --example echo_server -- --background
//! $ cat echo_server.log
//! listening on 127.0.0.1:40123
//! $ kill $(cat echo_server.pid)
//! ```
//!
//! Before that, `nc 127.0.0.1 40123` talks to it. An address to listen on may be given as the
//! argument.

#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::env;
use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[daemon::main(pid = "{name}.pid", log = "{name}.log")]
#[tokio::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:0".to_owned());
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
