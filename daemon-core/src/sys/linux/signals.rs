//! Signal dispositions, all of them.

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
                std::ptr::null_mut::<u64>(),
                size_of_set,
            )
        };
        Errno::result(set)?;
    }
    Ok(())
}
