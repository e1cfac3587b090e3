//! The number of rounds of a fault.

use std::env;

/// Some rounds usually, and all of them where `TEST_LONG` is set.
pub(crate) fn rounds(short: usize, long: usize) -> usize {
    if is_long() { long } else { short }
}

pub(crate) fn is_long() -> bool {
    env::var_os("TEST_LONG").is_some()
}
