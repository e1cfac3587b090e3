//! The directory in which `restart` starts the next daemon: that in which the old one is.
//!
//! A daemon of another user can go to any directory. So root enters none for it: the next daemon does,
//! with the rights of that user.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::Pid;

use crate::control::Control;
use crate::control_verbs::other_user::uid_of;
use crate::daemon::Daemon;
use crate::error::Error;
use crate::files::FileId;
use crate::identity::Identity;
use crate::path_source::PathSource;
use crate::path_template::{self, PathContext};
use crate::settings::Object;
use crate::sys::process;

/// The directory of a daemon that has the user of this process.
pub(super) fn of_own_user(
    settings: &mut Daemon,
    pid: Pid,
    control: &Control,
    argv0: &OsStr,
) -> Result<(), Error> {
    if has_own_directory(settings) {
        return refuse_relative_sockets(settings, pid, &without_directory(settings, argv0));
    }
    // The PID file stays where it was found, whatever the directory is.
    settings.paths.pid = Some(PathSource::from(control.pid_file().to_owned()));
    process::enter_directory_of(pid).map_err(|_| not_entered(pid))
}

/// The directory of a daemon that has become this user.
pub(super) fn of_other_user(
    settings: &mut Daemon,
    pid: Pid,
    user: u32,
    next: Option<&Identity>,
    argv0: &OsStr,
) -> Result<(), Error> {
    let context = without_directory(settings, argv0);
    refuse_relative_sockets(settings, pid, &context)?;
    if has_own_directory(settings) {
        return Ok(());
    }
    refuse_relative_log(settings, pid, user, &context)?;
    if user != uid_of(next) {
        return Ok(());
    }
    let directory = process::directory_of(pid).ok_or_else(|| not_entered(pid))?;
    // The daemon may have inherited one that its user may not enter, as the next one does here.
    if is_here(&directory) {
        return Ok(());
    }
    if next.is_some_and(|next| !may_enter(&directory, next)) {
        return Err(not_entered(pid));
    }
    settings.paths.workdir = Some(PathSource::from(directory));
    Ok(())
}

/// In it no relative path can be resolved: the directory that it begins at is not known.
fn without_directory(settings: &Daemon, argv0: &OsStr) -> PathContext {
    let mut context = settings.path_context(argv0);
    context.start_dir = Err(io::ErrorKind::NotFound.into());
    context
}

fn has_own_directory(settings: &Daemon) -> bool {
    settings.paths.chroot.is_some() || settings.paths.workdir.is_some()
}

/// Whether it is the working directory of this process.
fn is_here(directory: &Path) -> bool {
    let here = FileId::of_target(Path::new("."));
    here.is_ok_and(|here| FileId::of_target(directory).is_ok_and(|it| it == here))
}

/// Whether the modes on the way let this user in. An access control list can forbid it all the same.
fn may_enter(directory: &Path, user: &Identity) -> bool {
    let lets_in = |directory: fs::Metadata| {
        let bit = if directory.uid() == user.uid {
            0o100
        } else if user.groups.contains(&directory.gid()) {
            0o010
        } else {
            0o001
        };
        user.uid == 0 || directory.mode() & bit != 0
    };
    let mut way = directory.ancestors();
    way.all(|it| fs::metadata(it).is_ok_and(lets_in))
}

fn not_entered(pid: Pid) -> Error {
    Error::not_restarted(
        pid,
        "its working directory cannot be entered; repeat its arguments, or stop and start it",
    )
}

/// Its directory decides where that log is, and it can have changed that.
fn refuse_relative_log(
    settings: &Daemon,
    pid: Pid,
    user: u32,
    context: &PathContext,
) -> Result<(), Error> {
    let log = settings.paths.log.as_ref();
    match log.map(|log| path_template::resolve(Object::Log, log, context)) {
        Some(Err(_)) => {
            let reason = format!(
                "user {user} may have changed its working directory, and its log is relative to \
                 that; repeat its arguments"
            );
            Err(Error::not_restarted(pid, reason))
        }
        _ => Ok(()),
    }
}

/// It began at the directory that the daemon was started in, which its working directory does not tell. A
/// relative PID file is found from there alone.
fn refuse_relative_sockets(
    settings: &Daemon,
    pid: Pid,
    context: &PathContext,
) -> Result<(), Error> {
    let pid_file = settings.paths.pid.as_ref();
    let pid_file = pid_file.map(|path| path_template::resolve(Object::PidFile, path, context));
    let listens = settings.capabilities.listen;
    let sockets = listens.map(|listens| (listens.resolve)(settings.listen.clone(), context));
    match (sockets, pid_file) {
        (Some(Err(_)), Some(Ok(_))) => {
            let reason = "a socket of `listen` is relative to the directory that it was started \
                          in; stop it, and start it there";
            Err(Error::not_restarted(pid, reason))
        }
        _ => Ok(()),
    }
}
