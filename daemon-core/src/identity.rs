//! The user and the groups that the daemon becomes: look them up, become them, verify.
//!
//! The names are looked up in the launcher, where the user database can still be reached and an
//! error can still be explained. The daemon gets uids and gids.

use std::ffi::{CString, OsStr};
use std::fmt;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid, setgid, setuid};

use crate::codec::encoded;
use crate::error::{Error, ErrorKind, shown};
use crate::sys;

encoded! {
    /// The user and the groups that the daemon becomes.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Identity {
        pub(crate) uid: u32,
        pub(crate) gid: u32,
        /// All the groups, the first one included.
        pub(crate) groups: Vec<u32>,
        /// `None` for a uid that the user database does not know.
        pub(crate) name: Option<String>,
        pub(crate) home: Option<PathBuf>,
    }
}

/// A variable of the environment: a value to set, or none to remove it.
pub(crate) type Variable<'a> = (&'static str, Option<&'a OsStr>);

/// A step on the way to another identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CredStep {
    /// `setgroups(2)`
    Groups,
    /// `setgid(2)`
    Group,
    /// `setuid(2)`
    User,
    /// A session keyring without the caller's keys.
    Keyring,
    /// All ids are read back, no capability is left, and root cannot be regained.
    VerifyDropped,
}

/// The name of the user, or the uid.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.uid),
        }
    }
}

impl Identity {
    /// What the variables that name a user and a home become; unset where there is neither.
    ///
    /// Another group alone changes none of them.
    pub(crate) fn variables(&self) -> Vec<Variable<'_>> {
        if self.uid == geteuid().as_raw() {
            return Vec::new();
        }
        let name = self.name.as_deref().map(OsStr::new);
        let home = self.home.as_deref().map(OsStr::new);
        vec![("HOME", home), ("USER", name), ("LOGNAME", name)]
    }

    /// Becomes this user, for good.
    ///
    /// The groups come first and the user last, since each needs the rights of root.
    pub(crate) fn assume(&self) -> Result<(), (CredStep, Errno)> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
        // A keyring counts for the user that makes it. Root makes it, because most users may have only
        // 200 keys, and so 200 daemons.
        let has_left = if uid.is_root() {
            Ok(())
        } else {
            sys::capabilities::leave_session_keyring()
        };
        sys::ids::set_groups(&groups).map_err(|errno| (CredStep::Groups, errno))?;
        setgid(gid).map_err(|errno| (CredStep::Group, errno))?;
        setuid(uid).map_err(|errno| (CredStep::User, errno))?;
        if !uid.is_root() {
            // In a user namespace root counts as the user outside, who may have no key left.
            has_left
                .or_else(|_| sys::capabilities::leave_session_keyring())
                .map_err(|errno| (CredStep::Keyring, errno))?;
            sys::capabilities::clear_inheritable()
                .map_err(|errno| (CredStep::VerifyDropped, errno))?;
        }
        // A return code alone is not believed: a call may have changed some of the ids only.
        let has_changed = sys::ids::are(uid, gid) && sys::ids::are_all_groups(&groups);
        if has_changed && (uid.is_root() || !can_regain_root(gid, &groups)) {
            Ok(())
        } else {
            Err((CredStep::VerifyDropped, Errno::EPERM))
        }
    }
}

/// Whether root's rights can be had again: by a saved id, or by a capability that the change of
/// ids has left, see `SECBIT_NO_SETUID_FIXUP` in `capabilities(7)`.
fn can_regain_root(gid: Gid, groups: &[Gid]) -> bool {
    let root = Gid::from_raw(0);
    setuid(Uid::from_raw(0)).is_ok()
        || (gid != root && setgid(root).is_ok())
        || sys::ids::set_groups(groups).is_ok()
}

/// Becomes this user before any code of the program runs.
///
/// The kernel marks a process that changes its user as holding secrets of the former user: the new
/// user may not trace it, and it dumps no core. At the start there are no secrets.
pub(crate) fn assume_at_start(identity: &Identity) -> Result<(), (CredStep, Errno)> {
    sys::ids::keep_dumpable(|| identity.assume())
}

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
        let user = user.filter(|_| uid != own || group.is_none());
        return Err(not_root(user, group));
    }
    let gid = gid.or_else(|| account.as_ref().map(|account| account.gid));
    let gid = gid.ok_or_else(|| user_without_group(uid.as_raw()))?;
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
    let failed = |errno: Errno| not_looked_up("user", user, errno);
    if let Some(account) = entry(User::from_name(user)).map_err(failed)? {
        return Ok((account.uid, Some(account)));
    }
    let uid = id(user).ok_or_else(|| unknown(become_user(user), "no such user"))?;
    Ok((uid.into(), account_of(uid.into())?))
}

/// Where there is no database, as in a container with the program alone, there is no entry either.
fn entry<T>(found: Result<Option<T>, Errno>) -> Result<Option<T>, Errno> {
    match found {
        Err(Errno::ENOENT) => Ok(None),
        found => found,
    }
}

