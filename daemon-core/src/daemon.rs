//! `Daemon`, the builder, with every default.

mod command_line;
mod files;
mod lifecycle;
mod process;

use std::ffi::OsString;
use std::path::PathBuf;

use crate::before_start::BeforeStart;
use crate::capabilities::Capabilities;
use crate::env_changes::EnvChanges;
#[cfg(unix)]
use crate::error::Error;
#[cfg(unix)]
use crate::launcher::SupervisorCode;
use crate::listen_address::ListenAddress;
use crate::option_check::{self, OptionCheck};
use crate::path_source::PathSource;
use crate::readiness::Readiness;
use crate::settings::{Paths, Settings};
use crate::stdin::Stdin;
use crate::value_flags::{FlagOption, ValueFlags};
#[cfg(unix)]
use crate::verb::Verb;

/// The settings of a daemon: the options of `#[daemon::main]` at run time, with the same names.
///
/// Nothing happens until [`enter`](Self::enter) or [`start`](Self::start). A method keeps a value
/// that the attribute would refuse as an error of the kind
/// [`Configuration`](crate::ErrorKind::Configuration), and the start and the control verbs report
/// it. The same holds for an option that does nothing without another one, such as
/// [`log_keep`](Self::log_keep) without [`log_rotate`](Self::log_rotate), unless
/// [`configure`](Self::configure) is set, which may set the other one. The attribute alone refuses
/// [`stop_timeout`](Self::stop_timeout) without the verbs, since
/// [`stop_and_start`](Self::stop_and_start) needs none. A second call of a method takes the place
/// of the first.
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
    /// The sockets that the launcher binds, by name.
    pub(crate) listen: Vec<(String, ListenAddress)>,
    pub(crate) before_start: Option<BeforeStart>,
    /// The daemon's arguments, in the place of those of the command line.
    pub(crate) args: Option<Vec<OsString>>,
    pub(crate) stdin: Stdin,
    /// Changes the settings by a function of the program.
    #[cfg(unix)]
    pub(crate) configure: Option<(CallConfigure, Configure)>,
    pub(crate) check: OptionCheck,
    pub(crate) capabilities: Capabilities,
    /// Carries out a control verb.
    #[cfg(unix)]
    pub(crate) run_verb: Option<RunVerb>,
    /// Locks the PID file in the foreground.
    #[cfg(unix)]
    pub(crate) lock_in_foreground: Option<LockInForeground>,
    /// Starts the daemon again after a crash.
    #[cfg(unix)]
    pub(crate) supervision: Option<&'static SupervisorCode>,
    /// The user of the program chose the log by `log_flag`.
    pub(crate) log_is_chosen: bool,
    /// What the user of the program chose by `pid_flag`.
    pub(crate) chosen_pid_file: Option<PathBuf>,
}

/// Carries out a verb with these arguments for the program; returns the exit status.
#[cfg(unix)]
pub(crate) type RunVerb = fn(&mut Daemon, Verb, Vec<OsString>) -> Result<u8, Error>;

#[cfg(unix)]
pub(crate) type Configure = fn(Daemon) -> Daemon;

#[cfg(unix)]
pub(crate) type CallConfigure = fn(&mut Daemon, Configure) -> Result<(), Error>;

#[cfg(unix)]
pub(crate) type LockInForeground = fn(&mut Daemon) -> Result<(), Error>;

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
        Self::with_ready(Readiness::settled())
    }

    /// The same with another readiness: the default is not linked then.
    pub(crate) fn with_ready(readiness: Readiness) -> Self {
        let mut check = OptionCheck::default();
        check.note("ready", readiness.problem());
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
            readiness,
            settings: Settings::default(),
            env: EnvChanges::default(),
            listen: Vec::new(),
            before_start: None,
            args: None,
            stdin: Stdin::default(),
            #[cfg(unix)]
            configure: None,
            check,
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

    pub(crate) fn set_value_flag(&mut self, option: &'static FlagOption, flag: OsString) {
        self.check.note(option.name, option_check::flag(&flag));
        self.value_flags.set(option, flag);
    }
}
