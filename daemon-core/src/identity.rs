//! Who the daemon becomes, and becoming it.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, geteuid, setgid, setuid};

use crate::sys;

/// Who the daemon becomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// All the groups, the first one included.
    pub(crate) groups: Vec<u32>,
    /// Unless it is a number that the user database does not know.
    pub(crate) name: Option<String>,
    pub(crate) home: Option<PathBuf>,
}

/// A step on the way to another identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// `setgroups(2)`
    Groups,
    /// `setgid(2)`
    Group,
    /// `setuid(2)`
    User,
    /// All ids read back, and no way back to root.
    NoReturn,
}

/// The name of the user, or the number.
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
    pub(crate) fn variables(&self) -> Vec<(&'static str, Option<&OsStr>)> {
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
    pub(crate) fn assume(&self) -> Result<(), (Step, Errno)> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
        sys::ids::set_groups(&groups).map_err(|errno| (Step::Groups, errno))?;
        setgid(gid).map_err(|errno| (Step::Group, errno))?;
        setuid(uid).map_err(|errno| (Step::User, errno))?;
        // A return code alone is not believed: a call may have changed some of the ids only.
        let has_changed = sys::ids::are(uid, gid) && sys::ids::are_all_groups(&groups);
        if has_changed && (uid.is_root() || !can_return(gid, &groups)) {
            Ok(())
        } else {
            Err((Step::NoReturn, Errno::EPERM))
        }
    }
}

/// Whether root's rights can be had again: by a saved id, or by a capability that the change of
/// ids has left, see `SECBIT_NO_SETUID_FIXUP` in `capabilities(7)`.
fn can_return(gid: Gid, groups: &[Gid]) -> bool {
    let root = Gid::from_raw(0);
    setuid(Uid::from_raw(0)).is_ok()
        || (gid != root && setgid(root).is_ok())
        || sys::ids::set_groups(groups).is_ok()
}
