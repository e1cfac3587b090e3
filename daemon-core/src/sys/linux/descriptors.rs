//! Closing what the daemon does not get.

use std::os::fd::RawFd;

use nix::errno::Errno;

use crate::sys::descriptors::close_on_exec;

const FIRST_AFTER_STANDARD_STREAMS: RawFd = 3;

/// Everything above the standard streams; the system knows what that is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FdsToClose;

impl FdsToClose {
    pub(crate) fn by_this_process() -> Self {
        Self
    }

    /// Everything is closed by the next exec, in the child.
    #[expect(clippy::unused_self, reason = "other systems must remember a list")]
    pub(in crate::sys) fn close_on_exec(self) -> Result<(), Errno> {
        close_on_exec_from(FIRST_AFTER_STANDARD_STREAMS)
    }
}

fn close_on_exec_from(first: RawFd) -> Result<(), Errno> {
    // SAFETY: the call takes integers; the flags belong to the child's own table.
    let done = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    match Errno::result(done) {
        Ok(_) => Ok(()),
        // Kernels before 5.11, and containers whose filter does not know the call: both ENOSYS
        // and EPERM are seen.
        Err(_) => close_on_exec_one_by_one(first),
    }
}

/// The same by the list in `/proc`: the limit on descriptors may be a thousand million, so it is
/// never counted up to.
fn close_on_exec_one_by_one(first: RawFd) -> Result<(), Errno> {
    const HEADER: usize = 19;
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
    // SAFETY: the path ends with a NUL byte.
    let list = unsafe { libc::open64(c"/proc/self/fd".as_ptr(), flags) };
    let list = Errno::result(list)?;
    let mut entries = [0_u8; 4096];
    loop {
        // SAFETY: the pointer and the length are those of the array.
        let length = unsafe {
            libc::syscall(
                libc::SYS_getdents64,
                list,
                entries.as_mut_ptr(),
                entries.len(),
            )
        };
        let length = usize::try_from(Errno::result(length)?).unwrap_or_default();
        if length == 0 {
            // The list itself is closed by the exec like the rest.
            return Ok(());
        }
        let mut rest = entries.get(..length).unwrap_or_default();
        // `struct linux_dirent64`: 16 bytes, the length of the entry, a type, the name.
        while let Some([low, high]) = rest.get(16..18) {
            let size = usize::from(u16::from_ne_bytes([*low, *high]));
            if let Some(descriptor) = descriptor_of(rest.get(HEADER..size).unwrap_or_default()) {
                if descriptor >= first {
                    close_on_exec(descriptor)?;
                }
            }
            rest = rest.get(size..).unwrap_or_default();
        }
    }
}

/// The descriptor that a name in `/proc/self/fd` stands for, up to its NUL byte.
fn descriptor_of(name: &[u8]) -> Option<RawFd> {
    let mut value: RawFd = 0;
    for byte in name.iter().take_while(|byte| **byte != 0) {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value = value.checked_mul(10)?.checked_add(RawFd::from(digit))?;
    }
    Some(value)
}
