//! The switch, the control flag and the path flags as arguments of the parser `clap` 4. The crate
//! `daemon` has the documentation of this module.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::OnceLock;

use ::clap::error::{Error, ErrorKind};
use ::clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueHint, value_parser};

use crate::daemon::Daemon;
use crate::path_source::PathSource;
#[cfg(unix)]
use crate::path_template::{self, PathContext};
#[cfg(unix)]
use crate::settings::Object;
#[cfg(not(unix))]
use crate::unsupported::resolved;
use crate::value_flags::CONTROL_FLAG;
use crate::verb;

const SWITCH: &str = "background";
const CONTROL: &str = "control";
const PID_FILE: &str = "pid_file";
const LOG_FILE: &str = "log_file";

/// The argument `-d, --background`, for a program whose user does not choose the paths.
///
/// ```
/// use clap::Parser;
///
/// #[derive(Parser)]
/// struct Cli {
///     #[command(flatten)]
///     switch: daemon::clap::Switch,
/// }
///
/// assert!(Cli::parse_from(["hello", "-d"]).switch.is_asked);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Switch {
    /// Whether the switch was given. After [`Daemon::enter`], and so with the attribute, it is false:
    /// a switch that only clap recognizes, as in the cluster `-vd`, is a usage error.
    pub is_asked: bool,
}

/// The arguments `-d, --background`, `--pid-file <PATH>` and `--log-file <PATH>`.
///
/// ```
/// use clap::Parser;
///
/// #[derive(Parser)]
/// struct Cli {
///     #[command(flatten)]
///     background: daemon::clap::Background,
/// }
///
/// let Cli { background } = Cli::parse_from(["hello", "-d", "--log-file", "hello.log"]);
/// assert!(background.is_asked);
/// assert_eq!(background.log_file.as_deref(), Some("hello.log".as_ref()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Background {
    /// Whether the switch was given. After [`Daemon::enter`], and so with the attribute, it is false:
    /// a switch that only clap recognizes, as in the cluster `-vd`, is a usage error.
    pub is_asked: bool,
    /// The PID file that the user chose.
    pub pid_file: Option<PathBuf>,
    /// The log that the user chose.
    pub log_file: Option<PathBuf>,
}

/// The argument `-s <VERB>`, for a program with [`control_flag`](Daemon::control_flag). Completions
/// know the verbs.
///
/// ```
/// use clap::Parser;
///
/// #[derive(Parser)]
/// struct Cli {
///     #[command(flatten)]
///     control: daemon::clap::ControlFlag,
/// }
///
/// assert_eq!(Cli::parse_from(["hello", "-s", "stop"]).control.verb.as_deref(), Some("stop"));
/// assert!(Cli::try_parse_from(["hello", "-s", "stpo"]).is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ControlFlag {
    /// The verb that was given. After [`Daemon::enter`] with a control flag it is `None`: `enter` has
    /// carried out the verb, and a verb that only clap recognizes, as in the cluster `-vs stop`, is a
    /// usage error. A program that calls [`Daemon::start`] carries it out with [`Daemon::control`].
    pub verb: Option<String>,
}

impl Background {
    /// Puts the paths that the user chose in place of those of the settings.
    ///
    /// ```
    /// use clap::{Args, Command, FromArgMatches};
    /// use daemon::Daemon;
    /// use daemon::clap::Background;
    ///
    /// let matches = Background::augment_args(Command::new("hello")).get_matches();
    /// let background = Background::from_arg_matches(&matches).expect("the arguments are there");
    /// if background.is_asked {
    ///     let _running = background.apply(Daemon::new()).start();
    /// }
    /// ```
    pub fn apply(&self, mut daemon: Daemon) -> Daemon {
        if let Some(path) = &self.pid_file {
            daemon = daemon.pid(path.clone());
        }
        if let Some(path) = &self.log_file {
            daemon = daemon.log(path.clone());
        }
        daemon
    }
}

/// Adds `[default: PATH]` to the help of an argument, with the path of the user that asks.
///
/// It is meant for `mut_arg`. Where a placeholder has no value, for a user without a home directory
/// for example, the help stays as it is. A man page that is built on another machine should describe
/// the default in words, by [`Arg::help`].
///
/// ```
/// use clap::{Args, Command};
/// use daemon::PathSource;
/// use daemon::clap::{Background, show_default};
///
/// let command = Background::augment_args(Command::new("hello")).mut_arg("log_file", |arg| {
///     show_default(arg, PathSource::template("{log_dir}/hello.log"))
/// });
/// ```
#[must_use]
pub fn show_default(arg: Arg, path: impl Into<PathSource>) -> Arg {
    let Some(path) = resolved(&path.into()) else {
        return arg;
    };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let path = crate::error::shown(&path);
    arg.help(format!("{help} [default: {path}]").trim_start().to_owned())
}

