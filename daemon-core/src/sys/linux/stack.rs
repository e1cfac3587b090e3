//! The stack of the children, above a guard.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use nix::errno::Errno;

/// A library that stands in for `execve`, to log it, may need far more than the children themselves.
/// Pages that are not touched cost nothing.
const SIZE: usize = 1024 * 1024;

/// What needs even more ends its process here, instead of writing over the memory of the launcher.
/// One page would not do: a large array on a stack is written from its far end.
const GUARD: usize = 1024 * 1024;

/// What the intermediate process has of it. It makes a handful of system calls, and waits while the
/// daemon's side runs on what is below.
const OF_INTERMEDIATE: usize = 64 * 1024;

/// The one that waits for the next launch. To unmap it costs an interrupt of the processor on which the
/// children ran.
static SPARE: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// A stack for the children of one launch, one of which runs at a time, see `mmap(2)`.
#[derive(Debug)]
pub(super) struct Stack {
    lowest: *mut c_void,
}

// SAFETY: the mapping belongs to no thread, and each child uses its own part.
unsafe impl Send for Stack {}
// SAFETY: as above.
unsafe impl Sync for Stack {}

impl Stack {
    pub(super) fn new() -> Result<Self, Errno> {
        let lowest = SPARE.swap(ptr::null_mut(), Ordering::AcqRel);
        if !lowest.is_null() {
            return Ok(Self { lowest });
        }
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE;
        // SAFETY: the system chooses a place where nothing is.
        let lowest =
            unsafe { libc::mmap64(ptr::null_mut(), GUARD + SIZE, protection, flags, -1, 0) };
        if lowest == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        // SAFETY: this is the lower part of the mapping, which nothing refers to yet.
        let guarded = unsafe { libc::mprotect(lowest, GUARD, libc::PROT_NONE) };
        if let Err(errno) = Errno::result(guarded) {
            unmap(lowest);
            return Err(errno);
        }
        Ok(Self { lowest })
    }

    /// Where the stack of the intermediate process begins. It grows downwards.
    pub(super) fn of_intermediate(&self) -> *mut c_void {
        self.lowest.wrapping_byte_add(GUARD + SIZE)
    }

    /// The same for the daemon's side.
    pub(super) fn of_daemon(&self) -> *mut c_void {
        self.of_intermediate().wrapping_byte_sub(OF_INTERMEDIATE)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let (empty, order) = (ptr::null_mut(), Ordering::AcqRel);
        let kept = SPARE.compare_exchange(empty, self.lowest, order, Ordering::Relaxed);
        if kept.is_err() {
            unmap(self.lowest);
        }
    }
}

fn unmap(lowest: *mut c_void) {
    // SAFETY: the mapping has this length, and nothing uses it any more.
    unsafe { libc::munmap(lowest, GUARD + SIZE) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_is_kept_for_the_next_launch() -> Result<(), Errno> {
        let first = Stack::new()?;
        // Another launch at the same time has its own.
        let second = Stack::new()?;
        let [one, other] = [&first, &second].map(|stack| stack.lowest);
        assert_ne!(one, other);
        drop(first);
        drop(second);
        assert_eq!(SPARE.load(Ordering::Acquire), one);
        assert_eq!(Stack::new()?.lowest, one);
        Ok(())
    }
}
