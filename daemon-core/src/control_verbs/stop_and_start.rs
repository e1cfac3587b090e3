//! `Daemon::stop_and_start`: the verb `restart` for a program that reads its command line itself.

use std::ffi::OsString;

use super::configured::control;
use super::restart::{exchange, replaceable};
use crate::daemon::Daemon;
use crate::enter::{give_up, take_handoff};
use crate::error::Error;
use crate::running::Running;
use crate::value_flags::Chosen;

impl Daemon {
    /// Stops the daemon of this PID file, if it runs, and starts it: the control verb `restart` for a
    /// program that reads its command line itself.
    ///
    /// It checks what can be checked before it stops the daemon. Otherwise it is like
    /// [`start`](Self::start): in the launcher it exits, and in the daemon it returns. The daemon gets
    /// the command line of this process, and comes here again.
    ///
    /// ```no_run
    /// use daemon::Daemon;
    ///
    /// let daemon = Daemon::new().pid("/run/hello.pid");
    /// match std::env::args().nth(1).as_deref() {
    ///     Some("start") => drop(daemon.start()),
    ///     Some("restart") => drop(daemon.stop_and_start()),
    ///     _ => {}
    /// }
    /// println!("the program runs here");
    /// ```
    #[expect(clippy::must_use_candidate, reason = "a mark, which may be dropped")]
    pub fn stop_and_start(self) -> Running {
        self.try_stop_and_start()
            .unwrap_or_else(|error| give_up(&error))
    }

    /// As [`stop_and_start`](Self::stop_and_start), but returns the error in the launcher.
    ///
    /// # Errors
    ///
    /// In the launcher alone: those of [`try_start`](Self::try_start) and of
    /// [`Control::stop`](crate::Control::stop), and [`Usage`](crate::ErrorKind::Usage) if a service
    /// manager runs the program.
    ///
    /// ```no_run
    /// use daemon::Daemon;
    ///
    /// match Daemon::new().pid("/run/hello.pid").try_stop_and_start() {
    ///     Ok(_running) => println!("hello"),
    ///     Err(error) => eprintln!("the daemon did not start: {error}"),
    /// }
    /// ```
    pub fn try_stop_and_start(mut self) -> Result<Running, Error> {
        if let Some(running) = take_handoff(&self) {
            return Ok(running);
        }
        self.complete(Chosen::default())?;
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let timeout = self.settings.stop_timeout;
        let control = control(&self, arguments.first().cloned())?;
        replaceable(&self, &control)?;
        let stop = || control.stop(timeout);
        Err(exchange(&mut self, arguments, &control, &stop)?)
    }
}
