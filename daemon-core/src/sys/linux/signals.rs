//! Signal dispositions, all of them.

use std::ptr;

use nix::errno::Errno;

/// Every signal back to its default, in the child.
pub(in crate::sys) fn reset_all() -> Result<(), Errno> {
    // The kernel's own `struct sigaction`, which is zero for the default action whatever the
    // architecture's order of fields; not glibc's call, which refuses the two signals that it uses
    // itself, though a caller may have left them ignored.
    let default = [0_u64; 8];
    let size_of_set = if cfg!(target_arch = "mips") || cfg!(target_arch = "mips64") {
        16
    } else {
        8
    };
    for signal in 1..=64 {
        if signal == libc::SIGKILL || signal == libc::SIGSTOP {
            continue;
        }
        // SAFETY: the new action is larger than the kernel's structure, and the old one is not
        // asked for. The dispositions belong to the child alone, which has no handler to lose.
        let set = unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                ptr::null_mut::<u64>(),
                size_of_set,
            )
        };
        Errno::result(set)?;
    }
    Ok(())
}

/// Lets the signals do nothing that the C library keeps for itself, unless it has a handler for one:
/// another process can send them, and they end this one.
pub(in crate::sys) fn ignore_reserved() {
    // `struct sigaction` of the kernel begins with the handler.
    if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
        return;
    }
    let mut ignored = [0_usize; 16];
    let [handler, ..] = &mut ignored;
    *handler = libc::SIG_IGN;
    for signal in RESERVED {
        let mut before = [0_usize; 16];
        // SAFETY: no action is set, and the array is larger than the kernel's structure.
        let asked = unsafe { action(signal, ptr::null(), before.as_mut_ptr()) };
        let [handler, ..] = before;
        if asked == 0 && handler == libc::SIG_DFL {
            // SAFETY: no code runs on an ignored signal, and the old action is not asked for.
            unsafe { action(signal, ignored.as_ptr(), ptr::null_mut()) };
        }
    }
}

/// `SIGCANCEL` and `SIGSETXID` of glibc; musl has one more.
const RESERVED: [libc::c_int; 3] = [32, 33, 34];

unsafe fn action(signal: libc::c_int, new: *const usize, old: *mut usize) -> libc::c_long {
    // SAFETY: the caller gives null pointers, or arrays that are larger than the kernel's structure.
    unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, new, old, 8_usize) }
}
