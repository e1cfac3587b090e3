//! The verb `stop`.

use std::time::{Duration, Instant};

use super::configured::where_it_looked;
use crate::capabilities::Capabilities;
use crate::control::{Control, Status, Stopped, Supervision};
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

/// What the verb writes to the system log: the launcher of the daemon is gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct StopNotice {
    facility: Option<u32>,
}

impl StopNotice {
    /// To be asked before the daemon is stopped: a supervisor writes that itself.
    pub(super) fn of(control: &Control, facility: Option<u32>) -> Self {
        let has_supervisor = || match control.status() {
            Ok(Status::Running { supervision, .. } | Status::Restarting { supervision, .. }) => {
                supervision == Supervision::Active
            }
            _ => false,
        };
        Self {
            facility: facility.filter(|_| !has_supervisor()),
        }
    }

    pub(super) fn tell(self, capabilities: &Capabilities, stopped: Stopped) {
        if stopped != Stopped::NotRunning {
            capabilities.tell(self.facility, Severity::Notice, &|| stopped.to_string());
        }
    }
}