#[cfg(unix)]
fn resolved(path: &PathSource) -> Option<PathBuf> {
    let argv0 = std::env::args_os().next().unwrap_or_default();
    let context = PathContext::of_this_process(&argv0, !crate::sys::image::is_secure());
    // Which file it is of makes no difference to what is shown.
    let path = path_template::resolve(Object::PidFile, path, &context).ok()?;
    Some(path.path)
}

fn switch() -> Arg {
    Arg::new(SWITCH)
        .short('d')
        .long("background")
        .action(ArgAction::SetTrue)
        .help("Run in the background")
}

fn control() -> Arg {
    Arg::new(CONTROL)
        .short('s')
        .value_name("VERB")
        .value_parser(verb::VERBS.map(|(word, _)| word))
        .help("Control the daemon")
}

fn path(id: &'static str, flag: &'static str, help: &'static str) -> Arg {
    Arg::new(id)
        .long(flag)
        .value_name("PATH")
        .value_parser(value_parser!(PathBuf))
        .value_hint(ValueHint::FilePath)
        .help(help)
}

/// The value of an argument, unless it is a default of clap's: then the user chose nothing.
fn chosen<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, id: &str) -> Option<T> {
    use ::clap::parser::ValueSource;

    let is_default = matches.value_source(id) == Some(ValueSource::DefaultValue);
    matches.get_one(id).filter(|_| !is_default).cloned()
}

/// The switch that `enter` has looked for and not found, since this process was not made a launcher.
static UNSEEN_SWITCH: OnceLock<OsString> = OnceLock::new();

/// The same for the control flag, if the program has one.
static UNSEEN_CONTROL: OnceLock<OsString> = OnceLock::new();

/// From now on what clap finds of them is an error: `enter` would have acted on it.
pub(crate) fn remember_flags(settings: &Daemon) {
    let switch = settings.switches().next().unwrap_or_default();
    UNSEEN_SWITCH.get_or_init(|| switch.to_owned());
    if let Some(flag) = settings.value_flags.of(&CONTROL_FLAG) {
        UNSEEN_CONTROL.get_or_init(|| flag.to_owned());
    }
}

fn only_seen_by_clap(flag: &OsString) -> Error {
    let flag = crate::error::shown(flag.as_ref());
    let message = format!("write {flag} as a separate word, before `--`\n");
    Error::raw(ErrorKind::ArgumentConflict, message)
}

fn is_asked(matches: &ArgMatches) -> Result<Option<bool>, Error> {
    let is_asked = chosen(matches, SWITCH);
    match UNSEEN_SWITCH.get() {
        Some(switch) if is_asked == Some(true) => Err(only_seen_by_clap(switch)),
        _ => Ok(is_asked),
    }
}

impl Args for Switch {
    fn augment_args(command: Command) -> Command {
        command.arg(switch())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Switch {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut switch = Self::default();
        switch.update_from_arg_matches(matches)?;
        Ok(switch)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.is_asked = is_asked(matches)?.unwrap_or(self.is_asked);
        Ok(())
    }
}

impl Args for ControlFlag {
    fn augment_args(command: Command) -> Command {
        command.arg(control())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ControlFlag {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut control = Self::default();
        control.update_from_arg_matches(matches)?;
        Ok(control)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        let verb = chosen(matches, CONTROL);
        if let (Some(flag), Some(_)) = (UNSEEN_CONTROL.get(), &verb) {
            return Err(only_seen_by_clap(flag));
        }
        self.verb = verb.or(self.verb.take());
        Ok(())
    }
}

impl Args for Background {
    fn augment_args(command: Command) -> Command {
        let paths = [
            path(
                PID_FILE,
                "pid-file",
                "In the background, keep the pid in PATH",
            ),
            path(
                LOG_FILE,
                "log-file",
                "In the background, append all output to PATH",
            ),
        ];
        Switch::augment_args(command).args(paths)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Background {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut background = Self::default();
        background.update_from_arg_matches(matches)?;
        Ok(background)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.is_asked = is_asked(matches)?.unwrap_or(self.is_asked);
        self.pid_file = chosen(matches, PID_FILE).or(self.pid_file.take());
        self.log_file = chosen(matches, LOG_FILE).or(self.log_file.take());
        Ok(())
    }
}
