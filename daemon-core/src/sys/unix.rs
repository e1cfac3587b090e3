//! How it is done on every Unix system but Linux. `sys/linux` has the same for Linux.

pub(crate) mod call_timer;
pub(super) mod descriptors;
pub(crate) mod files;
pub(crate) mod image;
pub(crate) mod lock;
pub(crate) mod process;
pub(super) mod signals;
pub(crate) mod socket;

/// Starting the daemon: by forks.
pub(crate) mod launch {
    use crate::sys::child::{Plan, SpawnFailure};
    use crate::sys::fork;

    pub(crate) use crate::sys::started::Child;

    /// Starts the daemon, detached; returns when it executes the program.
    #[expect(clippy::needless_pass_by_value, reason = "Linux keeps it")]
    pub(crate) fn start(plan: Plan) -> Result<Child, SpawnFailure> {
        fork::start(&plan).map(Child::Forked)
    }

    /// As [`start`]; and the daemon is a child of this process.
    #[expect(clippy::needless_pass_by_value, reason = "Linux keeps it")]
    pub(crate) fn start_own_child(plan: Plan) -> Result<Child, SpawnFailure> {
        fork::start_own_child(&plan).map(Child::Own)
    }
}
