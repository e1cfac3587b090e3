//! Waiting with a deadline.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::failures;

/// The longest wait. It is long, since the machine may be slow and busy, and only
/// a test that fails waits so long.
pub(crate) const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

/// Polls until there is a result. Fails the test if that takes too long, or if a
/// step of a program has failed in the meantime.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        let begin = Instant::now();
        if let Some(found) = look() {
            return found;
        }
        failures::expect_no_failed_step();
        assert!(
            start.elapsed() < WAIT_TIMEOUT,
            "waited too long until {what}"
        );
        // What is waited for needs the processor too.
        thread::sleep(begin.elapsed().max(Duration::from_millis(2)));
    }
}

/// Sets the flag when it is dropped, for threads that a scope waits for, also when an
/// assertion in it fails.
pub(crate) struct End<'a>(pub(crate) &'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
