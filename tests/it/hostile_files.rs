//! Files that another user put in place of the PID file or the log: refused and untouched.
//!
//! The kernel has other protections (`fs.protected_symlinks` and the like, which see sticky
//! directories only); most places here are such that they do not apply, so that it is this program
//! that refuses.

pub(crate) mod file_systems;
mod files;
mod hard_links;
mod places;
mod races;
mod stage;
mod symbolic_links;
mod user_namespaces;
