//! What `restart` takes from the daemon that runs: its arguments, its working directory and its log.
//!
//! A daemon can change all three: its command line, its directory and where its standard output
//! leads. One that has become another user may be in the hands of an attacker, so nothing is taken
//! from it that is used with the rights that it has given up.

use std::borrow::Cow;
use std::ffi::OsString;

use nix::unistd::{Pid, geteuid};

use super::other_user::other_user;
use super::running_arguments::{UNREADABLE, arguments_of, wait_for_exec};
use super::running_log::{chosen_log, name_it};
use crate::command_line;
use crate::control::Control;
use crate::daemon::Daemon;
use crate::error::{Error, ErrorKind};
use crate::path_source::PathSource;
use crate::path_template::{self, PathContext};
use crate::settings::Object;
use crate::sys::process;
use crate::value_flags::LOG_FLAG;

/// The new daemon gets the arguments of the running one, its working directory and its log, unless
/// this command line names another subcommand than the running one has.
///
/// # Errors
///
/// `Usage`: something cannot be read, or another user or the program could have changed it.
pub(super) fn take_over(
    settings: &mut Daemon,
    arguments: &mut Vec<OsString>,
    pid: Pid,
    control: &Control,
) -> Result<(), Error> {
    let unread = || not_restarted(pid, UNREADABLE);
    wait_for_exec(pid).map_err(|reason| not_restarted(pid, reason))?;
    let mut user = other_user(pid).map_err(|()| unread())?;
    let mut pid = pid;
    if user.is_some() && user != Some(user_of_the_next(settings)?) {
        // What the daemon may have changed, its supervisor has as it was.
        let supervisor = control
            .supervisor()?
            .filter(|it| other_user(*it) == Ok(None));
        (pid, user) = supervisor.map_or((pid, user), |supervisor| (supervisor, None));
    }
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
    let argv0 = arguments.first().cloned().unwrap_or_default();
    let old = arguments_of(pid, &argv0).map_err(|reason| not_restarted(pid, reason))?;
    if !command_line::abbreviates(settings, arguments, &old) {
        return Ok(());
    }
    arguments.truncate(1);
    let context = settings.path_context(&argv0);
    let is_same_user = match user {
        Some(user) => user_of_the_next(settings)? == user,
        None => true,
    };
    if let Some(user) = user.filter(|_| !is_same_user && old.len() > 1) {
        let reason = format!("user {user} may have changed its arguments; repeat them");
        return Err(not_restarted(pid, reason));
    }
    arguments.extend(old.into_iter().skip(1));
    take_over_log(settings, pid, &context)?;
    let has_own_directory = settings.paths.chroot.is_some() || settings.paths.workdir.is_some();
    if user.is_some() || has_own_directory {
        let context = settings.path_context(&argv0);
        refuse_relative_sockets(settings, pid, context)?;
    }
    if has_own_directory {
        return Ok(());
    }
    let not_entered = || {
        not_restarted(
            pid,
            "its working directory cannot be entered; repeat its arguments, or stop and start it",
        )
    };
    if let Some(user) = user {
        refuse_relative_log(settings, pid, user, context)?;
        // It chooses no directory for a daemon that has other rights.
        if !is_same_user {
            return Ok(());
        }
        // The daemon enters it, with the rights that it has then.
        let directory = process::directory_of(pid).ok_or_else(not_entered)?;
        settings.paths.workdir = Some(PathSource::from(directory));
        return Ok(());
    }
    // The PID file stays where it was found, whatever the directory is.
    settings.paths.pid = Some(PathSource::from(control.pid_file().to_owned()));
    process::enter_directory_of(pid).map_err(|_| not_entered())
}

/// The user that the next daemon is from its first statement on.
fn user_of_the_next(settings: &Daemon) -> Result<u32, Error> {
    let identity = settings.identity()?;
    Ok(identity.map_or(geteuid().as_raw(), |identity| identity.uid))
}

/// Only a flag can have given it another log than the next start opens by itself.
fn take_over_log(settings: &mut Daemon, pid: Pid, context: &PathContext) -> Result<(), Error> {
    let Some(flag) = settings.value_flags.of(&LOG_FLAG) else {
        return Ok(());
    };
    if settings.log_is_chosen {
        return Ok(());
    }
    let configured = settings.paths.log.as_ref();
    let configured = configured.map(|log| path_template::resolve(Object::Log, log, context));
    let configured = configured.transpose()?;
    let chosen = chosen_log(settings, pid, configured.as_ref().map(|log| &*log.path));
    let chosen = chosen.map_err(|reason| not_restarted(pid, name_it(&reason, flag)))?;
    if let Some(log) = chosen {
        settings.paths.log = Some(PathSource::from(log));
    }
    Ok(())
}

/// Its directory decides where that log is, and it can have changed that.
fn refuse_relative_log(
    settings: &Daemon,
    pid: Pid,
    user: u32,
    mut context: PathContext,
) -> Result<(), Error> {
    context.start_dir = Err(std::io::ErrorKind::NotFound.into());
    let log = settings.paths.log.as_ref();
    match log.map(|log| path_template::resolve(Object::Log, log, &context)) {
        Some(Err(_)) => {
            let reason = format!(
                "user {user} may have changed its working directory, and its log is relative to \
                 that; repeat its arguments"
            );
            Err(not_restarted(pid, reason))
        }
        _ => Ok(()),
    }
}

/// It began at the directory that the daemon was started in, which its working directory does not tell. A
/// relative PID file is found from there alone.
fn refuse_relative_sockets(
    settings: &Daemon,
    pid: Pid,
    mut context: PathContext,
) -> Result<(), Error> {
    context.start_dir = Err(std::io::ErrorKind::NotFound.into());
    let pid_file = settings.paths.pid.as_ref();
    let pid_file = pid_file.map(|path| path_template::resolve(Object::PidFile, path, &context));
    let listens = settings.capabilities.listen;
    let sockets = listens.map(|listens| (listens.resolve)(settings.listen.clone(), &context));
    match (sockets, pid_file) {
        (Some(Err(_)), Some(Ok(_))) => {
            let reason = "a socket of `listen` is relative to the directory that it was started \
                          in; stop it, and start it there";
            Err(not_restarted(pid, reason))
        }
        _ => Ok(()),
    }
}

pub(super) fn not_restarted(pid: Pid, reason: impl Into<Cow<'static, str>>) -> Error {
    let what = format!("cannot restart the daemon, pid {pid}");
    Error::new(ErrorKind::Usage, what, reason)
}
