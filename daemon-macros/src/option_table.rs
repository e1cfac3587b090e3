//! Every option: its name, its kind, its usage and its builder call. The only place that knows them.

use crate::suggest::nearest;

pub(crate) const BACKGROUND_FLAG: &str = "background_flag";
pub(crate) const PID: &str = "pid";
pub(crate) const LOG: &str = "log";
pub(crate) const PID_FLAG: &str = "pid_flag";
pub(crate) const LOG_FLAG: &str = "log_flag";
pub(crate) const PID_MODE: &str = "pid_mode";
pub(crate) const LOG_MODE: &str = "log_mode";
pub(crate) const READY: &str = "ready";
pub(crate) const READY_TIMEOUT: &str = "ready_timeout";
pub(crate) const CONTROL_FLAG: &str = "control_flag";
pub(crate) const STOP_TIMEOUT: &str = "stop_timeout";
pub(crate) const LOG_REOPEN: &str = "log_reopen";
pub(crate) const CONFIGURE: &str = "configure";
pub(crate) const CRATE: &str = "crate";

/// The switch of a program that does not name one, and what stands beside a short flag alone.
pub(crate) const SHORT_SWITCH: &str = "-d";
pub(crate) const LONG_SWITCH: &str = "--background";

/// What kind of value an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One switch in all its spellings.
    Flags,
    Flag,
    Words,
    /// A path that must not name a directory.
    File,
    Directory,
    /// Permissions of a file that its owner reads and writes.
    FileMode,
    Umask,
    /// A user or a group.
    Account,
    Descriptors,
    Readiness,
    Seconds,
    Signal,
    Function,
    Crate,
}

impl Kind {
    /// The words after `option ... takes`.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Flags => "a flag or an array of flags",
            Self::Flag => "a flag",
            Self::Words => "a word or an array of words",
            Self::File | Self::Directory | Self::Crate => "a path",
            Self::FileMode | Self::Umask => "an octal integer",
            Self::Account | Self::Readiness => "a string",
            Self::Descriptors => "an array of descriptor numbers",
            Self::Seconds => "a number of seconds",
            Self::Signal => "the name of a signal",
            Self::Function => "the path of a function",
        }
    }
}

/// One option of the attribute.
#[derive(Debug)]
pub(crate) struct OptionSpec {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    example: &'static str,
    /// The builder's method. `crate` has none: it says where the builder is.
    pub(crate) method: Option<&'static str>,
    /// What other programs and libraries call it.
    pub(crate) aliases: &'static [&'static str],
}

impl OptionSpec {
    /// The option as it may be pasted.
    pub(crate) fn usage(&self) -> String {
        format!("{} = {}", self.name, self.example)
    }
}

const fn option(
    name: &'static str,
    kind: Kind,
    example: &'static str,
    method: &'static str,
    aliases: &'static [&'static str],
) -> OptionSpec {
    OptionSpec {
        name,
        kind,
        example,
        method: Some(method),
        aliases,
    }
}

#[rustfmt::skip] // a table is read by its columns
pub(crate) static OPTIONS: &[OptionSpec] = &[
    option(BACKGROUND_FLAG, Kind::Flags, r#""-d""#, "background_flag",
        &["flag", "daemon_flag", "detach_flag"]),
    option("subcommand", Kind::Words, r#""mount""#, "subcommand", &[]),
    option(PID, Kind::File, r#""/run/name.pid""#, "pid", &["pidfile", "pid_file", "lock"]),
    option(LOG, Kind::File, r#""/var/log/name.log""#, "log",
        &["logfile", "log_file", "output", "stdout", "stderr"]),
    option(PID_FLAG, Kind::Flag, r#""--pid-file""#, "pid_flag", &[]),
    option(LOG_FLAG, Kind::Flag, r#""--log-file""#, "log_flag", &[]),
    option(PID_MODE, Kind::FileMode, "0o644", "pid_mode", &[]),
    option(LOG_MODE, Kind::FileMode, "0o640", "log_mode", &[]),
    option("workdir", Kind::Directory, r#""/""#, "workdir",
        &["cwd", "chdir", "working_dir", "working_directory"]),
    option("umask", Kind::Umask, "0o027", "umask", &["mask"]),
    option("user", Kind::Account, r#""nobody""#, "user", &["uid"]),
    option("group", Kind::Account, r#""nogroup""#, "group", &["gid"]),
    option("chroot", Kind::Directory, r#""/var/empty""#, "chroot", &[]),
    option("keep_fds", Kind::Descriptors, "[3]", "keep_fds", &[]),
    option(READY, Kind::Readiness, r#""notify""#, "ready", &[]),
    option(READY_TIMEOUT, Kind::Seconds, "30", "ready_timeout", &["timeout", "wait"]),
    option(CONTROL_FLAG, Kind::Flag, r#""-s""#, "control_flag", &[]),
    option(STOP_TIMEOUT, Kind::Seconds, "10", "stop_timeout", &[]),
    option(LOG_REOPEN, Kind::Signal, r#""SIGHUP""#, "log_reopen", &[]),
    option(CONFIGURE, Kind::Function, "adjust", "configure", &[]),
    OptionSpec { name: CRATE, kind: Kind::Crate, example: "::daemon", method: None, aliases: &[] },
];

/// The option of this name.
pub(crate) fn find(name: &str) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|option| option.name == name)
}

/// The option that somebody who wrote `name` was after.
pub(crate) fn suggestion(name: &str) -> Option<&'static str> {
    let alias = OPTIONS.iter().find(|option| option.aliases.contains(&name));
    alias
        .map(|option| option.name)
        .or_else(|| nearest(name, OPTIONS.iter().map(|option| option.name)))
}
