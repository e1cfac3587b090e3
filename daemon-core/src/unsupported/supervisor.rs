//! `restart` where there are no daemons.

use crate::daemon::Daemon;
use crate::restart::Restart;

impl Daemon {
    /// Starts the daemon again after the ends that this mode names. Default: never. It has no
    /// effect on this system.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.settings.restart = Some(restart);
        self
    }
}
