//! Why a launch failed, in the words that its user reads.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;

use crate::capabilities::Capabilities;
use crate::error::{CANNOT_START, Error, ErrorKind, shown, system_message};
use crate::handoff::{Record, StartStep};
use crate::log_file::LogPlace;
use crate::signal;

/// A step of the daemon after its exec failed.
pub(crate) fn step_failed(
    step: StartStep,
    cause: Errno,
    record: &Record,
    capabilities: &Capabilities,
) -> Error {
    let path = |path: &Option<PathBuf>| path.as_deref().map(shown).unwrap_or_default();
    match step {
        StartStep::PidFile => {
            let file = path(&record.paths.pid);
            Error::step(&format!("keep the PID file {file} open"), cause)
        }
        StartStep::Passed => Error::step("take what `before_start` passed", cause),
        StartStep::Chroot => {
            let root = path(&record.paths.chroot);
            Error::step(&format!("change the root directory to {root}"), cause)
        }
        StartStep::Privileges(step) => {
            let identity = record.settings.identity.as_ref();
            match capabilities.privileges.zip(identity) {
                Some((privileges, identity)) => (privileges.not_assumed)(step, identity, cause),
                None => missing_capability(),
            }
        }
        StartStep::Workdir => {
            let directory = path(&record.paths.workdir);
            Error::step(
                &format!("change to the working directory {directory}"),
                cause,
            )
        }
        StartStep::LogReopen => {
            let signal = record
                .settings
                .log_reopen
                .map(|it| signal::describe(it.as_raw()))
                .unwrap_or_default();
            Error::step(&format!("reopen the log on signal {signal}"), cause)
        }
        StartStep::MissingCapability => missing_capability(),
        StartStep::WrongArguments => wrong_arguments(),
    }
}

/// A path or a user is set, and its capability is not: no builder method does that in one process.
pub(crate) fn missing_capability() -> Error {
    let reason = "the daemon does not call a method of `Daemon` that the launcher called; call the \
                  same methods in both";
    Error::new(ErrorKind::Configuration, CANNOT_START, reason)
}

/// The supervisor links the code of its own readiness alone.
pub(crate) fn other_readiness() -> Error {
    let reason = "the daemon names another `ready` than its launcher; set the same in both";
    Error::new(ErrorKind::Configuration, CANNOT_START, reason)
}

/// The daemon has come to [`Daemon::ensure`](crate::Daemon::ensure), as a client.
pub(crate) fn wrong_arguments() -> Error {
    let reason = "with these `args` the program calls `ensure` before `enter` or `start`; use the \
                  arguments of the daemon";
    Error::new(ErrorKind::Configuration, CANNOT_START, reason)
}

/// Only `configure` has set `restart`.
pub(crate) fn restart_set_too_late() -> Error {
    let reason = "only `configure` sets it, which the supervisor does not call; set it in the program \
                  too";
    let what = "cannot use the option `restart`";
    Error::new(ErrorKind::Configuration, what, reason)
}

/// The daemon ended before it was ready.
///
/// Or after it, but too early for the launcher to call it up.
pub(super) fn ended_early(
    status: ExitStatus,
    was_ready: bool,
    errno: Option<Errno>,
    log: Option<&LogPlace>,
) -> Error {
    let kind = if status.success() {
        ErrorKind::EndedEarly
    } else {
        ErrorKind::Failed
    };
    let when = if was_ready {
        "as soon as it was ready"
    } else {
        "before it was ready"
    };
    let because = errno
        .map(|errno| format!(": {}", system_message(&errno.into())))
        .unwrap_or_default();
    let reason = format!(
        "the daemon {} {when}{because}{}",
        signal::describe_end(status),
        more(log)
    );
    let error = Error::new(kind, CANNOT_START, reason);
    let own_status = status.code().or_else(|| Some(128 + status.signal()?));
    match own_status.and_then(|status| u8::try_from(status).ok()) {
        Some(status) if kind == ErrorKind::Failed => error.with_status(status),
        _ => error,
    }
}

/// The daemon ended before it was ready, and another part of the program has taken its status.
pub(super) fn reaped(log: Option<&LogPlace>) -> Error {
    let reason = format!(
        "the daemon exited before it was ready; its exit status was already reaped elsewhere in \
         this process{}",
        more(log)
    );
    Error::new(ErrorKind::System, CANNOT_START, reason)
}

/// The daemon has closed its end of the hand-off, and runs without what it was to do first.
pub(super) fn handoff_lost(log: Option<&LogPlace>) -> Error {
    let reason = format!(
        "the daemon closed the connection to its launcher before it reported success{}",
        more(log)
    );
    Error::new(ErrorKind::System, CANNOT_START, reason)
}

/// The daemon was not ready in time.
pub(super) fn not_ready(time: Duration, missing: Option<String>, log: Option<&LogPlace>) -> Error {
    let seconds = format!("{}.{}", time.as_secs(), time.subsec_millis() / 100);
    let seconds = seconds.strip_suffix(".0").unwrap_or(&seconds);
    let missing = missing.map(|missing| format!(": {missing}"));
    let reason = format!(
        "the daemon was not ready within {seconds} s{}{}",
        missing.unwrap_or_default(),
        more(log)
    );
    Error::new(ErrorKind::NotReady, CANNOT_START, reason)
}

/// The user gave up waiting.
pub(super) fn interrupted(signal: Signal) -> Error {
    let name = crate::Signal::from_raw(signal as i32);
    let reason = format!("interrupted by {name} before the daemon was ready");
    let status = u8::try_from(128 + signal as i32).unwrap_or(71);
    Error::new(ErrorKind::Interrupted, CANNOT_START, reason)
        .with_status(status)
        .with_signal(signal)
}

/// Where to look for more than the launcher can tell.
fn more(log: Option<&LogPlace>) -> String {
    match log {
        Some(LogPlace::Path(path)) => format!("; see {}", shown(path)),
        // All there is has been shown.
        Some(LogPlace::Memory) => String::new(),
        None => "; set `log` to see its output, or run in the foreground".to_owned(),
    }
}
