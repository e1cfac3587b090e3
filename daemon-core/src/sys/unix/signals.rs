//! Signal dispositions, all of them.

use nix::errno::Errno;

/// No system has signals above this one.
const LAST: libc::c_int = 128;

/// Every signal back to its default, in the child.
pub(in crate::sys) fn reset_all() -> Result<(), Errno> {
    for signal in 1..=LAST {
        // SAFETY: the default action runs no code. The dispositions belong to the child alone,
        // which has no handler to lose.
        let before = unsafe { libc::signal(signal, libc::SIG_DFL) };
        // EINVAL: there is no such signal, its action cannot change, or the thread library of the
        // system reserves it.
        if before == libc::SIG_ERR && Errno::last() != Errno::EINVAL {
            return Err(Errno::last());
        }
    }
    Ok(())
}

/// What a thread library reserves is not known.
pub(in crate::sys) fn ignore_reserved() {}
