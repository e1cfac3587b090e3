//! Logs that are rotated under a daemon that writes.

mod logrotate;
mod refusals;
mod reopening;
mod signal;
pub(crate) mod stage;
