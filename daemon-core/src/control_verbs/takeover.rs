//! What `restart` takes from the daemon that runs: its arguments, its working directory and its log.
//!
//! A daemon can change all three: its command line, its directory and where its standard output
//! leads. One that has become another user may be in the hands of an attacker, so nothing is taken
//! from it that is used with the rights that it has given up.

mod directory;

use std::ffi::OsString;

use nix::unistd::Pid;

use super::other_user::{other_user, uid_of};
use super::running_arguments::{UNREADABLE, arguments_of, wait_for_exec};
use super::running_log::{chosen_log, name_it};
use crate::command_line;
use crate::control::Control;
use crate::daemon::Daemon;
use crate::error::Error;
use crate::identity::Identity;
use crate::path_source::PathSource;
use crate::path_template::{self, PathContext};
use crate::settings::Object;
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
    let unread = || Error::not_restarted(pid, UNREADABLE);
    wait_for_exec(pid).map_err(|reason| Error::not_restarted(pid, reason))?;
    let mut user = other_user(pid).map_err(|()| unread())?;
    let mut pid = pid;
    let next = settings.identity()?;
    if user.is_some_and(|user| user != uid_of(next.as_ref())) {
        // What the daemon may have changed, its supervisor has as it was.
        let supervisor = control
            .supervisor()?
            .filter(|it| other_user(*it) == Ok(None));
        (pid, user) = supervisor.map_or((pid, user), |supervisor| (supervisor, None));
    }
    take_from(settings, arguments, pid, user, next.as_ref(), control)?;
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
    next: Option<&Identity>,
    control: &Control,
) -> Result<(), Error> {
    let argv0 = arguments.first().cloned().unwrap_or_default();
    let old = arguments_of(pid, &argv0).map_err(|reason| Error::not_restarted(pid, reason))?;
    if !command_line::abbreviates(settings, arguments, &old) {
        return Ok(());
    }
    arguments.truncate(1);
    let context = settings.path_context(&argv0);
    if let Some(user) = user.filter(|user| *user != uid_of(next) && old.len() > 1) {
        let reason = format!("user {user} may have changed its arguments; repeat them");
        return Err(Error::not_restarted(pid, reason));
    }
    arguments.extend(old.into_iter().skip(1));
    take_over_log(settings, pid, &context)?;
    // A daemon that has other rights than the next one chooses no directory for it.
    match user {
        Some(user) => directory::of_other_user(settings, pid, user, next, &argv0),
        None => directory::of_own_user(settings, pid, control, &argv0),
    }
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
    let chosen = chosen.map_err(|reason| Error::not_restarted(pid, name_it(&reason, flag)))?;
    if let Some(log) = chosen {
        settings.paths.log = Some(PathSource::from(log));
    }
    Ok(())
}
