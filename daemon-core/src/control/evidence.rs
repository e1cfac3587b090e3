//! Why a process is taken for the daemon, and what must be true of it then.

use std::time::Duration;

use crate::lock::Proof;

/// A daemon makes its stamp and writes its pid right after its start.
const START_TIME_TOLERANCE: Duration = Duration::from_secs(2);

/// Why a process is taken for the daemon, or for its supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// It is seen to hold the lock.
    Seen,
    /// As before, and it has the name of a supervisor.
    SeenSupervisor,
    /// It is the parent of a run that is certain.
    Parent,
    /// The file names it, and nothing contradicts that.
    Named,
    /// As before, and it has the name of a supervisor. It starts before its runs, and each run makes
    /// a new stamp.
    NamedSupervisor,
}

impl From<Proof> for Evidence {
    fn from(proof: Proof) -> Self {
        match proof {
            Proof::Seen => Self::Seen,
            Proof::Unrefuted => Self::Named,
        }
    }
}

impl Evidence {
    /// Whether a process with this start can have made this stamp, or started the run that has.
    pub(super) fn fits(self, start: Duration, stamp: Duration) -> bool {
        match self {
            Self::Seen | Self::SeenSupervisor | Self::Parent => true,
            Self::Named => start.abs_diff(stamp) < START_TIME_TOLERANCE,
            Self::NamedSupervisor => start < stamp + START_TIME_TOLERANCE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supervisor_may_be_older_than_the_stamp() {
        let stamp = Duration::from_secs(100);
        for (start, named, supervisor) in [
            (0, false, true),
            (99, true, true),
            (101, true, true),
            (102, false, false),
        ] {
            let start = Duration::from_secs(start);
            assert_eq!(Evidence::Named.fits(start, stamp), named, "{start:?}");
            let fits = Evidence::NamedSupervisor.fits(start, stamp);
            assert_eq!(fits, supervisor, "{start:?}");
        }
    }
}
