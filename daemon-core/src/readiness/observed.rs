//! `settled` and `listening` as probes, on every system.

use std::time::Instant;

use super::listening::Listening;
use super::probe::{Observation, Probe, ProbeState, Target};
use super::settled::Settled;

const HIDDEN_SOCKETS: &str = "cannot inspect the daemon's sockets \
     (permission denied); using ready = \"settled\" instead";

pub(super) fn watch_settled(target: &Target<'_>) -> Box<dyn Probe> {
    Box::new(Settled::watch(target.daemon))
}

pub(super) fn watch_listening(target: &Target<'_>) -> Box<dyn Probe> {
    let wanted = target.addresses.to_vec();
    Box::new(Listening::watch(target.daemon, target.inherited, wanted))
}

impl Probe for Settled {
    fn poll(&mut self, now: Instant, deadline: Instant) -> Observation {
        ready_if(self.has_settled(now, deadline))
    }

    fn next_poll(&self, now: Instant) -> Option<Instant> {
        Some(self.next_look(now))
    }

    fn check_at_timeout(&mut self, now: Instant) -> Result<(), Option<String>> {
        self.check_alive(now)
            .map_err(|state| Some(state.to_owned()))
    }
}

impl Probe for Listening {
    fn poll(&mut self, now: Instant, deadline: Instant) -> Observation {
        let is_ready = self.is_ready(now, deadline);
        let mut observation = is_ready.map_or(ProbeState::Hidden(HIDDEN_SOCKETS).into(), ready_if);
        if observation.is_ready() {
            observation.addresses = self.addresses();
        }
        observation
    }

    fn next_poll(&self, now: Instant) -> Option<Instant> {
        Some(self.next_look(now))
    }

    fn check_at_timeout(&mut self, now: Instant) -> Result<(), Option<String>> {
        Self::check_at_timeout(self, now).map_err(Some)
    }
}

fn ready_if(is_ready: bool) -> Observation {
    if is_ready {
        ProbeState::Ready.into()
    } else {
        ProbeState::Pending.into()
    }
}
