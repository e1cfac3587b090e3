//! Which role is this process in, and what follows from it.

use crate::daemon::Daemon;
use crate::running::Running;

impl Daemon {
    /// Finds out which role this process is in, and plays it.
    #[must_use]
    pub fn enter(self) -> Running {
        Running {}
    }
}
