//! The stacks of the children, each above a guard.

use std::ffi::c_void;
use std::ptr;

use nix::errno::Errno;

/// A library that stands in for `execve`, to log it, may need far more than the children themselves.
/// Pages that are not touched cost nothing.
const SIZE: usize = 1024 * 1024;

/// What needs even more ends its process here, instead of writing over the memory of the launcher.
/// One page would not do: a large array on a stack is written from its far end.
const GUARD: usize = 1024 * 1024;

/// A stack for one child at a time, see `mmap(2)`.
#[derive(Debug)]
pub(super) struct Stack(*mut c_void);

// SAFETY: the mapping belongs to no thread, and only the one child at a time uses it.
unsafe impl Send for Stack {}
// SAFETY: as above.
unsafe impl Sync for Stack {}

impl Stack {
    pub(super) fn new() -> Result<Self, Errno> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE;
        // SAFETY: the system chooses a place where nothing is.
        let lowest =
            unsafe { libc::mmap64(ptr::null_mut(), GUARD + SIZE, protection, flags, -1, 0) };
        if lowest == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let stack = Self(lowest);
        // SAFETY: this is the lower part of the mapping, which nothing refers to yet.
        let guarded = unsafe { libc::mprotect(lowest, GUARD, libc::PROT_NONE) };
        Errno::result(guarded).map(|_| stack)
    }

    /// A stack grows downwards from here.
    pub(super) fn end(&self) -> *mut c_void {
        self.0.wrapping_byte_add(GUARD + SIZE)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping is this stack's, and its child is gone.
        unsafe { libc::munmap(self.0, GUARD + SIZE) };
    }
}
