//! `restart`: the supervisor of a daemon, which starts it again after a crash.
//!
//! It is a launcher that stays: a process of its own, which starts every run by the code of the launch,
//! waits for it by the same state machine, and ends it in the same way.

mod channel;
mod entry;
mod first_start;
mod lines;
mod log;
mod policy;
mod runs;
mod state;
mod supervise;
mod transitions;
mod verdict;

use crate::daemon::Daemon;
use crate::launcher::SupervisorCode;
use crate::restart::Restart;

static SUPERVISION: SupervisorCode = SupervisorCode {
    check: first_start::check,
    launch: first_start::launch,
    become_supervisor: entry::become_supervisor,
};

impl Daemon {
    /// Starts the daemon again after the ends that this mode names. Default: never.
    ///
    /// The launcher starts a supervisor, and the supervisor starts the daemon: again and again, after
    /// the [delay](Self::restart_delay), until a stop or an end that was intended. It needs a PID file.
    /// A first start that fails is not repeated. In the foreground this has no effect.
    ///
    /// The supervisor is the same program: the code before [`enter`](Self::enter) or
    /// [`start`](Self::start) runs in it too, and nothing after that.
    ///
    /// ```
    /// use daemon::{Daemon, Restart};
    ///
    /// let daemon = Daemon::new().pid("/run/hello.pid").log("/var/log/hello.log");
    /// let _daemon = daemon.restart(Restart::OnFailure).enter();
    /// ```
    pub fn restart(mut self, restart: Restart) -> Self {
        self.check.note_set("restart");
        self.settings.restart = Some(restart);
        self.supervision = Some(&SUPERVISION);
        self
    }
}
