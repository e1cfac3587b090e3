//! When the launcher may believe that the daemon is up: what each condition looks at.
//!
//! These modules only observe. How long to wait, and what follows from an answer, is the
//! launcher's business.

#[cfg(target_os = "linux")]
pub(crate) mod listening;
#[cfg(target_os = "linux")]
mod net_tables;
pub(crate) mod notify;
#[cfg(target_os = "linux")]
pub(crate) mod settled;
#[cfg(target_os = "linux")]
mod thread_state;
