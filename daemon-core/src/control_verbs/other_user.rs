//! The user of a daemon, which may not be trusted, and that of the next one.

use nix::unistd::{Pid, geteuid};

use crate::identity::Identity;
use crate::sys::process;

/// The other user that may have chosen what the daemon is.
///
/// All its uids must be those of this process: a daemon that has dropped its rights can execute a
/// set-user-ID program, which has them again and has what the daemon has given it. Such a program may
/// have made all its uids root's, so the kernel is asked how it was executed.
///
/// # Errors
///
/// The user cannot be found out.
pub(super) fn other_user(pid: Pid) -> Result<Option<u32>, ()> {
    let users = process::users_of(pid).ok_or(())?;
    let us = geteuid();
    let other = users.into_iter().find(|user| *user != us.as_raw());
    if other.is_none() && us.is_root() && process::is_secure(pid) != Some(false) {
        return Err(());
    }
    Ok(other)
}

/// The user that the next daemon is from its first statement on.
pub(super) fn uid_of(next: Option<&Identity>) -> u32 {
    next.map_or(geteuid().as_raw(), |next| next.uid)
}
