//! The hand-off: one record from the launcher to the daemon through a socket pair, and the outcome
//! back. An environment variable names the daemon's descriptor.

mod daemon_end;
mod launcher_end;
mod message;
mod outcome;
mod record;
mod take;

pub(crate) use daemon_end::DaemonEnd;
pub(crate) use launcher_end::{LauncherEnd, pair};
pub(crate) use message::{Reply, Report, announcements, notice};
pub(crate) use outcome::{Outcome, StartStep};
pub(crate) use record::{Carried, Record, SupervisorRecord};
pub(crate) use take::{MARKER, marker, take};

#[cfg(test)]
#[allow(clippy::panic, reason = "a test may fail by panic")]
mod tests;
