//! The time of day where the user lives.

use std::time::{SystemTime, UNIX_EPOCH};

/// The fields of a local time, see `localtime_r(3)`.
pub(crate) fn fields(time: SystemTime) -> Option<libc::tm> {
    let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    let seconds = seconds.try_into().ok()?;
    // SAFETY: every field of the structure is a number or a pointer, for which zero is a value.
    let mut fields = unsafe { std::mem::zeroed() };
    // SAFETY: both places are valid. It reads `TZ`, and `std::env::set_var` obliges its caller to make
    // sure that no other thread reads the environment.
    let filled = unsafe { libc::localtime_r(&raw const seconds, &raw mut fields) };
    (!filled.is_null()).then_some(fields)
}
