//! The flags of the switch, and the other words of the command line.

use std::ffi::OsString;

use super::Daemon;
use crate::option_check;
use crate::value_flags::{INSTANCE_FLAG, LOG_FLAG, PID_FLAG, TIMEOUT_FLAG};

impl Daemon {
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
    /// words. `--help` and `--version` stay in the foreground. A flag is an exact word before `--`, so not
    /// the cluster `-fv`, and stays in the arguments, so the parser of the program must know it. Only
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
        self.check
            .note("subcommand", option_check::subcommands(&words));
        self.subcommand = words;
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
    /// With 0 the launcher waits for ever, and a later run of [`restart`](Self::restart) has 30 seconds.
    /// Only [`enter`](Self::enter) reads the flag, and removes it from the arguments of the daemon. In
    /// the foreground it stays in the arguments, so the parser of the program must know it.
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
        self.instance.get_or_insert_with(|| "default".to_owned());
        self
    }

    /// Names the instance of the daemon, as the user of the program does by
    /// [`instance_flag`](Self::instance_flag), which takes precedence. Default: `default` with that
    /// flag, else none.
    ///
    /// The name is at most 64 letters, digits, `.`, `_`, `@` and `-`, and begins with neither a dot nor
    /// a dash. A client names it to [`ensure`](Self::ensure) or to [`control`](Self::control), and puts
    /// into [`args`](Self::args) what the daemon itself needs to know.
    ///
    /// ```
    /// use daemon::{Daemon, PathSource};
    ///
    /// let cache = Daemon::new().pid(PathSource::template("{pid_dir}/cache-{instance}.pid"));
    /// println!("{}", cache.instance("web").control()?.status()?);
    /// # Ok::<(), daemon::Error>(())
    /// ```
    pub fn instance(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.check.note("instance", option_check::instance(&name));
        self.instance = Some(name);
        self
    }

    /// Adds arguments of the daemon, which take the place of those of this command line. Default: this
    /// command line, without the words that this library removes.
    ///
    /// [`ensure`](Self::ensure) needs them: the words with which this program comes to
    /// [`enter`](Self::enter) or [`start`](Self::start). `argv[0]` stays as it is.
    ///
    /// ```
    /// let _daemon = daemon::Daemon::new().args(["serve", "--port", "80"]).enter();
    /// ```
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        self.check
            .note_also("args", option_check::arguments(&arguments));
        self.args.get_or_insert_default().extend(arguments);
        self
    }
}
