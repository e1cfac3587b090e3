//! This library without the attribute: a program that reads its command line itself calls `start`.
//! Such a launcher can be large.

use std::io;

use daemon::{Daemon, Readiness};

fn main() -> io::Result<()> {
    let daemon = Daemon::new()
        .pid_file(body::pid_file())
        .log_file(body::log_file())
        .ready(Readiness::Exec);
    let _running = daemon.start();
    body::run()
}
