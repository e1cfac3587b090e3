//! What `restart` takes from the daemon that runs: its arguments, its working directory and its log.
//!
//! A daemon can change all three: its command line, its directory and where its standard output
//! leads. One that has become another user may be in the hands of an attacker, so nothing is taken
//! from it that is used with the rights that it has given up.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Pid, geteuid};

use crate::control::Control;
use crate::daemon::Daemon;
use crate::error::{Error, ErrorKind, shown};
use crate::launcher::failure::missing_capability;
use crate::path_source::PathSource;
use crate::path_template::{self, PathContext};
use crate::settings::Object;
use crate::sys::process;
use crate::value_flags::LOG_FLAG;

const UNREAD: &str = "its arguments cannot be read; repeat them, or stop and start it";

/// The new daemon gets the arguments of the running one, its working directory and its log.
///
/// # Errors
///
/// `Usage`: something cannot be read, or another user could have changed it.
pub(super) fn take_over(
    settings: &mut Daemon,
    arguments: &mut Vec<OsString>,
    pid: Pid,
    control: &Control,
) -> Result<(), Error> {
    let unread = || not_restarted(pid, UNREAD);
    let user = other_user(pid).map_err(|()| unread())?;
    take_from(settings, arguments, pid, user, control)?;
    // It may have executed a program, or changed its user, while it was looked at.
    match other_user(pid) {
        Ok(now) if now == user => Ok(()),
        _ => Err(unread()),
    }
}

fn take_from(
    settings: &mut Daemon,
    arguments: &mut Vec<OsString>,
    pid: Pid,
    user: Option<u32>,
    control: &Control,
) -> Result<(), Error> {
    let old = process::arguments_of(pid).ok_or_else(|| not_restarted(pid, UNREAD))?;
    arguments.truncate(1);
    let context = settings.path_context(arguments.first().map_or(OsStr::new(""), |name| name));
    if let Some(user) = user {
        let has_arguments = old.len() > 1;
        if has_arguments && user_of_the_next(settings)? != user {
            let reason = format!("user {user} may have changed its arguments; repeat them");
            return Err(not_restarted(pid, &reason));
        }
    }
    arguments.extend(old.into_iter().skip(1));
    take_over_log(settings, pid, user, &context)?;
    if settings.paths.chroot.is_some() || settings.paths.workdir.is_some() {
        return Ok(());
    }
    let not_entered = || {
        not_restarted(
            pid,
            "its working directory cannot be entered; repeat its arguments",
        )
    };
    if let Some(user) = user {
        refuse_relative_log(settings, pid, user, context)?;
        // The daemon enters it, with the rights that it has then.
        let directory = process::directory_of(pid).ok_or_else(not_entered)?;
        settings.paths.workdir = Some(PathSource::from(directory));
        return Ok(());
    }
    // Where it was found, whatever the directory.
    settings.paths.pid = Some(PathSource::from(control.pid_file().to_owned()));
    process::enter_directory_of(pid).map_err(|_| not_entered())
}

/// The file that a daemon of this user has as its log.
pub(super) fn own_log(pid: Pid) -> Option<PathBuf> {
    // Another user could have led it to any file.
    let is_ours = || other_user(pid) == Ok(None);
    let log = is_ours().then(|| process::output_of(pid)).flatten();
    log.filter(|_| process::appends_output(pid) && is_ours())
}

/// The other user that may have chosen what the daemon is.
///
/// All its uids must be those of this process: a daemon that has dropped its rights can execute a
/// set-user-ID program, which has them again and has what the daemon has given it.
fn other_user(pid: Pid) -> Result<Option<u32>, ()> {
    let users = process::users_of(pid).ok_or(())?;
    let us = geteuid().as_raw();
    Ok(users.into_iter().find(|user| *user != us))
}

/// The user that the next daemon is from its first statement on.
fn user_of_the_next(settings: &Daemon) -> Result<u32, Error> {
    let (user, group) = (settings.user.as_deref(), settings.group.as_deref());
    let identity = if user.is_some() || group.is_some() {
        let privileges = settings.capabilities.privileges;
        (privileges.ok_or_else(missing_capability)?.look_up)(user, group)?
    } else {
        None
    };
    Ok(identity.map_or(geteuid().as_raw(), |identity| identity.uid))
}

/// Only a flag can have given it another log than the next start opens by itself.
fn take_over_log(
    settings: &mut Daemon,
    pid: Pid,
    user: Option<u32>,
    context: &PathContext,
) -> Result<(), Error> {
    let Some(flag) = settings.value_flags.of(&LOG_FLAG) else {
        return Ok(());
    };
    let Some(log) = process::output_of(pid).filter(|_| !settings.log_is_chosen) else {
        return Ok(());
    };
    let configured = settings.paths.log.clone();
    let configured = configured.map(|log| path_template::resolve(Object::Log, log, context));
    let configured = configured.transpose()?;
    if configured.is_some_and(|configured| is_log(configured.path(), &log)) {
        return Ok(());
    }
    if let Some(user) = user {
        let (log, flag) = (shown(&log), shown(flag.as_ref()));
        let reason = format!("user {user} may have changed its log to {log}; name it with {flag}");
        return Err(not_restarted(pid, &reason));
    }
    if process::appends_output(pid) {
        settings.paths.log = Some(PathSource::from(log));
    }
    Ok(())
}

/// Whether the daemon was started with the configured log: it writes to that, or to what a rotation
/// has made of it. The other path is not looked at: its file system may not answer.
pub(super) fn is_log(configured: &Path, log: &Path) -> bool {
    let directory = configured
        .parent()
        .and_then(|path| path.canonicalize().ok());
    let suffix = || {
        let (name, log) = (configured.file_name()?, log.file_name()?);
        log.as_bytes().strip_prefix(name.as_bytes())
    };
    let is_rotated = |suffix: &[u8]| matches!(suffix, [b'.' | b'-', b'0'..=b'9', ..]);
    configured.canonicalize().is_ok_and(|path| path == log)
        || (directory.as_deref() == log.parent() && suffix().is_some_and(is_rotated))
}

/// Its directory decides where that log is, and it can have changed that.
fn refuse_relative_log(
    settings: &Daemon,
    pid: Pid,
    user: u32,
    mut context: PathContext,
) -> Result<(), Error> {
    context.start_dir = Err(std::io::ErrorKind::NotFound.into());
    let log = settings.paths.log.clone();
    match log.map(|log| path_template::resolve(Object::Log, log, &context)) {
        Some(Err(_)) => {
            let reason = format!(
                "user {user} may have changed its working directory, and its log is relative to \
                 that; repeat its arguments"
            );
            Err(not_restarted(pid, &reason))
        }
        _ => Ok(()),
    }
}

pub(super) fn not_restarted(pid: Pid, reason: &str) -> Error {
    let what = format!("cannot restart the daemon, pid {pid}");
    Error::words(ErrorKind::Usage, what, reason)
}
