//! Random numbers.

use nix::errno::Errno;

/// A number that no other user can guess, see `getrandom(2)`. The hasher of the standard library has one
/// too, and would add 2 KiB to a small program.
pub(crate) fn number() -> Result<u64, Errno> {
    let mut number = 0_u64;
    let place = &raw mut number;
    // SAFETY: the kernel writes at most the bytes of the number.
    let written = unsafe { libc::syscall(libc::SYS_getrandom, place, size_of::<u64>(), 0) };
    Errno::result(written)?;
    Ok(number)
}
