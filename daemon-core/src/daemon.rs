//! `Daemon`, the builder, with every default.

use std::ffi::OsString;
use std::fmt::Display;
use std::ops::RangeInclusive;
#[cfg(unix)]
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::time::Duration;

use crate::before_start::{BeforeStart, Start};
use crate::capabilities::Capabilities;
use crate::env_changes::EnvChanges;
#[cfg(unix)]
use crate::error::Error;
use crate::kill_mode::KillMode;
#[cfg(unix)]
use crate::launcher::Supervision;
use crate::option_check::{self, OptionCheck};
use crate::path_source::PathSource;
use crate::readiness::Readiness;
use crate::settings::{Paths, Settings};
use crate::signal::Signal;
use crate::stdin::Stdin;
use crate::value_flags::{FlagOption, INSTANCE_FLAG, LOG_FLAG, PID_FLAG, TIMEOUT_FLAG, ValueFlags};
#[cfg(unix)]
use crate::verb::Verb;

/// A file descriptor. Descriptors stay open on Unix alone.
#[cfg(not(unix))]
type RawFd = i32;

/// The settings of a daemon: the options of `#[daemon::main]` at run time, with the same names.
///
/// Nothing happens until [`enter`](Self::enter) or [`start`](Self::start). What the attribute refuses
/// when it is compiled, a method keeps as an error of the kind
/// [`Configuration`](crate::ErrorKind::Configuration), which the start and the control verbs report.
///
/// ```
/// use daemon::{Daemon, PathSource};
///
/// let _daemon = Daemon::new()
///     .pid(PathSource::template("{pid_dir}/{name}.pid"))
///     .log(PathSource::template("{log_dir}/{name}.log"))
///     .control_flag("-s")
///     .enter();
/// println!("the program runs here");
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens until `enter` or `start`"]
pub struct Daemon {
    /// `None` is the default, or no switch at all beside `foreground_flag`.
    pub(crate) background_flag: Option<Vec<OsString>>,
    pub(crate) foreground_flag: Option<Vec<OsString>>,
    pub(crate) subcommand: Vec<OsString>,
    pub(crate) value_flags: ValueFlags,
    /// The value of `{instance}`, where there is an `instance_flag`.
    pub(crate) instance: Option<String>,
    /// The first word of a run; then the verbs are first words too.
    pub(crate) control_subcommands: Option<OsString>,
    pub(crate) paths: Paths<PathSource>,
    pub(crate) user: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) readiness: Readiness,
    pub(crate) settings: Settings,
    pub(crate) env: EnvChanges,
    pub(crate) before_start: Option<BeforeStart>,
    /// The daemon's arguments, in the place of those of the command line.
    pub(crate) args: Option<Vec<OsString>>,
    pub(crate) stdin: Stdin,
    pub(crate) configure: Option<fn(Daemon) -> Daemon>,
    pub(crate) check: OptionCheck,
    pub(crate) capabilities: Capabilities,
    /// Carries out a control verb.
    #[cfg(unix)]
    pub(crate) run_verb: Option<RunVerb>,
    /// Locks the PID file in the foreground.
    #[cfg(unix)]
    pub(crate) lock_in_foreground: Option<fn(Daemon) -> Result<(), Error>>,
    /// Starts the daemon again after a crash.
    #[cfg(unix)]
    pub(crate) supervision: Option<&'static Supervision>,
    /// The user of the program chose the log by `log_flag`.
    pub(crate) log_is_chosen: bool,
    /// What the user of the program chose by `pid_flag`.
    pub(crate) chosen_pid_file: Option<PathBuf>,
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
    /// Returns the defaults: the switch `-d, --background`, no PID file, no log, ready when settled.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().enter();
    /// ```
    pub fn new() -> Self {
        Self {
            background_flag: None,
            foreground_flag: None,
            subcommand: Vec::new(),
            value_flags: ValueFlags::default(),
            instance: None,
            control_subcommands: None,
            paths: Paths::default(),
            user: None,
            group: None,
            readiness: Readiness::default(),
            settings: Settings::default(),
            env: EnvChanges::default(),
            before_start: None,
            args: None,
            stdin: Stdin::default(),
            configure: None,
            check: OptionCheck::default(),
            capabilities: Capabilities::default(),
            #[cfg(unix)]
            run_verb: None,
            #[cfg(unix)]
            lock_in_foreground: None,
            #[cfg(unix)]
            supervision: None,
            log_is_chosen: false,
            chosen_pid_file: None,
        }
    }

    /// Sets the switch, in all its spellings. Default: `-d` and `--background`.
    ///
    /// Only [`enter`](Self::enter) reads the command line. The words are exact: no clusters such as
    /// `-vd`, and nothing after `--`.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().background_flag(["-b", "--background"]).enter();
    /// ```
    pub fn background_flag<F: Into<OsString>>(
        mut self,
        flags: impl IntoIterator<Item = F>,
    ) -> Self {
        let flags: Vec<OsString> = flags.into_iter().map(Into::into).collect();
        let complaint = option_check::flags(&flags);
        self.check.note("background_flag", complaint);
        self.background_flag = Some(flags);
        self
    }

    /// The program goes to the background unless one of these flags is given, as in `prog -f`. Default:
    /// none.
    ///
    /// There is no switch then: [`background_flag`](Self::background_flag) cannot be set as well. With
    /// [`subcommand`](Self::subcommand) the program goes to the background only after one of its
    /// words. `--help` and `--version` stay in the foreground. A flag is an exact word before `--`, and
    /// stays in the arguments, so the parser of the program must know it. Only
    /// [`enter`](Self::enter) reads them.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().foreground_flag(["-f", "--foreground"]).enter();
    /// ```
    pub fn foreground_flag<F: Into<OsString>>(
        mut self,
        flags: impl IntoIterator<Item = F>,
    ) -> Self {
        let flags: Vec<OsString> = flags.into_iter().map(Into::into).collect();
        let complaint = option_check::flags(&flags);
        self.check.note("foreground_flag", complaint);
        self.foreground_flag = Some(flags);
        self
    }

    /// Lets the switch count only after one of these words, as in `prog mount -d`. Default: anywhere.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().subcommand(["mount", "serve"]).enter();
    /// ```
    pub fn subcommand<W: Into<OsString>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        let words: Vec<OsString> = words.into_iter().map(Into::into).collect();
        let complaint = words.iter().find_map(|word| option_check::subcommand(word));
        self.check.note("subcommand", complaint);
        self.subcommand = words;
        self
    }

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
        self.paths.pid = Some(path.into());
        self.capabilities.add_pid_file();
        self
    }

    /// Sets the file that standard output and standard error are appended to. Default: `/dev/null`.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().log("/var/log/hello.log").enter();
    /// ```
    pub fn log(mut self, path: impl Into<PathSource>) -> Self {
        self.paths.log = Some(path.into());
        self.capabilities.add_log();
        self
    }

    /// Sets a flag by which the user of the program chooses the PID file. Default: none.
    ///
    /// [`enter`](Self::enter) reads it, before it calls [`configure`](Self::configure). A program that
    /// calls [`start`](Self::start) reads its command line itself.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().pid_flag("--pid-file").enter();
    /// ```
    pub fn pid_flag(mut self, flag: impl Into<OsString>) -> Self {
        self.set_value_flag(&PID_FLAG, flag.into());
        self.capabilities.add_pid_file();
        self
    }

    /// Sets a flag by which the user of the program chooses the log. Default: none.
    ///
    /// [`enter`](Self::enter) reads it, before it calls [`configure`](Self::configure). A program that
    /// calls [`start`](Self::start) reads its command line itself.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().log_flag("--log-file").enter();
    /// ```
    pub fn log_flag(mut self, flag: impl Into<OsString>) -> Self {
        self.set_value_flag(&LOG_FLAG, flag.into());
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
    /// ```
    /// let _daemon = daemon::Daemon::new().timeout_flag("--timeout").enter();
    /// ```
    pub fn timeout_flag(mut self, flag: impl Into<OsString>) -> Self {
        self.set_value_flag(&TIMEOUT_FLAG, flag.into());
        self
    }

    /// Sets a flag with which the user of the program names an instance, as in `prog -d --name web`, so
    /// that one program has several daemons. Default: none.
    ///
    /// The placeholder `{instance}` is that name, or `default` without the flag: at most 64 letters,
    /// digits, `.`, `_`, `@` and `-`, and neither a dot nor a dash at the beginning. The control verbs
    /// take the flag as well. Only [`enter`](Self::enter) reads the flag. It stays in the arguments, so
    /// the parser of the program must know it.
    ///
    /// ```
    /// use daemon::{Daemon, PathSource};
    ///
    /// let pid = PathSource::template("{pid_dir}/{name}-{instance}.pid");
    /// let _daemon = Daemon::new().pid(pid).instance_flag("--name").enter();
    /// ```
    pub fn instance_flag(mut self, flag: impl Into<OsString>) -> Self {
        self.set_value_flag(&INSTANCE_FLAG, flag.into());
        self.instance = Some("default".to_owned());
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

    /// Sets the daemon's working directory. Default: the launcher's.
    ///
    /// With [`chroot`](Self::chroot) the path is inside the new root directory.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().workdir("/").enter();
    /// ```
    pub fn workdir(mut self, path: impl Into<PathSource>) -> Self {
        self.paths.workdir = Some(path.into());
        self
    }

    /// Sets the daemon's file mode creation mask, see `umask(2)`. Default: the launcher's.
    ///
    /// The range is `0o000` to `0o777`.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().umask(0o027).enter();
    /// ```
    pub fn umask(mut self, mask: u32) -> Self {
        self.check.note("umask", option_check::umask(mask));
        self.settings.umask = Some(mask);
        self
    }

    /// Sets the user that the daemon becomes: a name or a uid. Default: the launcher's.
    ///
    /// Only root can become another user. `HOME`, `USER` and `LOGNAME` follow.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().user("www-data").enter();
    /// ```
    pub fn user(mut self, user: impl Into<String>) -> Self {
        let user = user.into();
        self.check.note("user", option_check::account(&user));
        self.user = Some(user);
        self.capabilities.add_privileges();
        self
    }

    /// Sets the group of the daemon: a name or a gid. Default: the primary group of
    /// [`user`](Self::user), else the launcher's.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().user("www-data").group("adm").enter();
    /// ```
    pub fn group(mut self, group: impl Into<String>) -> Self {
        let group = group.into();
        self.check.note("group", option_check::account(&group));
        self.group = Some(group);
        self.capabilities.add_privileges();
        self
    }

    /// Sets the daemon's root directory, see `chroot(2)`. Default: the launcher's.
    ///
    /// Only root can change it. A daemon that stays root can leave it: set [`user`](Self::user) too.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().chroot("/srv/hello").user("www-data").enter();
    /// ```
    pub fn chroot(mut self, path: impl Into<PathSource>) -> Self {
        self.paths.chroot = Some(path.into());
        self.capabilities.add_chroot();
        self
    }

    /// Keeps descriptors of the launcher open in the daemon, under the same fds. Default: none.
    ///
    /// They are 3 or above. An fd that is not open is ignored.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().keep_fds([3]).enter();
    /// ```
    pub fn keep_fds(mut self, fds: impl IntoIterator<Item = RawFd>) -> Self {
        let fds: Vec<RawFd> = fds.into_iter().collect();
        self.check.note("keep_fds", option_check::keep_fds(&fds));
        self.settings.keep_fds = fds;
        self
    }

    /// Removes these variables from the environment of the daemon. Default: none.
    ///
    /// This and the other two methods change the environment in the order of their calls, like those
    /// of [`std::process::Command`]. A name that is empty or contains `=` fails the start, with an error
    /// of the kind [`Configuration`](crate::ErrorKind::Configuration).
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().env_remove(["GIT_DIR", "MAKEFLAGS"]).enter();
    /// ```
    pub fn env_remove<N: Into<OsString>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        for name in names {
            self.env.set(name.into(), None);
        }
        self
    }

    /// Sets a variable in the environment of the daemon. Default: none.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().env("RUST_BACKTRACE", "1").enter();
    /// ```
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.set(name.into(), Some(value.into()));
        self
    }

    /// Removes all variables from the environment of the daemon, also `LISTEN_FDS` and others that a
    /// service manager has set, and those that [`env`](Self::env) has set before. Default: none is
    /// removed.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().env_clear().env("PATH", "/usr/bin:/bin").enter();
    /// ```
    pub fn env_clear(mut self) -> Self {
        self.env.clear();
        self
    }

    /// Adds arguments of the daemon, which take the place of those of this command line. Default: this
    /// command line, without the words that this library removes.
    ///
    /// [`ensure`](Self::ensure) needs them: the words with which this program comes to
    /// [`enter`](Self::enter) or [`start`](Self::start). `argv[0]` stays as it is.
    ///
    /// ```no_run
    /// let _daemon = daemon::Daemon::new().args(["serve", "--port", "80"]).enter();
    /// ```
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(Into::into);
        self.args.get_or_insert_default().extend(arguments);
        self
    }

    /// Sets the standard input of the daemon. Default: [`Stdin::Null`].
    ///
    /// ```no_run
    /// use daemon::{Daemon, Stdin};
    ///
    /// let _daemon = Daemon::new().stdin(Stdin::Keep).enter();
    /// ```
    pub fn stdin(mut self, stdin: Stdin) -> Self {
        self.stdin = stdin;
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
        self.readiness = readiness;
        self
    }

    /// Sets the longest wait for readiness. Default: 3 seconds under [`Readiness::settled`], else 30.
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

    /// Sets how long the control verb `stop` waits before it sends SIGKILL. Default: 10 seconds.
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
    /// ```no_run
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
    /// ```no_run
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

    /// Reopens the log on this signal, for log rotation. Default: never.
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

    /// Calls a function in the launcher before the daemon exists, to ask the user or to check
    /// something. Default: none.
    ///
    /// It runs once for each start, when the PID file is locked and before the log is opened; not in
    /// the foreground, and not for the control verbs that start nothing. During the call signals act
    /// as before the start. With [`Start`] it gives a variable or a descriptor to the daemon. Its error is the reason
    /// why the start fails, with an error of the kind [`Refused`](crate::ErrorKind::Refused) and the
    /// exit status 1.
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

    /// Rotates the log when it has this size in bytes: `log.1` becomes `log.2` and so on, the log becomes
    /// `log.1`, and the daemon opens a new one. Default: never.
    ///
    /// The supervisor of [`restart`](Self::restart) does it, and so does the control verb `rotate`, from a
    /// cron job for example. The daemon opens the new log on
    /// the signal of [`log_reopen`](Self::log_reopen), or on SIGUSR1 if there is none.
    ///
    /// ```no_run
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
    /// ```no_run
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

    /// Tells the system log under this facility when the daemon is started, is ready, ends before it is
    /// ready, or is stopped by the control verb. Default: no.
    ///
    /// The facilities are those of `syslog(3)`, such as `daemon`, `cron` and `local0`. A message that the
    /// system log does not take at once is dropped. The output of the daemon stays where
    /// [`log`](Self::log) leads.
    ///
    /// ```no_run
    /// let _daemon = daemon::Daemon::new().pid("/run/hello.pid").syslog("daemon").enter();
    /// ```
    pub fn syslog(mut self, facility: impl AsRef<str>) -> Self {
        let name = facility.as_ref();
        let code = option_check::facility(name);
        let complaint = || format!("`{name}` is no facility; use `daemon`, `user` or `local0`");
        self.check.note("syslog", code.is_none().then(complaint));
        self.settings.syslog = code;
        self.capabilities.add_syslog();
        self
    }

    /// Sets a function that changes the settings at run time; its result is used. Default: none.
    ///
    /// It is called in the launcher and for the control verbs only, with the final settings.
    ///
    /// ```
    /// use daemon::Daemon;
    ///
    /// fn adjust(daemon: Daemon) -> Daemon {
    ///     match std::env::var_os("HELLO_LOG") {
    ///         Some(path) => daemon.log(path),
    ///         None => daemon,
    ///     }
    /// }
    ///
    /// let _daemon = Daemon::new().log("/var/log/hello.log").configure(adjust).enter();
    /// ```
    pub fn configure(mut self, configure: fn(Self) -> Self) -> Self {
        self.configure = Some(configure);
        self.capabilities.add_daemon_side();
        self
    }

    pub(crate) fn set_value_flag(&mut self, option: &'static FlagOption, flag: OsString) {
        self.check.note(option.name, option_check::flag(&flag));
        self.value_flags.set(option, flag);
    }
}
