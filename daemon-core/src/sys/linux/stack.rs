//! The stacks of the children, each above a guard.

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

/// Those that wait for the next launch. To unmap one costs an interrupt of the processor on which its
/// child ran.
static SPARE: [AtomicPtr<c_void>; 2] = [const { AtomicPtr::new(ptr::null_mut()) }; 2];

/// A stack for one child at a time, see `mmap(2)`.
#[derive(Debug)]
pub(super) struct Stack {
    lowest: *mut c_void,
    is_kept: bool,
}

// SAFETY: the mapping belongs to no thread, and only the one child at a time uses it.
unsafe impl Send for Stack {}
// SAFETY: as above.
unsafe impl Sync for Stack {}

impl Stack {
    /// A process that launches again and again keeps its stacks for the next launch.
    pub(super) fn new(is_kept: bool) -> Result<Self, Errno> {
        if is_kept {
            for place in &SPARE {
                let lowest = place.swap(ptr::null_mut(), Ordering::AcqRel);
                if !lowest.is_null() {
                    return Ok(Self { lowest, is_kept });
                }
            }
        }
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE;
        // SAFETY: the system chooses a place where nothing is.
        let lowest =
            unsafe { libc::mmap64(ptr::null_mut(), GUARD + SIZE, protection, flags, -1, 0) };
        if lowest == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let mut stack = Self {
            lowest,
            is_kept: false,
        };
        // SAFETY: this is the lower part of the mapping, which nothing refers to yet.
        let guarded = unsafe { libc::mprotect(lowest, GUARD, libc::PROT_NONE) };
        Errno::result(guarded)?;
        stack.is_kept = is_kept;
        Ok(stack)
    }

    /// A stack grows downwards from here.
    pub(super) fn end(&self) -> *mut c_void {
        self.lowest.wrapping_byte_add(GUARD + SIZE)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let is_put_back = self.is_kept
            && SPARE.iter().any(|place| {
                let (empty, order) = (ptr::null_mut(), Ordering::AcqRel);
                let put = place.compare_exchange(empty, self.lowest, order, Ordering::Relaxed);
                put.is_ok()
            });
        if !is_put_back {
            // SAFETY: the mapping is this stack's, and its child is gone.
            unsafe { libc::munmap(self.lowest, GUARD + SIZE) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_are_kept_for_the_next_launch() -> Result<(), Errno> {
        let launch = || -> Result<_, Errno> {
            let stacks = [Stack::new(true)?, Stack::new(true)?];
            let mut ends = stacks.each_ref().map(Stack::end);
            ends.sort_unstable();
            Ok(ends)
        };
        let [low, high] = launch()?;
        // Something else takes the place of what is unmapped.
        let _other = [Stack::new(false)?, Stack::new(false)?];
        assert_ne!(low, high);
        assert_eq!(launch()?, [low, high]);
        Ok(())
    }
}
