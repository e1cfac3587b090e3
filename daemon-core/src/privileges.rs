//! Which user the daemon becomes.
//!
//! The names are looked up in the launcher, where the user database can still be reached and an
//! error can still be explained; the daemon gets numbers.

use std::ffi::{CString, OsStr};

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid};

use crate::error::Error;
use crate::identity::Identity;
use crate::sys;

/// The identity that is asked for; nothing if it is the one this process has.
pub(crate) fn look_up(user: Option<&str>, group: Option<&str>) -> Result<Option<Identity>, Error> {
    let gid = group.map(look_up_group).transpose()?;
    let own = geteuid();
    let (uid, account) = match user {
        Some(user) => look_up_user(user)?,
        None => (own, account_of(own)?),
    };
    // The effective ids alone say little: root's may only be hidden behind them.
    let is_own = uid == own && gid.is_none_or(|gid| gid == getegid());
    if is_own && sys::ids::are(own, getegid()) {
        return Ok(None);
    }
    if !own.is_root() {
        return Err(Error::not_root(
            user.filter(|_| uid != own || group.is_none()),
            group,
        ));
    }
    let gid = gid.or_else(|| account.as_ref().map(|account| account.gid));
    let gid = gid.ok_or_else(|| Error::user_without_group(uid.as_raw()))?;
    let groups = match &account {
        Some(account) => groups_of(&account.name, gid)?,
        None => vec![gid],
    };
    let (name, home) = account.map(|account| (account.name, account.dir)).unzip();
    Ok(Some(Identity {
        uid: uid.as_raw(),
        gid: gid.as_raw(),
        groups: groups.into_iter().map(Gid::as_raw).collect(),
        name,
        home,
    }))
}

/// A name comes first, as for `chown(1)`: some are all digits.
fn look_up_user(user: &str) -> Result<(Uid, Option<User>), Error> {
    let failed = |errno: Errno| Error::user_look_up(user, errno);
    if let Some(account) = User::from_name(user).map_err(failed)? {
        return Ok((account.uid, Some(account)));
    }
    let uid = number(user).ok_or_else(|| Error::unknown_user(user))?;
    Ok((uid.into(), account_of(uid.into())?))
}

fn account_of(uid: Uid) -> Result<Option<User>, Error> {
    User::from_uid(uid).map_err(|errno| Error::user_look_up(&uid.to_string(), errno))
}

fn look_up_group(group: &str) -> Result<Gid, Error> {
    let found = Group::from_name(group).map_err(|errno| Error::group_look_up(group, errno))?;
    let gid = found.map(|group| group.gid);
    gid.or_else(|| number(group).map(Gid::from_raw))
        .ok_or_else(|| Error::unknown_group(group))
}

/// The largest number means "unchanged" to the system, and so is nobody's.
fn number(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_number);
    number.filter(|number| *number != u32::MAX)
}

fn groups_of(name: &str, gid: Gid) -> Result<Vec<Gid>, Error> {
    let failed = |errno| Error::user_look_up(name, errno);
    let name = CString::new(name).map_err(|_| failed(Errno::EINVAL))?;
    sys::ids::groups_of(&name, gid).map_err(failed)
}

/// Gives up the rights of root for those of another user, for a program that needs them at its
/// start: to bind port 80, or to read a key. (A program that does not is better off with the option
/// `user`, which does this before any of its code runs.)
///
/// `user` and `group` are names or numbers; without a group it is the user's first one. The
/// supplementary groups become the user's, and HOME, USER and LOGNAME are set. What the process has
/// open stays open. A process that is this user already is left as it is, so that the program can
/// also be started without root's rights.
///
/// Call it while the process has one thread. The system keeps these rights for each thread;
/// `setuid(3)` of glibc and of musl changes those of all threads that they know, but what another
/// thread was doing just then it may have done as root, and the environment is left as it is, since
/// another thread may be reading it.
///
/// The PID file stays root's, so it stays behind, unlocked, when the daemon ends.
///
/// # Errors
///
/// [`UnknownUser`](crate::ErrorKind::UnknownUser) if there is no such user or group, or if the user
/// is a number without a group. [`Permission`](crate::ErrorKind::Permission) if this process may
/// not do it, or if it could take root's rights back afterwards; then it may have lost some of its
/// rights and must not go on. See `credentials(7)`.
pub fn drop_privileges(user: &str, group: Option<&str>) -> Result<(), Error> {
    let Some(identity) = look_up(Some(user), group)? else {
        return Ok(());
    };
    let variables = identity.variables();
    identity
        .assume()
        .map_err(|(step, errno)| Error::privileges(step, &identity, errno))?;
    for (name, value) in variables {
        sys::environment::set(OsStr::new(name), value);
    }
    Ok(())
}
