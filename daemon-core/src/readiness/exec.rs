//! `ready = "exec"`: the daemon has executed the program.

use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::probe::{Observation, Probe, ProbeState, Target};
use crate::sys;

/// The daemon has executed at the first poll, as a rule.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

#[derive(Debug)]
struct Exec(Pid);

pub(super) fn watch(target: &Target<'_>) -> Box<dyn Probe> {
    Box::new(Exec(target.daemon))
}

impl Probe for Exec {
    fn poll(&mut self, _now: Instant, _deadline: Instant) -> Observation {
        // The daemon may have been killed before its exec.
        if sys::process::has_executed(self.0) {
            ProbeState::Ready.into()
        } else {
            ProbeState::Pending.into()
        }
    }

    fn next_poll(&self, now: Instant) -> Option<Instant> {
        Some(now + POLL_INTERVAL)
    }
}
