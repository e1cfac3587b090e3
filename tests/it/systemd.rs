//! Under systemd in new namespaces: as the manager of a user, and as process 1.

mod machine;
mod system;
mod unit;
mod unit_at_boot;
mod user;

/// What the scripts exit with where there can be no manager.
const IMPOSSIBLE: i32 = 77;
