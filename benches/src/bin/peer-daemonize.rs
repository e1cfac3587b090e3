//! The crate `daemonize`: two forks, the PID file and the log after the launcher has ended.

use std::error::Error;

use daemonize::Daemonize;

fn main() -> Result<(), Box<dyn Error>> {
    Daemonize::new()
        .pid_file(body::pid_file())
        .working_directory(std::env::current_dir()?)
        .stdout(body::open_log()?)
        .stderr(body::open_log()?)
        .start()?;
    Ok(body::run()?)
}
