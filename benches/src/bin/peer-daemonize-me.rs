//! The crate `daemonize-me`: one fork, a PID file without a lock.

use std::error::Error;

use daemonize_me::Daemon;

fn main() -> Result<(), Box<dyn Error>> {
    Daemon::new()
        .pid_file(body::pid_file(), Some(false))
        .work_dir(std::env::current_dir()?)
        .stdout(body::open_log()?)
        .stderr(body::open_log()?)
        .start()
        .map_err(|error| format!("{error:?}"))?;
    Ok(body::run()?)
}
