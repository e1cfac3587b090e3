//! The start, readiness, the stop and the restart.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::Daemon;
use crate::before_start::{BeforeStart, Start};
use crate::kill_mode::KillMode;
use crate::option_check;
use crate::readiness::Readiness;
use crate::signal::Signal;

impl Daemon {
    /// Calls a function in the launcher before the daemon exists, to ask the user or to check
    /// something. Default: none.
    ///
    /// It runs once for each start, when the PID file is locked and before the log is opened; not
    /// in the foreground, and not for the control verbs that start nothing. During the call signals
    /// act as before the start. With [`Start`] it gives a variable or a descriptor to the daemon.
    /// Its error is the reason why the start fails, with an error of the kind
    /// [`Refused`](crate::ErrorKind::Refused) and the exit status 1. A panic or an exit in it leaves a
    /// PID file without a pid, which the next start takes.
    ///
    /// ```
    /// use std::io::{self, Write};
    ///
    /// use daemon::{Daemon, Start};
    ///
    /// fn ask(start: &mut Start) -> io::Result<()> {
    ///     eprint!("passphrase: ");
    ///     let mut passphrase = String::new();
    ///     io::stdin().read_line(&mut passphrase)?;
    ///     let (reader, mut writer) = std::os::unix::net::UnixStream::pair()?;
    ///     writer.write_all(passphrase.as_bytes())?;
    ///     start.pass("passphrase", reader);
    ///     Ok(())
    /// }
    ///
    /// let _daemon = Daemon::new().before_start(ask).enter();
    /// ```
    pub fn before_start<E: Display>(
        mut self,
        function: impl Fn(&mut Start) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        self.before_start = Some(BeforeStart::new(function));
        self.capabilities.add_passed_fds();
        self
    }

    /// Sets the condition under which the launcher exits with 0. Default: [`Readiness::settled`].
    ///
    /// ```
    /// use daemon::{Daemon, Readiness};
    ///
    /// let _daemon = Daemon::new().ready(Readiness::notify()).enter();
    /// daemon::ready();
    /// ```
    pub fn ready(mut self, readiness: Readiness) -> Self {
        self.check.note("ready", readiness.problem());
        self.readiness = readiness;
        self
    }

    /// Sets the longest wait for readiness, which is not zero. Default: 3 seconds under
    /// [`Readiness::settled`], else 30.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use daemon::{Daemon, Readiness};
    ///
    /// let daemon = Daemon::new().ready(Readiness::notify());
    /// let _daemon = daemon.ready_timeout(Duration::from_secs(120)).enter();
    /// ```
    pub fn ready_timeout(mut self, timeout: Duration) -> Self {
        self.check
            .note("ready_timeout", option_check::timeout(timeout));
        self.settings.ready_timeout = Some(timeout);
        self
    }

    /// The signal that stops the daemon: the control verb `stop` and a start that fails send it first.
    /// Default: SIGTERM.
    ///
    /// It is one that asks a program to end, or whose meaning a program chooses: SIGINT, SIGQUIT, SIGHUP,
    /// SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGURG, SIGWINCH, SIGIO, or a real-time signal.
    ///
    /// ```
    /// use daemon::{Daemon, Signal};
    ///
    /// // Many programs that use tokio handle SIGINT only.
    /// let daemon = Daemon::new().stop_signal(Signal::SIGINT);
    /// ```
    pub fn stop_signal(mut self, signal: Signal) -> Self {
        self.check
            .note("stop_signal", option_check::stop_signal(signal));
        self.settings.stop_signal = signal;
        self
    }

    /// What happens to the rest of the daemon's process group when the daemon is stopped or fails to
    /// start. Default: [`KillMode::Mixed`].
    ///
    /// ```
    /// use daemon::{Daemon, KillMode};
    ///
    /// let daemon = Daemon::new().kill_mode(KillMode::Process);
    /// ```
    pub fn kill_mode(mut self, mode: KillMode) -> Self {
        self.settings.kill_mode = mode;
        self
    }

    /// Sets how long the control verb `stop` waits before it sends SIGKILL, which is not zero. Default:
    /// 10 seconds.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use daemon::Daemon;
    ///
    /// let daemon = Daemon::new().pid("/run/hello.pid").control_flag("-s");
    /// let _daemon = daemon.stop_timeout(Duration::from_secs(60)).enter();
    /// ```
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.check
            .note("stop_timeout", option_check::timeout(timeout));
        self.settings.stop_timeout = timeout;
        self
    }

    /// Sets the first and the longest delay between the end of the daemon and its next start. Default:
    /// 500 milliseconds to 60 seconds.
    ///
    /// The delay is doubled after each restart, until a daemon has been ready for 60 seconds and for
    /// as long as the last delay; then it is the first one again. The range is 0 to one day. With two
    /// equal durations the delay is constant.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use daemon::{Daemon, Restart};
    ///
    /// let daemon = Daemon::new().pid("/run/hello.pid").restart(Restart::OnFailure);
    /// let second = Duration::from_secs(1);
    /// let _daemon = daemon.restart_delay(second..=30 * second).enter();
    /// ```
    pub fn restart_delay(mut self, delay: RangeInclusive<Duration>) -> Self {
        let (first, longest) = delay.into_inner();
        self.check
            .note("restart_delay", option_check::restart_delay(first, longest));
        self.settings.restart_delay = first;
        self.settings.restart_delay_max = longest;
        self
    }

    /// Sets how often the daemon is started again in a row; after that its supervisor gives up, with a
    /// line in the log. Default: no limit.
    ///
    /// The count begins anew when the delay does, see [`restart_delay`](Self::restart_delay). The limit
    /// is at least 1.
    ///
    /// ```
    /// use daemon::{Daemon, Restart};
    ///
    /// let daemon = Daemon::new().pid("/run/hello.pid").restart(Restart::OnFailure);
    /// let _daemon = daemon.restart_limit(10).enter();
    /// ```
    pub fn restart_limit(mut self, limit: u32) -> Self {
        self.check
            .note("restart_limit", option_check::restart_limit(limit));
        self.settings.restart_limit = Some(limit);
        self
    }
}
