//! The PID file and the log.

use super::Daemon;
use crate::option_check;
use crate::path_source::PathSource;
use crate::signal::Signal;

impl Daemon {
    /// Sets the PID file, which is locked while the daemon runs. Default: none.
    ///
    /// A string is a plain path; [`PathSource::template`] takes placeholders. A relative path begins at
    /// the directory that the launcher was started in.
    ///
    /// ```
    /// use daemon::{Daemon, PathSource};
    ///
    /// let _daemon = Daemon::new().pid(PathSource::template("{pid_dir}/{name}.pid")).enter();
    /// ```
    pub fn pid(mut self, path: impl Into<PathSource>) -> Self {
        let path = path.into();
        self.check.note("pid", path.complaint(true));
        self.paths.pid = Some(path);
        self.capabilities.add_pid_file();
        self
    }

    /// Sets the file that standard output and standard error are appended to. Default: `/dev/null`.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().log("/var/log/hello.log").enter();
    /// ```
    pub fn log(mut self, path: impl Into<PathSource>) -> Self {
        let path = path.into();
        self.check.note("log", path.complaint(true));
        self.paths.log = Some(path);
        self.capabilities.add_log();
        self
    }

    /// Sets the mode of a PID file that the start creates, whatever the umask. Default: `0o644`.
    ///
    /// The range is `0o600` to `0o777`, with reading and writing for the owner.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().pid("/run/hello.pid").pid_mode(0o600).enter();
    /// ```
    pub fn pid_mode(mut self, mode: u32) -> Self {
        self.check.note("pid_mode", option_check::file_mode(mode));
        self.settings.pid_mode = mode;
        self
    }

    /// Sets the mode of a log that the start creates, whatever the umask. Default: `0o640`.
    ///
    /// The range is `0o600` to `0o777`, with reading and writing for the owner.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().log("/var/log/hello.log").log_mode(0o600).enter();
    /// ```
    pub fn log_mode(mut self, mode: u32) -> Self {
        self.check.note("log_mode", option_check::file_mode(mode));
        self.settings.log_mode = mode;
        self
    }

    /// Reopens the log on this signal, for log rotation. Default: never.
    ///
    /// It is one whose meaning a program chooses: SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGURG,
    /// SIGWINCH, SIGIO, or a real-time signal.
    ///
    /// ```
    /// use daemon::{Daemon, Signal};
    ///
    /// let daemon = Daemon::new().log("/var/log/hello.log");
    /// let _daemon = daemon.log_reopen(Signal::SIGUSR1).enter();
    /// ```
    pub fn log_reopen(mut self, signal: Signal) -> Self {
        self.check.note("log_reopen", option_check::signal(signal));
        self.settings.log_reopen = Some(signal);
        self.capabilities.add_log_reopen();
        self
    }

    /// Rotates the log when it has this size in bytes: `log.1` becomes `log.2` and so on, the log becomes
    /// `log.1`, and the daemon opens a new one. Default: never.
    ///
    /// The supervisor of [`restart`](Self::restart) does it, and so does the control verb `rotate`,
    /// from a cron job for example. The daemon opens the new log on the signal of
    /// [`log_reopen`](Self::log_reopen), or on SIGUSR1 if there is none.
    ///
    /// ```
    /// use daemon::Daemon;
    ///
    /// let daemon = Daemon::new().pid("/run/hello.pid").log("/var/log/hello.log");
    /// let _daemon = daemon.log_rotate(10 * 1024 * 1024).control_flag("-s").enter();
    /// ```
    pub fn log_rotate(mut self, size: u64) -> Self {
        self.check.note("log_rotate", option_check::size(size));
        self.settings.log_rotate = Some(size);
        self.settings.log_reopen.get_or_insert(Signal::SIGUSR1);
        self.capabilities.add_log_reopen();
        self.capabilities.add_log_rotation();
        self
    }

    /// Sets how many old logs [`log_rotate`](Self::log_rotate) keeps. Default: 5.
    ///
    /// The range is 1 to 1000.
    ///
    /// ```
    /// use daemon::Daemon;
    ///
    /// let daemon = Daemon::new().pid("/run/hello.pid").log("/var/log/hello.log");
    /// let _daemon = daemon.log_rotate(1024 * 1024).log_keep(9).control_flag("-s").enter();
    /// ```
    pub fn log_keep(mut self, count: u32) -> Self {
        self.check.note("log_keep", option_check::log_count(count));
        self.settings.log_keep = count;
        self
    }

    /// Writes to the system log, under this facility, when the daemon is started, is ready, ends
    /// before it is ready, or is stopped by the control verb. Default: no.
    ///
    /// The facilities are those of `syslog(3)`, such as `daemon`, `cron` and `local0`. A message that the
    /// system log does not take at once is dropped. The output of the daemon stays where
    /// [`log`](Self::log) leads.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().pid("/run/hello.pid").syslog("daemon").enter();
    /// ```
    pub fn syslog(mut self, facility: impl AsRef<str>) -> Self {
        let name = facility.as_ref();
        let code = option_check::facility(name);
        let complaint = || option_check::unknown_facility(name);
        self.check.note("syslog", code.is_none().then(complaint));
        self.settings.syslog = code;
        self.capabilities.add_syslog();
        self
    }
}
