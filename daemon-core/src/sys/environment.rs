//! The environment as it is: with entries that are not `NAME=value`, and in its order.

use std::ffi::{CStr, OsStr, c_char};

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// Every entry of the environment.
pub(crate) fn entries() -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    // SAFETY: `std::env::set_var` obliges its caller to make sure that no other thread reads the
    // environment.
    let mut next = unsafe { environ };
    // `clearenv(3)` may leave a null pointer.
    while !next.is_null() {
        // SAFETY: the list ends with a null pointer, at which we stop.
        let entry = unsafe { *next };
        if entry.is_null() {
            break;
        }
        // SAFETY: every entry is a C string.
        let mut bytes = unsafe { CStr::from_ptr(entry) }
            .to_bytes_with_nul()
            .to_vec();
        // Room for the NUL stays: most entries become C strings again.
        bytes.pop();
        entries.push(bytes);
        // SAFETY: this was not the end of the list.
        next = unsafe { next.add(1) };
    }
    entries
}

/// Sets or removes a variable, unless there is another thread, which might read it just now.
pub(crate) fn set(name: &OsStr, value: Option<&OsStr>) {
    if !has_one_thread() {
        return;
    }
    match value {
        // SAFETY: there is no other thread.
        Some(value) => unsafe { std::env::set_var(name, value) },
        // SAFETY: as above.
        None => unsafe { std::env::remove_var(name) },
    }
}

/// Whether this is the only thread of the process.
fn has_one_thread() -> bool {
    use std::os::unix::fs::MetadataExt;
    // A directory has one link from above, one from itself and one from each directory in it.
    std::fs::metadata("/proc/self/task").is_ok_and(|tasks| tasks.nlink() == 3)
}
