//! `Daemon`, the builder, with every default.

use std::ffi::OsString;
use std::time::Duration;

use crate::capabilities::Capabilities;
use crate::env_changes::EnvChanges;
#[cfg(unix)]
use crate::error::Error;
use crate::kill_mode::KillMode;
use crate::path_source::PathSource;
use crate::readiness::Readiness;
use crate::settings::{Paths, Settings};
use crate::signal::Signal;
#[cfg(unix)]
use crate::verb::Verb;

/// The settings of a daemon: the options of `#[daemon::main]` at run time.
///
/// Nothing happens until [`enter`](Self::enter) or [`start`](Self::start).
#[derive(Clone, Debug)]
#[must_use = "nothing happens until `enter` or `start`"]
pub struct Daemon {
    /// `None` is the default, or no switch at all beside `foreground_flag`.
    pub(crate) background_flag: Option<Vec<OsString>>,
    pub(crate) foreground_flag: Option<OsString>,
    pub(crate) subcommand: Vec<OsString>,
    pub(crate) pid_flag: Option<OsString>,
    pub(crate) log_flag: Option<OsString>,
    pub(crate) timeout_flag: Option<OsString>,
    pub(crate) control_flag: Option<OsString>,
    pub(crate) paths: Paths<PathSource>,
    pub(crate) user: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) readiness: Readiness,
    pub(crate) settings: Settings,
    pub(crate) env: EnvChanges,
    pub(crate) configure: Option<fn(Daemon) -> Daemon>,
    pub(crate) capabilities: Capabilities,
    /// Carries out a control verb.
    #[cfg(unix)]
    pub(crate) run_verb: Option<RunVerb>,
}

/// Carries out a verb with these arguments for the program; returns the exit status.
#[cfg(unix)]
pub(crate) type RunVerb = fn(Daemon, Verb, Vec<OsString>) -> Result<u8, Error>;

impl Default for Daemon {
    fn default() -> Self {
        Self::new()
    }
}

impl Daemon {
    /// The defaults: the switch `-d, --background`, no PID file, no log, ready when settled.
    pub fn new() -> Self {
        Self {
            background_flag: None,
            foreground_flag: None,
            subcommand: Vec::new(),
            pid_flag: None,
            log_flag: None,
            timeout_flag: None,
            control_flag: None,
            paths: Paths::default(),
            user: None,
            group: None,
            readiness: Readiness::default(),
            settings: Settings::default(),
            env: EnvChanges::default(),
            configure: None,
            capabilities: Capabilities::default(),
            #[cfg(unix)]
            run_verb: None,
        }
    }

    /// The switch, in all its spellings. Default: `-d` and `--background`.
    pub fn background_flag<F: Into<OsString>>(
        mut self,
        flags: impl IntoIterator<Item = F>,
    ) -> Self {
        self.background_flag = Some(flags.into_iter().map(Into::into).collect());
        self
    }

    /// The program goes to the background unless this flag is given, as in `prog -f`. Default: none.
    ///
    /// There is no switch then: [`background_flag`](Self::background_flag) cannot be set as well. With
    /// [`subcommand`](Self::subcommand) the program goes to the background only after one of its
    /// words. `--help` and `--version` stay in the foreground. The flag is an exact word before `--`,
    /// and stays in the arguments, so the parser of the program must know it. Only
    /// [`enter`](Self::enter) reads it.
    ///
    /// ```no_run
    /// let _daemon = daemon_core::Daemon::new().foreground_flag("-f").enter();
    /// ```
    pub fn foreground_flag(mut self, flag: impl Into<OsString>) -> Self {
        self.foreground_flag = Some(flag.into());
        self
    }

