//! The number of rounds of a fault.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, thread};

/// Some rounds usually, and all of them where `TEST_LONG` is set.
pub(crate) fn rounds(short: usize, long: usize) -> usize {
    if is_long() { long } else { short }
}

pub(crate) fn is_long() -> bool {
    env::var_os("TEST_LONG").is_some()
}

/// Whether the tests run that take minutes: in their short form where `TEST_SOAK` is set.
pub(crate) fn is_soak() -> bool {
    is_long() || env::var_os("TEST_SOAK").is_some()
}

/// Counts from 1 in several threads, since most of a launch is waiting, until a round of each thread
/// returns false. Returns the number of rounds that returned true.
pub(crate) fn count_in_threads(round: impl Fn(usize) -> bool + Sync) -> usize {
    let (next, done) = (AtomicUsize::new(1), AtomicUsize::new(0));
    let worker = || {
        while round(next.fetch_add(1, Ordering::Relaxed)) {
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(worker);
        }
    });
    done.into_inner()
}
