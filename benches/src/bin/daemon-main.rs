//! This library. The first argument is the readiness.

use std::io;
use std::net::TcpListener;

use daemon::{Daemon, Readiness};

#[daemon::main(pid = body::pid_file(), log = body::log_file(), configure = choose_readiness)]
fn main() -> io::Result<()> {
    // Bound only in the mode that waits for it, and kept open until the end.
    let _socket = if readiness() == Readiness::listening() {
        Some(TcpListener::bind("127.0.0.1:0")?)
    } else {
        None
    };
    // Ends the launcher's wait in the mode `notify`, and has no effect in the others.
    daemon::ready();
    body::run()
}

fn choose_readiness(daemon: Daemon) -> Daemon {
    daemon.ready(readiness())
}

fn readiness() -> Readiness {
    let mode = std::env::args().nth(1);
    mode.and_then(|mode| mode.parse().ok())
        .unwrap_or(Readiness::exec())
}
