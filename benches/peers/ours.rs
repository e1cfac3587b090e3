//! Ours. The first argument is the readiness.

use daemon::{Daemon, Readiness};

fn main() -> std::io::Result<()> {
    let _daemon = Daemon::new()
        .pid_file(body::pid_file())
        .log_file(body::log_file())
        .ready(readiness())
        .enter();
    body::run()
}

fn readiness() -> Readiness {
    match std::env::args().nth(1).as_deref() {
        Some("settled") => Readiness::Settled,
        Some("listening") => Readiness::Listening,
        Some("notify") => Readiness::Notify,
        _ => Readiness::Exec,
    }
}
