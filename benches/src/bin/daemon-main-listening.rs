//! This library with `ready = "listening"`.

use std::io;
use std::net::TcpListener;

#[daemon::main(pid = body::pid_file(), log = body::log_file(), ready = "listening")]
fn main() -> io::Result<()> {
    let _socket = TcpListener::bind("127.0.0.1:0")?;
    body::run()
}
