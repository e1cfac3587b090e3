//! The normal end of the process.

use std::sync::OnceLock;

static AT_EXIT: OnceLock<fn()> = OnceLock::new();

/// Calls a function at the normal end of the process, see `atexit(3)`. There is one such function.
pub(crate) fn at_exit(function: fn()) {
    if AT_EXIT.set(function).is_ok() {
        // SAFETY: the function stays valid for ever, since a daemon is a program and not a library
        // that could be unloaded. There is room for at least 32, says POSIX.
        unsafe { libc::atexit(run) };
    }
}

extern "C" fn run() {
    if let Some(function) = AT_EXIT.get() {
        function();
    }
}

/// Ends the process.
#[expect(
    clippy::exit,
    reason = "the launcher ends here, and what is the program's never begins"
)]
pub(crate) fn exit(status: u8) -> ! {
    std::process::exit(status.into())
}

/// Ends the process without its exit handlers, which are those of the program.
pub(crate) fn exit_at_once(status: u8) -> ! {
    // SAFETY: the call takes an integer.
    unsafe { libc::_exit(status.into()) }
}
