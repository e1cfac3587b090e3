//! This library without the attribute: a program that reads its command line itself calls `start`.
//! Such a launcher can be large.

use std::io;

use daemon::{Daemon, Readiness};

fn main() -> io::Result<()> {
    let daemon = Daemon::new()
        .pid(body::pid_file())
        .log(body::log_file())
        .ready(Readiness::exec());
    let _running = daemon.start();
    body::run()
}
