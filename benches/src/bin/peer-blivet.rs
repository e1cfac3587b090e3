//! The crate `blivet`: the launcher waits for `notify_parent`.

use std::error::Error;

use blivet::{DaemonConfig, daemonize};

fn main() -> Result<(), Box<dyn Error>> {
    let mut config = DaemonConfig::new();
    config
        .pidfile(body::pid_file())
        .chdir(std::env::current_dir()?)
        .stdout(body::log_file())
        .stderr(body::log_file())
        .append(true);
    let mut context = daemonize(&config)?;
    context.notify_parent()?;
    Ok(body::run()?)
}
