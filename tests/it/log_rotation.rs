//! Logs that are rotated under a daemon that writes.

mod by_size;
mod logrotate;
mod refusals;
mod reopening;
mod signal;
pub(crate) mod stage;
mod supervised;
mod trust;
