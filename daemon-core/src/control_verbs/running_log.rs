//! The log of the daemon that the verbs `log`, `rotate` and `restart` are about.
//!
//! Where `log_flag` lets the user of the program choose it, only the daemon that runs shows which one
//! it is. What is not known is never replaced by the configured log: the verb refuses.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::unistd::Pid;

use super::other_user::other_user;
use crate::control::{Control, Status};
use crate::daemon::Daemon;
use crate::error::{Error, ErrorKind, shown};
use crate::log_file;
use crate::path_template;
use crate::settings::Object;
use crate::sys::process;
use crate::value_flags::LOG_FLAG;

/// The log of the daemon. Where the user of the program can choose it, it is the one that a running
/// daemon has.
///
/// # Errors
///
/// `Usage`: it is not known which one the user has chosen.
pub(super) fn log_of(
    settings: &Daemon,
    argv0: Option<OsString>,
    control: &Control,
) -> Result<PathBuf, Error> {
    let source = settings.paths.log.as_ref();
    let context = settings.path_context(&argv0.unwrap_or_default());
    let resolved = source.map(|source| path_template::resolve(Object::Log, source, &context));
    let resolved = resolved.transpose()?.map(|resolved| resolved.path);
    let flag = settings.value_flags.of(&LOG_FLAG);
    let chosen = match flag.filter(|_| !settings.log_is_chosen) {
        Some(flag) => {
            let chosen = chosen_by_running(settings, control, resolved.as_deref())?;
            chosen.map_err(|reason| {
                let what = "cannot find the log of the daemon";
                Error::new(ErrorKind::Usage, what, name_it(&reason, flag))
            })?
        }
        None => None,
    };
    chosen.or(resolved).ok_or_else(|| {
        let what = "cannot find the log";
        Error::new(ErrorKind::Configuration, what, "no log is configured")
    })
}

/// As [`chosen_log`], for whatever the daemon does now.
fn chosen_by_running(
    settings: &Daemon,
    control: &Control,
    configured: Option<&Path>,
) -> Result<Result<Option<PathBuf>, String>, Error> {
    let (status, pid) = control.look()?;
    Ok(match status {
        Status::NotRunning | Status::StalePidFile => Ok(None),
        Status::Starting { .. } => Err("it is being started".to_owned()),
        Status::Running { .. } | Status::Restarting { .. } | Status::Ending => match pid {
            Some(pid) => chosen_log(settings, pid, configured),
            None => Err(UNSEEN.to_owned()),
        },
    })
}

const UNSEEN: &str = "its log cannot be seen";

/// The log that the user of the program gave the running daemon by the flag; nothing if it has the
/// configured one.
///
/// # Errors
///
/// Why its log is not known.
pub(super) fn chosen_log(
    settings: &Daemon,
    pid: Pid,
    configured: Option<&Path>,
) -> Result<Option<PathBuf>, String> {
    let unread = || UNSEEN.to_owned();
    let user = other_user(pid).map_err(|()| unread())?;
    let log = process::output_name_of(pid).ok_or_else(unread)?;
    let rotated = RotatedName::of(&log, settings.settings.log_keep);
    // In this order: the file system of another path may not answer.
    if let Some(configured) = configured.and_then(target_of) {
        let is_rotated = |rotated: &RotatedName| {
            rotated.log == configured && content_of(&configured) != Content::Some
        };
        if log == configured || rotated.as_ref().is_some_and(is_rotated) {
            return Ok(None);
        }
    }
    if let Some(user) = user {
        let log = shown(&log);
        return Err(format!("user {user} may have changed its log to {log}"));
    }
    let is_null = log == Path::new("/dev/null");
    if !process::appends_output(pid) {
        if is_null && configured.is_none() {
            return Ok(None);
        }
        return Err(format!(
            "its output leads to {}, which is no log",
            shown(&log)
        ));
    }
    if other_user(pid) != Ok(None) {
        return Err(unread());
    }
    match rotated.map(|rotated| (content_of(&rotated.log), rotated.log)) {
        Some((Content::Missing, log)) => Ok(Some(log)),
        Some((Content::None, _)) => {
            let log = shown(&log);
            Err(format!("its log {log} may be a rotated one"))
        }
        _ => Ok(Some(log)),
    }
}

/// A path as a rotation makes it, see [`is_rotation`].
struct RotatedName {
    /// What is rotated.
    log: PathBuf,
}

impl RotatedName {
    fn of(path: &Path, keep: u32) -> Option<Self> {
        let name = path.file_name()?.as_bytes();
        let is_mark = |byte: &u8| !byte.is_ascii_digit();
        let mark = name.iter().rposition(is_mark).filter(|at| *at > 0)?;
        let (log, suffix) = name.split_at_checked(mark)?;
        is_rotation(suffix, keep).then(|| Self {
            log: path.with_file_name(OsStr::from_bytes(log)),
        })
    }
}

/// What a rotation appends to the name: `.N` by this library and logrotate(8), or a date.
fn is_rotation(suffix: &[u8], keep: u32) -> bool {
    match suffix {
        [b'.', digits @ ..] => {
            let number = std::str::from_utf8(digits).ok();
            let number = number.filter(|digits| !digits.starts_with('0'));
            let number = number.and_then(|digits| digits.parse::<u32>().ok());
            number.is_some_and(|number| number <= keep)
        }
        [b'-', date @ ..] => date.len() >= DATE_LENGTH,
        _ => false,
    }
}

/// `20260131`; more digits for more than one rotation a day.
const DATE_LENGTH: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Missing,
    None,
    Some,
}

/// Until the daemon opens its new log, a rotation leaves none, or an empty one.
fn content_of(log: &Path) -> Content {
    match fs::symlink_metadata(log) {
        Ok(file) if file.is_file() && file.len() == 0 => Content::None,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Content::Missing,
        _ => Content::Some,
    }
}

/// The path as the kernel shows it.
fn target_of(configured: &Path) -> Option<PathBuf> {
    let target = log_file::target_of(configured).ok()?;
    let directory = target.parent()?.canonicalize().ok()?;
    Some(directory.join(target.file_name()?))
}

/// What is said where the log of the running daemon is not known.
pub(super) fn name_it(reason: &str, flag: &OsStr) -> String {
    format!("{reason}; use {}", shown(flag.as_ref()))
}
