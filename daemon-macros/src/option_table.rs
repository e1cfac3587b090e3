//! Every option: its name, its kind of value and an example, by topic as in `attribute.md`.

use crate::suggest::nearest;
use crate::value::{
    ACCOUNT, ALL_FLAGS, COUNT, CRATE_PATH, DELAYS, DIRECTORY, FACILITY, FDS, FILE, FILE_MODE, FLAG,
    FLAGS, FUNCTION, Kind, LOG_COUNT, READINESS, RESTART_AFTER, RUN_WORD, SECONDS, SIGNAL, SIZE,
    SOCKETS, STOP_SIGNAL, TRUE, UMASK, VARIABLES, WORDS,
};

pub(crate) const BACKGROUND_FLAG: &str = "background_flag";
pub(crate) const FOREGROUND_FLAG: &str = "foreground_flag";
pub(crate) const INSTANCE_FLAG: &str = "instance_flag";
pub(crate) const PID: &str = "pid";
pub(crate) const LOG: &str = "log";
pub(crate) const PID_FLAG: &str = "pid_flag";
pub(crate) const LOG_FLAG: &str = "log_flag";
pub(crate) const PID_MODE: &str = "pid_mode";
pub(crate) const PID_IN_FOREGROUND: &str = "pid_in_foreground";
pub(crate) const LOG_MODE: &str = "log_mode";
pub(crate) const READY: &str = "ready";
pub(crate) const CONTROL_FLAG: &str = "control_flag";
pub(crate) const CONTROL_SUBCOMMANDS: &str = "control_subcommands";
pub(crate) const STOP_TIMEOUT: &str = "stop_timeout";
pub(crate) const LOG_REOPEN: &str = "log_reopen";
pub(crate) const LOG_ROTATE: &str = "log_rotate";
pub(crate) const LOG_KEEP: &str = "log_keep";
pub(crate) const RESTART: &str = "restart";
pub(crate) const RESTART_DELAY: &str = "restart_delay";
pub(crate) const RESTART_LIMIT: &str = "restart_limit";
pub(crate) const LISTEN: &str = "listen";
pub(crate) const CONFIGURE: &str = "configure";
pub(crate) const CRATE: &str = "crate";

/// The switch of a program that does not name one. The long one also goes with a short flag alone.
pub(crate) const SHORT_SWITCH: &str = "-d";
pub(crate) const LONG_SWITCH: &str = "--background";

/// One option of the attribute.
pub(crate) struct OptionSpec {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static Kind,
    example: &'static str,
    /// Names that other programs and libraries use.
    pub(crate) aliases: &'static [&'static str],
}

impl OptionSpec {
    /// An example to paste.
    pub(crate) fn usage(&self) -> String {
        format!("{} = {}", self.name, self.example)
    }
}

const fn option(
    name: &'static str,
    kind: &'static Kind,
    example: &'static str,
    aliases: &'static [&'static str],
) -> OptionSpec {
    OptionSpec {
        name,
        kind,
        example,
        aliases,
    }
}

#[rustfmt::skip] // a table is read by its columns
pub(crate) static OPTIONS: &[OptionSpec] = &[
    option(BACKGROUND_FLAG, &FLAGS, r#""-d""#,
        &["flag", "daemon_flag", "detach_flag", "background"]),
    option(FOREGROUND_FLAG, &ALL_FLAGS, r#""-f""#, &["foreground"]),
    option("subcommand", &WORDS, r#""mount""#, &[]),
    option(PID_FLAG, &FLAG, r#""--pid-file""#, &[]),
    option(LOG_FLAG, &FLAG, r#""--log-file""#, &[]),
    option("timeout_flag", &FLAG, r#""--timeout""#, &[]),
    option(INSTANCE_FLAG, &FLAG, r#""--name""#, &["instance_name"]),

    option(PID, &FILE, r#""/run/name.pid""#, &["pidfile", "pid_file", "lock"]),
    option(PID_IN_FOREGROUND, &TRUE, "true", &[]),
    option(PID_MODE, &FILE_MODE, "0o644", &[]),

    option(LOG, &FILE, r#""/var/log/name.log""#,
        &["logfile", "log_file", "output", "stdout", "stderr"]),
    option(LOG_MODE, &FILE_MODE, "0o640", &[]),
    option(LOG_REOPEN, &SIGNAL, r#""SIGHUP""#, &["reopen"]),
    option(LOG_ROTATE, &SIZE, r#""10M""#, &["rotate", "log_size", "max_size"]),
    option(LOG_KEEP, &LOG_COUNT, "5", &["keep", "rotate_keep"]),
    option("syslog", &FACILITY, r#""daemon""#, &["facility"]),

    option(READY, &READINESS, r#""notify""#, &[]),
    option("ready_timeout", &SECONDS, "30", &["timeout", "wait"]),

    option(CONTROL_FLAG, &FLAG, r#""-s""#, &["signal"]),
    option(CONTROL_SUBCOMMANDS, &RUN_WORD, r#""run""#, &[]),
    option("stop_signal", &STOP_SIGNAL, r#""SIGINT""#, &[]),
    option(STOP_TIMEOUT, &SECONDS, "10", &[]),

    option(RESTART, &RESTART_AFTER, r#""on-failure""#, &["respawn", "supervise"]),
    option(RESTART_DELAY, &DELAYS, r#""500ms..60s""#, &["backoff"]),
    option(RESTART_LIMIT, &COUNT, "10", &["max_restarts"]),

    option("workdir", &DIRECTORY, r#""/""#,
        &["cwd", "chdir", "directory", "working_dir", "working_directory"]),
    option("umask", &UMASK, "0o027", &["mask"]),
    option("env_remove", &VARIABLES, r#"["GIT_DIR"]"#, &["unset"]),
    option("keep_fds", &FDS, "[3]", &[]),
    option(LISTEN, &SOCKETS, r#"["http=0.0.0.0:80"]"#, &["socket", "sockets", "bind"]),

    option("user", &ACCOUNT, r#""nobody""#, &["uid"]),
    option("group", &ACCOUNT, r#""nogroup""#, &["gid"]),
    option("chroot", &DIRECTORY, r#""/var/empty""#, &[]),

    option("before_start", &FUNCTION, "check", &[]),
    option(CONFIGURE, &FUNCTION, "adjust", &[]),
    option(CRATE, &CRATE_PATH, "::daemon", &[]),
];

/// Methods of the builder that are not options, because few programs need them.
pub(crate) const BUILDER_ONLY: &[&str] =
    &["args", "env", "env_clear", "instance", "kill_mode", "stdin"];

/// The option of this name.
pub(crate) fn find(name: &str) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|option| option.name == name)
}

/// The option that `name` is most likely meant to be.
pub(crate) fn suggestion(name: &str) -> Option<&'static str> {
    let alias = OPTIONS.iter().find(|option| option.aliases.contains(&name));
    alias
        .map(|option| option.name)
        .or_else(|| nearest(name, OPTIONS.iter().map(|option| option.name)))
}
