//! The rule: from what the threads wait for to what the daemon is doing. No system calls here.

use std::time::Duration;

use super::snapshot::{Activity, BlockedWait, Call, ObservedProcess, Snapshot, Thread, WakeSource};

/// What the daemon and its descendants are doing, taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// A thread runs.
    Runs,
    /// A thread is stopped.
    Stopped,
    /// A thread waits for a disk or another device.
    WaitsForDevice,
    /// A thread is in a call that a start makes, or waits for the answer of another process.
    Starts,
    /// All threads wait, and at least one wait will end by itself.
    Timed,
    /// All threads sleep, and the kernel does not show for what, or for which answer.
    Blind,
    /// All threads wait without a limit.
    Waits,
    /// All threads wait without a limit, and no other process can answer.
    Rests,
    /// All threads wait, one of them for clients.
    Serves,
}

impl Condition {
    /// How long this has to last before the daemon counts as up.
    pub(super) const fn window(self) -> Option<Duration> {
        match self {
            Self::Runs | Self::Stopped | Self::WaitsForDevice | Self::Starts | Self::Timed => None,
            // The window of version 0.1, which saw nothing but this.
            Self::Blind => Some(Duration::from_millis(50)),
            // Only another process can wake the daemon now: an answer from this machine comes sooner.
            Self::Waits => Some(Duration::from_millis(20)),
            // Nothing but a signal can wake the daemon now.
            Self::Rests => Some(Duration::from_millis(5)),
            Self::Serves => Some(Duration::from_millis(3)),
        }
    }

    /// The condition of a daemon whose launcher stops waiting at `deadline`.
    pub(super) fn of(snapshot: &Snapshot, deadline: Duration) -> Self {
        let mut signs = Signs::default();
        let first_serves = snapshot.processes.first().is_some_and(|daemon| {
            let first = daemon.threads.iter().find(|thread| thread.id == daemon.pid);
            first.is_some_and(Thread::serves)
        });
        for process in &snapshot.processes {
            let serves = process.threads.iter().any(Thread::serves);
            for thread in &process.threads {
                // Beside another thread that serves, the start goes on in the first thread, or in a
                // child that the first thread waits for.
                let may_start = !first_serves
                    && match process.parent {
                        None => thread.id == process.pid,
                        Some(_) => !serves,
                    };
                match &thread.activity {
                    Activity::Runs => signs.add(Sign::Runs),
                    Activity::Stopped => signs.add(Sign::Stopped),
                    Activity::WaitsForDevice { .. } => signs.add(Sign::WaitsForDevice),
                    Activity::Works => signs.add(Sign::Starts),
                    Activity::Sleeps => {
                        signs.add(Sign::Blind);
                        signs.add(Sign::Unseen);
                    }
                    Activity::Waits(wait) if wait.call == Call::Child => {
                        signs.add_wait_for_child(snapshot, process);
                    }
                    Activity::Waits(wait) => {
                        signs.add_sources(wait, snapshot);
                        signs.add_limit(wait, may_start, deadline);
                    }
                }
            }
        }
        signs.conclude(snapshot.is_complete)
    }
}

/// What one of the threads shows.
#[derive(Clone, Copy, Debug)]
enum Sign {
    Runs,
    Stopped,
    WaitsForDevice,
    Starts,
    Waits,
    /// A thread waits for what another process can send.
    Expects,
    Timed,
    /// Where the start may go on beside a thread that serves.
    StartTimed,
    Blind,
    /// A thread waits in a call that is not shown: it may be a step of a start.
    Unseen,
    Serves,
}

/// What all threads show.
#[derive(Debug, Default)]
struct Signs(u16);

impl Signs {
    fn add(&mut self, sign: Sign) {
        self.0 |= 1 << sign as u16;
    }

    fn has(&self, sign: Sign) -> bool {
        self.0 & 1 << sign as u16 != 0
    }

    fn add_wait_for_child(&mut self, snapshot: &Snapshot, process: &ObservedProcess) {
        // The rule judges the child itself. In an incomplete tree it may be a hidden one.
        if has_live_child(snapshot, process) || !snapshot.is_complete {
            self.add(Sign::Waits);
        } else {
            self.add(Sign::Starts);
        }
    }

    fn add_sources(&mut self, wait: &BlockedWait, snapshot: &Snapshot) {
        self.add(Sign::Waits);
        for source in &wait.sources {
            match source {
                WakeSource::Server(_) => self.add(Sign::Serves),
                // A client may come as soon as a thread serves, and be silent or have its answer.
                WakeSource::AwaitingReply(port) | WakeSource::Unspoken(port)
                    if snapshot.is_served(*port) =>
                {
                    self.add(Sign::Expects);
                }
                WakeSource::Connecting | WakeSource::AwaitingReply(_) => self.add(Sign::Starts),
                // A read from nothing else is for the answer to a question, or for a greeting. In an
                // event loop it may be that of a client of the daemon.
                WakeSource::UnixPeer | WakeSource::Unspoken(_)
                    if wait.call == Call::Other && wait.sources.len() == 1 =>
                {
                    self.add(Sign::Starts);
                }
                WakeSource::UnixPeer | WakeSource::Unspoken(_) | WakeSource::Unclear => {
                    self.add(Sign::Blind);
                }
                WakeSource::Answered | WakeSource::Files | WakeSource::Other => {
                    self.add(Sign::Expects);
                }
                WakeSource::Internal => {}
            }
        }
    }

    fn add_limit(&mut self, wait: &BlockedWait, may_start: bool, deadline: Duration) {
        // What ends after the launcher has stopped waiting makes no difference, as a keep-alive. But an
        // answer may come before: to a question about a name, for example.
        let expects_nothing = |source: &WakeSource| {
            matches!(
                source,
                WakeSource::Internal | WakeSource::Answered | WakeSource::Files
            )
        };
        let is_calm = wait.sources.iter().all(expects_nothing);
        if wait.ends.is_some_and(|ends| ends <= deadline || !is_calm) {
            self.add(Sign::Timed);
            if may_start {
                self.add(Sign::StartTimed);
            }
        }
    }

    fn conclude(&self, is_complete: bool) -> Condition {
        let serves = self.has(Sign::Serves) && !self.has(Sign::StartTimed);
        if self.has(Sign::Stopped) {
            Condition::Stopped
        } else if self.has(Sign::WaitsForDevice) {
            Condition::WaitsForDevice
        } else if self.has(Sign::Runs) || self.0 == 0 {
            Condition::Runs
        } else if self.has(Sign::Starts) {
            Condition::Starts
        } else if serves && is_complete && !self.has(Sign::Unseen) {
            Condition::Serves
        } else if self.has(Sign::Timed) && !serves {
            Condition::Timed
        } else if self.has(Sign::Blind) || !is_complete {
            Condition::Blind
        } else if self.has(Sign::Expects) {
            Condition::Waits
        } else {
            Condition::Rests
        }
    }
}

fn has_live_child(snapshot: &Snapshot, parent: &ObservedProcess) -> bool {
    snapshot
        .processes
        .iter()
        .any(|process| process.parent == Some(parent.pid) && !process.threads.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests;
