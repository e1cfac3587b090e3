//! When the launcher may believe that the daemon is up: what each condition looks at.
//!
//! These modules only observe. How long to wait, and what follows from an answer, is the
//! launcher's business.

pub(crate) mod notify;
#[cfg(all(target_os = "linux", not(daemon_fork)))]
#[path = "linux/mod.rs"]
mod platform;
#[cfg(not(all(target_os = "linux", not(daemon_fork))))]
#[path = "unix/mod.rs"]
mod platform;

pub(crate) use platform::{listening, settled};
