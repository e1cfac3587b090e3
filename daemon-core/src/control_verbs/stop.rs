//! The verb `stop`.

use std::time::{Duration, Instant};

use super::configured::where_it_looked;
use crate::capabilities::Capabilities;
use crate::control::{Control, Stopped};
use crate::error::Error;
use crate::launcher::{StatusLine, report};
use crate::syslog::Severity;

/// What `stop` shows on a terminal.
const WAITING: &str = "waiting until the daemon has ended";

/// `stop`.
pub(super) fn stop(control: &Control, timeout: Duration) -> Result<Stopped, Error> {
    let mut line = StatusLine::new(WAITING);
    let stopped = control.stop_observed(timeout, &mut || line.show(Instant::now()));
    drop(line);
    let stopped = stopped?;
    let more = match stopped {
        Stopped::NotRunning => where_it_looked(control),
        _ => String::new(),
    };
    report::answer(&format!("{stopped}{more}"));
    Ok(stopped)
}

/// The launcher of the daemon is gone, so the verb writes to the system log.
pub(super) fn tell_stopped(capabilities: &Capabilities, facility: Option<u32>, stopped: Stopped) {
    if stopped != Stopped::NotRunning {
        capabilities.tell(facility, Severity::Notice, &|| stopped.to_string());
    }
}
