//! What is wrong with the user or the group that the daemon is to become.

use nix::errno::Errno;

use super::{Error, ErrorKind, shown};
use crate::identity::{Identity, Step};

impl Error {
    pub(crate) fn unknown_user(user: &str) -> Self {
        Self::words(ErrorKind::UnknownUser, become_user(user), "no such user")
    }

    pub(crate) fn unknown_group(group: &str) -> Self {
        Self::words(ErrorKind::UnknownUser, become_group(group), "no such group")
    }

    pub(crate) fn user_look_up(user: &str, cause: Errno) -> Self {
        let what = format!("cannot look up the user {}", shown(user.as_ref()));
        Self::system(ErrorKind::UnknownUser, what, cause)
    }

    pub(crate) fn group_look_up(group: &str, cause: Errno) -> Self {
        let what = format!("cannot look up the group {}", shown(group.as_ref()));
        Self::system(ErrorKind::UnknownUser, what, cause)
    }

    pub(crate) fn user_without_group(uid: u32) -> Self {
        let reason = "the user database does not know this number, so a group must be given too";
        Self::words(
            ErrorKind::UnknownUser,
            become_user(&uid.to_string()),
            reason,
        )
    }

    /// `user` is somebody else, if it is given.
    pub(crate) fn not_root(user: Option<&str>, group: Option<&str>) -> Self {
        let what = match (user, group) {
            (None, Some(group)) => become_group(group),
            (user, _) => become_user(user.unwrap_or_default()),
        };
        Self::words(ErrorKind::Permission, what, "only root can")
    }

    pub(crate) fn privileges(step: Step, identity: &Identity, cause: Errno) -> Self {
        let user = identity.to_string();
        let what = match step {
            Step::Groups => format!(
                "cannot take on the groups of the user {}",
                shown(user.as_ref())
            ),
            Step::Group => become_group(&identity.gid.to_string()),
            Step::User => become_user(&user),
            Step::NoReturn => {
                let reason = "they could be had again";
                return Self::words(
                    ErrorKind::Permission,
                    "cannot give up the rights of root",
                    reason,
                );
            }
        };
        Self::system(ErrorKind::Permission, what, cause)
    }
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
