//! The crate `fork`, a library of primitives without PID file, lock and log. `fork` calls `daemon`,
//! whose launcher ends at once; `fork checked` calls `checked_daemon`, whose launcher waits for the
//! daemon's word.

use std::fs::File;
use std::io;
use std::time::Duration;

use fork::{CheckedDaemon, DaemonOptions, Fork, checked_daemon, daemon};

fn main() -> io::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("checked") {
        checked()
    } else {
        plain()
    }
}

fn plain() -> io::Result<()> {
    if let Fork::Child = daemon(true, false)? {
        let _pid_file = body::hold_pid_file()?;
        body::redirect_to_log()?;
        body::run()?;
    }
    Ok(())
}

fn checked() -> io::Result<()> {
    let mut options = DaemonOptions::new();
    options
        .map_descriptor(File::open("/dev/null")?.into(), 0)?
        .map_descriptor(body::open_log()?.into(), 1)?
        .map_descriptor(body::open_log()?.into(), 2)?;
    match checked_daemon(options, Duration::from_secs(30)) {
        Ok(CheckedDaemon::Parent(_)) => Ok(()),
        Ok(CheckedDaemon::Daemon(notifier)) => {
            let _pid_file = body::hold_pid_file()?;
            notifier.notify_ready()?;
            body::run()
        }
        Err(error) => Err(io::Error::other(format!("{error:?}"))),
    }
}
