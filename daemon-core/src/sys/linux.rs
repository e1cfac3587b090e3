//! How it is done on Linux. `sys/unix` has the same for all other systems.

pub(crate) mod call_timer;
pub(crate) mod clock;
mod clone;
pub(super) mod descriptors;
pub(crate) mod files;
pub(crate) mod image;
pub(crate) mod launch;
pub(crate) mod lock;
mod pidfd;
pub(crate) mod process;
pub(crate) mod random;
pub(super) mod signals;
pub(crate) mod socket;
mod stack;
