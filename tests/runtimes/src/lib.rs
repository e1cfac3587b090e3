//! The servers, one for each family of runtimes. A server listens on a port that the kernel chooses,
//! writes its address into the file `address`, and answers every request with its pid.

use std::net::SocketAddr;
use std::{fs, io, process};

pub mod actix;
pub mod async_std;
pub mod compio;
pub mod ntex;
pub mod rocket;
pub mod smol;
pub mod tokio;

/// Renames the file when it is complete.
fn announce(address: SocketAddr) -> io::Result<()> {
    fs::write("address.new", address.to_string())?;
    fs::rename("address.new", "address")
}

fn answer() -> String {
    process::id().to_string()
}

/// The answer of a server without an HTTP library.
fn response() -> String {
    format!("HTTP/1.0 200 OK\r\n\r\n{}", answer())
}
