//! The flags by which the user of the program gives a value: one entry for each option. A builder
//! method sets its entry, so a program links only those that it names.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::ptr;
use std::time::Duration;

use crate::error::shown;
use crate::option_check;
use crate::verb::Verb;

/// What the user of the program chose. A path is not empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) pid_file: Option<PathBuf>,
    pub(crate) log_file: Option<PathBuf>,
    pub(crate) ready_timeout: Option<Duration>,
    pub(crate) instance: Option<String>,
}

/// An option that names a flag.
#[derive(Debug)]
pub(crate) struct FlagOption {
    pub(crate) name: &'static str,
    /// What a message says of a missing value.
    pub(crate) expected: fn() -> String,
    /// The flag stays in the arguments of the daemon.
    pub(crate) stays: bool,
    /// The value is a control verb.
    pub(crate) is_verb: bool,
    /// The value decides which daemon is meant, so it counts in the foreground too.
    pub(crate) locates: bool,
    /// Notes a value.
    ///
    /// # Errors
    ///
    /// What is wrong with the value.
    pub(crate) choose: fn(&mut Chosen, &OsStr) -> Result<(), String>,
}

impl PartialEq for FlagOption {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self, other)
    }
}

pub(crate) static PID_FLAG: FlagOption = FlagOption {
    name: "pid_flag",
    expected: || PATH.to_owned(),
    stays: false,
    is_verb: false,
    locates: true,
    choose: |chosen, path| {
        chosen.pid_file = Some(path.into());
        Ok(())
    },
};

pub(crate) static LOG_FLAG: FlagOption = FlagOption {
    name: "log_flag",
    expected: || PATH.to_owned(),
    stays: false,
    is_verb: false,
    locates: false,
    choose: |chosen, path| {
        chosen.log_file = Some(path.into());
        Ok(())
    },
};

/// Whole seconds; 0 is for ever.
pub(crate) static TIMEOUT_FLAG: FlagOption = FlagOption {
    name: "timeout_flag",
    expected: || SECONDS.to_owned(),
    stays: false,
    is_verb: false,
    locates: false,
    choose: |chosen, seconds| {
        chosen.ready_timeout = Some(match seconds.to_str().map(str::parse) {
            Some(Ok(0)) => Duration::MAX,
            Some(Ok(seconds)) => Duration::from_secs(seconds),
            _ => return Err(found(SECONDS, seconds)),
        });
        Ok(())
    },
};

/// One component of a path.
pub(crate) static INSTANCE_FLAG: FlagOption = FlagOption {
    name: "instance_flag",
    expected: || INSTANCE.to_owned(),
    stays: true,
    is_verb: false,
    locates: true,
    choose: |chosen, name| match name.to_str().filter(|name| option_check::is_instance(name)) {
        None => Err(found(INSTANCE, name)),
        name => {
            chosen.instance = name.map(str::to_owned);
            Ok(())
        }
    },
};

/// The verb is no setting: the command line takes it apart.
pub(crate) static CONTROL_FLAG: FlagOption = FlagOption {
    name: "control_flag",
    expected: Verb::expected,
    stays: false,
    is_verb: true,
    locates: false,
    choose: |_, _| Ok(()),
};

const PATH: &str = "expected a path; write ./-name for one that begins with a dash";
const SECONDS: &str = "expected a number of seconds";
const INSTANCE: &str = "expected a name of at most 64 letters, digits, `.`, `_`, `@` and `-`, and no dot \
                        or dash at the beginning";

fn found(expected: &str, value: &OsStr) -> String {
    format!("{expected}, found {}", shown(Path::new(value)))
}

/// The flags that a program has, each with its option.
#[derive(Clone, Debug, Default)]
pub(crate) struct ValueFlags(Vec<(&'static FlagOption, OsString)>);

impl ValueFlags {
    /// The last flag of an option counts.
    pub(crate) fn set(&mut self, option: &'static FlagOption, flag: OsString) {
        self.0.retain(|(other, _)| *other != option);
        // A verb decides the role of the process, so a flag of two options is the verb's.
        let at = if option.is_verb { 0 } else { self.0.len() };
        self.0.insert(at, (option, flag));
    }

    /// The flag of an option.
    pub(crate) fn of(&self, option: &FlagOption) -> Option<&OsStr> {
        let mut flags = self.iter().filter(|flag| flag.option == option);
        flags.next().map(|flag| flag.name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = ValueFlag<'_>> {
        let flags = self.0.iter();
        flags.map(|(option, name)| ValueFlag { name, option })
    }
}

/// A flag with a value, as it is written on the command line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValueFlag<'s> {
    pub(crate) name: &'s OsStr,
    pub(crate) option: &'static FlagOption,
}
