//! When the launcher may believe that the daemon is up: what each condition looks at.
//!
//! These modules only observe. How long to wait, and what follows from an answer, is the
//! launcher's business.

pub(crate) mod notify;
#[cfg(target_os = "linux")]
pub(crate) mod settled;
#[cfg(target_os = "linux")]
mod thread_state;
