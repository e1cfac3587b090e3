//! Kills a launcher that never comes back, so that a bench with a broken contestant ends.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::site::PATIENCE;

/// A thread that wakes once a second: too rarely to disturb a measurement.
#[derive(Debug, Default)]
pub(crate) struct Watchdog {
    watched: Arc<Mutex<Option<(Pid, Instant)>>>,
}

impl Watchdog {
    pub(crate) fn start() -> Self {
        let watchdog = Self::default();
        let watched = Arc::clone(&watchdog.watched);
        thread::spawn(move || {
            loop {
                thread::sleep(Duration::from_secs(1));
                let watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((launcher, since)) = *watched
                    && since.elapsed() > PATIENCE
                {
                    // Not reaped before `look_away`, so the pid is still the launcher's, and there
                    // is no way to fail.
                    let _killed = kill(launcher, Signal::SIGKILL);
                }
            }
        });
        watchdog
    }

    pub(crate) fn watch(&self, launcher: Pid) {
        *self.watched.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((launcher, Instant::now()));
    }

    pub(crate) fn look_away(&self) {
        *self.watched.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
