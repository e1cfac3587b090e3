//! How it is done on every Unix system but Linux. `sys/linux` has the same for Linux.

pub(super) mod descriptors;
pub(crate) mod files;
pub(crate) mod fork;
pub(crate) mod image;
pub(crate) mod lock;
pub(crate) mod process;
pub(super) mod signals;
pub(crate) mod socket;

pub(crate) use fork as launch;
