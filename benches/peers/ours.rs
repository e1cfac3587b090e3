//! Ours. The first argument is the readiness.

use std::io;
use std::net::TcpListener;

use daemon::{Daemon, Readiness};

#[daemon::main(pid = body::pid_file(), log = body::log_file(), configure = choose_readiness)]
fn main() -> io::Result<()> {
    // Bound in the one mode that waits for it; the guard keeps it open.
    let _socket = match readiness() {
        Readiness::Listening => Some(TcpListener::bind("127.0.0.1:0")?),
        _ => None,
    };
    // Nothing but this program's word ends the launcher's wait in the mode `notify`; in the others,
    // and in the foreground, nobody listens.
    daemon::ready();
    body::run()
}

fn choose_readiness(daemon: Daemon) -> Daemon {
    daemon.ready(readiness())
}

fn readiness() -> Readiness {
    match std::env::args().nth(1).as_deref() {
        Some("settled") => Readiness::Settled,
        Some("listening") => Readiness::Listening,
        Some("notify") => Readiness::Notify,
        _ => Readiness::Exec,
    }
}
