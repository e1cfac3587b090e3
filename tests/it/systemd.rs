//! Under systemd in new namespaces: as the manager of a user, and as process 1.

mod machine;
mod sessions;
mod system;
mod system_log;
mod unit;
mod unit_at_boot;
mod user;

use crate::support::outcome::Outcome;
use crate::support::requires;

/// What the scripts exit with where there can be no manager.
const IMPOSSIBLE: i32 = 77;

/// Whether there was a manager. Where the tests are strict, none is a failure.
#[allow(clippy::print_stderr, reason = "a test that fails shows it")]
fn is_possible(outcome: &Outcome, what: &str, log: &str) -> bool {
    if outcome.code() != IMPOSSIBLE {
        return true;
    }
    eprintln!("{what}: {outcome:?}\n{log}");
    requires::skip(what)
}