    /// The switch counts only after one of these words, as in `prog mount -d`. Default: anywhere.
    pub fn subcommand<W: Into<OsString>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.subcommand = words.into_iter().map(Into::into).collect();
        self
    }

    /// The locked PID file. Default: none.
    pub fn pid(mut self, path: impl Into<PathSource>) -> Self {
        self.paths.pid = Some(path.into());
        self.capabilities.add_pid_file();
        self
    }

    /// The file that standard output and standard error are appended to. Default: `/dev/null`.
    pub fn log(mut self, path: impl Into<PathSource>) -> Self {
        self.paths.log = Some(path.into());
        self.capabilities.add_log();
        self
    }

    /// A flag by which the user of the program chooses the PID file. Default: none.
    ///
    /// It is looked for by [`enter`](Self::enter), before [`configure`](Self::configure) is called; a
    /// program that calls [`start`](Self::start) reads its command line itself.
    pub fn pid_flag(mut self, flag: impl Into<OsString>) -> Self {
        self.pid_flag = Some(flag.into());
        self.capabilities.add_pid_file();
        self
    }

    /// A flag by which the user of the program chooses the log. Default: none.
    ///
    /// It is looked for by [`enter`](Self::enter), before [`configure`](Self::configure) is called; a
    /// program that calls [`start`](Self::start) reads its command line itself.
    pub fn log_flag(mut self, flag: impl Into<OsString>) -> Self {
        self.log_flag = Some(flag.into());
        self.capabilities.add_log();
        self
    }

    /// A flag with which the user of the program chooses [`ready_timeout`](Self::ready_timeout) in
    /// seconds, as in `prog -d --timeout 60`. Default: none.
    ///
    /// With 0 the launcher waits for ever. Only [`enter`](Self::enter) reads the flag, and removes it
    /// from the arguments of the daemon. In the foreground it stays in the arguments, so the parser of
    /// the program must know it.
    ///
    /// ```no_run
    /// let _daemon = daemon::Daemon::new().timeout_flag("--timeout").enter();
    /// ```
    pub fn timeout_flag(mut self, flag: impl Into<OsString>) -> Self {
        self.timeout_flag = Some(flag.into());
        self
    }

    /// The mode of a PID file that is created, whatever the umask. Default: `0o644`.
    pub fn pid_mode(mut self, mode: u32) -> Self {
        self.settings.pid_mode = mode;
        self
    }

    /// The mode of a log that is created, whatever the umask. Default: `0o640`.
    pub fn log_mode(mut self, mode: u32) -> Self {
        self.settings.log_mode = mode;
        self
    }

    /// The daemon's working directory. Default: the launcher's.
    pub fn workdir(mut self, path: impl Into<PathSource>) -> Self {
        self.paths.workdir = Some(path.into());
        self
    }

    /// The daemon's file mode creation mask, see `umask(2)`. Default: the launcher's.
    pub fn umask(mut self, mask: u32) -> Self {
        self.settings.umask = Some(mask);
        self
    }

    /// The user that the daemon becomes: a name or a number. Default: the launcher's.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self.capabilities.add_privileges();
        self
    }

    /// The group that the daemon becomes a member of: a name or a number. Default: the primary
    /// group of [`user`](Self::user), else the launcher's.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self.capabilities.add_privileges();
        self
    }

    /// The daemon's root directory, see `chroot(2)`. Default: the launcher's.
    pub fn chroot(mut self, path: impl Into<PathSource>) -> Self {
        self.paths.chroot = Some(path.into());
        self
    }

    /// Descriptors of the launcher that stay open in the daemon. Default: none.
    pub fn keep_fds(mut self, descriptors: impl IntoIterator<Item = i32>) -> Self {
        self.settings.keep_fds = descriptors.into_iter().collect();
        self
    }

    /// Removes these variables from the environment of the daemon. Default: none.
    ///
    /// This and the other two methods change the environment in the order of their calls, like those
    /// of [`std::process::Command`]. A name that is empty or contains `=` fails the start, with an error
    /// of the kind [`Configuration`](crate::ErrorKind::Configuration).
    ///
    /// ```no_run
    /// let _daemon = daemon_core::Daemon::new().env_remove(["GIT_DIR", "MAKEFLAGS"]).enter();
    /// ```
    pub fn env_remove<N: Into<OsString>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        for name in names {
            self.env.set(name.into(), None);
        }
        self
    }

    /// Sets a variable in the environment of the daemon. Default: none.
    ///
    /// ```no_run
    /// let _daemon = daemon_core::Daemon::new().env("RUST_BACKTRACE", "1").enter();
    /// ```
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.set(name.into(), Some(value.into()));
        self
    }

    /// Removes all variables from the environment of the daemon, also `LISTEN_FDS` and others that a
    /// service manager has set, and those that [`env`](Self::env) has set before. Default: none is
    /// removed.
    ///
    /// ```no_run
    /// let _daemon = daemon_core::Daemon::new().env_clear().env("PATH", "/usr/bin:/bin").enter();
    /// ```
    pub fn env_clear(mut self) -> Self {
        self.env.clear();
        self
    }

    /// When the launcher may exit 0. Default: [`Readiness::settled`].
    pub fn ready(mut self, readiness: Readiness) -> Self {
        self.readiness = readiness;
        self
    }

    /// The longest wait for readiness. Default: 3 seconds under [`Readiness::settled`], else 30.
    pub fn ready_timeout(mut self, timeout: Duration) -> Self {
        self.settings.ready_timeout = Some(timeout);
        self
    }

    /// The signal that stops the daemon: the control verb `stop` and a start that fails send it first.
    /// Default: SIGTERM.
    ///
    /// ```
    /// use daemon::{Daemon, Signal};
    ///
    /// // Many programs that use tokio handle SIGINT only.
    /// let daemon = Daemon::new().stop_signal(Signal::SIGINT);
    /// ```
    pub fn stop_signal(mut self, signal: Signal) -> Self {
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

    /// The grace between the stop signal and SIGKILL of the control verb `stop`. Default: 10 seconds.
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.settings.stop_timeout = timeout;
        self
    }

    /// Reopen the log on this signal. Default: never.
    pub fn log_reopen(mut self, signal: Signal) -> Self {
        self.settings.log_reopen = Some(signal);
        self.capabilities.add_log_reopen();
        self
    }

    /// A function that has the last word at run time; called in the launcher and for the control
    /// verbs only. Default: none.
    pub fn configure(mut self, configure: fn(Self) -> Self) -> Self {
        self.configure = Some(configure);
        self.capabilities.add_daemon_side();
        self
    }
}