fn account_of(uid: Uid) -> Result<Option<User>, Error> {
    entry(User::from_uid(uid)).map_err(|errno| not_looked_up("user", &uid.to_string(), errno))
}

fn look_up_group(group: &str) -> Result<Gid, Error> {
    let found = entry(Group::from_name(group));
    let found = found.map_err(|errno| not_looked_up("group", group, errno))?;
    let gid = found.map(|group| group.gid);
    gid.or_else(|| id(group).map(Gid::from_raw))
        .ok_or_else(|| unknown(become_group(group), "no such group"))
}

/// The largest uid means "unchanged" to the system, so no user has it.
fn id(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let id = text.parse().ok().filter(|_| is_number);
    id.filter(|id| *id != u32::MAX)
}

fn groups_of(name: &str, gid: Gid) -> Result<Vec<Gid>, Error> {
    let failed = |errno| not_looked_up("user", name, errno);
    let name = CString::new(name).map_err(|_| failed(Errno::EINVAL))?;
    sys::ids::groups_of(&name, gid).map_err(failed)
}

/// Drops root privileges and becomes another user, in a program that needs root at its start: to bind
/// port 80, or to read a key. (The option `user` does this before any code of the program runs.)
///
/// `user` and `group` are names, or a uid and a gid. Without a group it is the primary group of the
/// user. The supplementary groups become the user's, and HOME, USER and LOGNAME are set. Open
/// descriptors stay open. The session keyring and the inheritable capabilities of root are left
/// behind. A process that is this user already is left as it is, so the program can also be started
/// without root.
///
/// Call it while the process has one thread. The kernel keeps these rights for each thread. `setuid(3)`
/// of glibc and of musl changes the ids of all threads that they know; the capabilities and the keyring
/// of other threads stay, and so does the environment, which another thread may be reading.
///
/// Root keeps the PID file. At its end such a daemon leaves it behind, empty and unlocked.
///
/// # Errors
///
/// [`UnknownUser`](crate::ErrorKind::UnknownUser): there is no such user or group, or the user is a uid
/// without an entry and no group is named. [`Permission`](crate::ErrorKind::Permission): this process
/// may not do it, or could regain root afterwards, for example because of `PR_SET_KEEPCAPS`. Some of
/// its rights may be gone then: exit. See `credentials(7)`.
///
/// ```no_run
/// use std::net::TcpListener;
///
/// let listener = TcpListener::bind("0.0.0.0:80").expect("port 80 is free");
/// daemon::drop_privileges("www-data", None)?;
/// # drop(listener);
/// # Ok::<(), daemon::Error>(())
/// ```
pub fn drop_privileges(user: &str, group: Option<&str>) -> Result<(), Error> {
    let Some(identity) = look_up(Some(user), group)? else {
        return Ok(());
    };
    let variables = identity.variables();
    identity
        .assume()
        .map_err(|(step, errno)| not_assumed(step, &identity, errno))?;
    for (name, value) in variables {
        sys::environment::set(OsStr::new(name), value);
    }
    Ok(())
}

fn not_looked_up(kind: &str, name: &str, cause: Errno) -> Error {
    let what = format!("cannot look up the {kind} {}", shown(name.as_ref()));
    Error::system(ErrorKind::UnknownUser, what, cause)
}

fn unknown(what: String, reason: &'static str) -> Error {
    Error::new(ErrorKind::UnknownUser, what, reason)
}

fn user_without_group(uid: u32) -> Error {
    let reason = "the user database has no entry for this uid; name a group too";
    unknown(become_user(&uid.to_string()), reason)
}

/// `user` is another user than the caller, if it is given.
fn not_root(user: Option<&str>, group: Option<&str>) -> Error {
    let what = match (user, group) {
        (None, Some(group)) => become_group(group),
        (user, _) => become_user(user.unwrap_or_default()),
    };
    Error::new(ErrorKind::Permission, what, "requires root")
}

/// The error for a step of [`Identity::assume`].
pub(crate) fn not_assumed(step: CredStep, identity: &Identity, cause: Errno) -> Error {
    let user = identity.to_string();
    let what = match step {
        CredStep::Groups => format!(
            "cannot take on the groups of the user {}",
            shown(user.as_ref())
        ),
        CredStep::Group => become_group(&identity.gid.to_string()),
        CredStep::User => become_user(&user),
        CredStep::Keyring => "cannot leave the session keyring of the caller".to_owned(),
        CredStep::VerifyDropped => {
            let reason = "they could be regained";
            return Error::new(ErrorKind::Permission, "cannot drop root privileges", reason);
        }
    };
    Error::system(ErrorKind::Permission, what, cause)
}

fn become_user(user: &str) -> String {
    format!("cannot become the user {}", shown(user.as_ref()))
}

fn become_group(group: &str) -> String {
    format!(
        "cannot become a member of the group {}",
        shown(group.as_ref())
    )
}
