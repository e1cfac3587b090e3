//! The switch and the path flags as arguments of the parser [`clap`](https://docs.rs/clap), so that
//! they show in help, completions and man pages, and so that clap finds a clash with an argument
//! of the program's own. Feature `clap`.
//!
//! [`Background`] is flattened into the program's arguments: `#[command(flatten)]` in derive,
//! [`Args::augment_args`] in builder style; at the top or in one subcommand. [`Switch`] is for a
//! program that does not let its user choose the paths.
//!
//! # With the attribute
//!
//! `#[daemon::main]` reads the command line before clap does and removes what is its own, so the
//! daemon's clap never sees any of it. What is declared here is for the help, and for the program
//! in the foreground, where the path flags are allowed and have no effect. The attribute's options
//! and the arguments must say the same:
//!
//! ```ignore
//! use clap::Parser;
//!
//! #[derive(Parser)]
//! #[command(mut_arg("pid_file", |arg| daemon::clap::show_default(arg, PID_FILE)))]
//! struct Cli {
//!     #[command(flatten)]
//!     background: daemon::clap::Background,
//! }
//!
//! const PID_FILE: &str = "{runtime_dir}/{name}.pid";
//!
//! #[daemon::main(
//!     pid = "{runtime_dir}/{name}.pid",
//!     pid_flag = "--pid-file",
//!     log_flag = "--log-file",
//! )]
//! fn main() {
//!     let _cli = Cli::parse();
//! }
//! ```
//!
//! # With `start`
//!
//! Here clap is the only one that reads the command line:
//!
//! ```ignore
//! fn main() {
//!     let Cli { background } = Cli::parse();
//!     let daemon = Daemon::new().pid(PID_FILE);
//!     let _daemon = background.is_asked.then(|| background.apply(daemon).start());
//! }
//! ```
//!
//! # Other names
//!
//! The arguments have the ids `background`, `pid_file` and `log_file`, by which clap's `mut_arg`
//! changes anything of them. After `mut_arg("background", |arg| arg.short('b').long("bg"))` the
//! attribute needs `background_flag = ["-b", "--bg"]`. `arg.global(true)` makes one count in every
//! subcommand.

use std::path::PathBuf;

use ::clap::error::Error;
use ::clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueHint, value_parser};

use crate::daemon::Daemon;
use crate::path_source::PathSource;
#[cfg(unix)]
use crate::path_template::{self, Object, PathContext};
#[cfg(not(unix))]
use crate::unsupported::resolved;

const SWITCH: &str = "background";
const PID_FILE: &str = "pid_file";
const LOG_FILE: &str = "log_file";

/// `-d, --background`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Switch {
    /// Whether the switch was given. With the attribute it is only where the attribute could not see
    /// it, in a cluster like `-vd` for example: then the program runs in the foreground.
    pub is_asked: bool,
}

/// `-d, --background`, `--pid-file <PATH>` and `--log-file <PATH>`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Background {
    /// Whether the switch was given. With the attribute it is only where the attribute could not see
    /// it, in a cluster like `-vd` for example: then the program runs in the foreground.
    pub is_asked: bool,
    /// The PID file that the user chose.
    pub pid_file: Option<PathBuf>,
    /// The log that the user chose.
    pub log_file: Option<PathBuf>,
}

impl Background {
    /// The settings, with the paths that the user chose in place of the program's own.
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

/// Adds `[default: PATH]` to the help of an argument, as the path is for whoever asks.
///
/// It is meant for `mut_arg`. A literal may hold placeholders; where these have no value, a user
/// without a home directory say, the help stays as it is. A man page that is made in one place and
/// read in another had better name the default in words, by [`Arg::help`].
#[must_use]
pub fn show_default(arg: Arg, path: impl Into<PathSource>) -> Arg {
    let Some(path) = resolved(path.into()) else {
        return arg;
    };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let path = crate::error::shown(&path);
    arg.help(format!("{help} [default: {path}]").trim_start().to_owned())
}

#[cfg(unix)]
fn resolved(path: PathSource) -> Option<PathBuf> {
    let argv0 = std::env::args_os().next().unwrap_or_default();
    let context = PathContext::of_this_process(&argv0, !crate::sys::image::is_secure());
    // Which file it is of makes no difference to what is shown.
    let path = path_template::resolve(Object::PidFile, path, &context).ok()?;
    Some(path.into_path())
}

fn switch() -> Arg {
    Arg::new(SWITCH)
        .short('d')
        .long("background")
        .action(ArgAction::SetTrue)
        .help("Run in the background")
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
        self.is_asked = chosen(matches, SWITCH).unwrap_or(self.is_asked);
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
        self.is_asked = chosen(matches, SWITCH).unwrap_or(self.is_asked);
        self.pid_file = chosen(matches, PID_FILE).or(self.pid_file.take());
        self.log_file = chosen(matches, LOG_FILE).or(self.log_file.take());
        Ok(())
    }
}
