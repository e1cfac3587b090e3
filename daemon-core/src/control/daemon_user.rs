//! The user that a daemon runs as, where the system does not show which process holds the lock.

use nix::unistd::geteuid;

use crate::capabilities::LookUp;

/// The user of the daemon. The supervisor of a daemon always belongs to the user of the launcher.
#[derive(Clone, Debug, Default)]
pub(crate) enum DaemonUser {
    /// The user of this process.
    #[default]
    Own,
    Uid(u32),
    /// As the option `user` names it.
    Named {
        user: String,
        group: Option<String>,
        look_up: LookUp,
    },
}

impl DaemonUser {
    /// `None` for a user that is not known any more.
    pub(super) fn uid(&self) -> Option<u32> {
        match self {
            Self::Own => Some(own()),
            Self::Uid(uid) => Some(*uid),
            Self::Named {
                user,
                group,
                look_up,
            } => {
                let identity = look_up(Some(user), group.as_deref()).ok()?;
                Some(identity.map_or_else(own, |identity| identity.uid))
            }
        }
    }

    /// Whether the daemon has the user of this process, so that no other user has its lock.
    pub(super) fn is_own(&self) -> bool {
        self.uid() == Some(own())
    }
}

pub(super) fn own() -> u32 {
    geteuid().as_raw()
}
