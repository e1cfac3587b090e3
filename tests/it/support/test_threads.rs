//! More tests at once than processors: most of a test is waiting.

use std::{env, thread};

const TEST_THREADS: &str = "RUST_TEST_THREADS";

/// The test harness reads the variable when `main` begins. A number of its user counts.
#[used]
// SAFETY: the loader calls the functions of this section before `main`, and this one takes no arguments.
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = set_test_threads;

extern "C" fn set_test_threads() {
    if env::var_os(TEST_THREADS).is_none() {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        // SAFETY: there is one thread before `main`.
        unsafe { env::set_var(TEST_THREADS, (2 * processors).to_string()) };
    }
}
