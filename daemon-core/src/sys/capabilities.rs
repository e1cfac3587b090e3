//! What a change of ids does not take away on Linux: capability sets and the session keyring.

use nix::errno::Errno;

/// Clears the inheritable set, which an exec of a file with inheritable capabilities would turn into
/// rights. Fails with `EPERM` where another set of this thread is not empty: `PR_SET_KEEPCAPS` and
/// `SECBIT_NO_SETUID_FIXUP` keep the permitted set. See `capabilities(7)`.
#[cfg(target_os = "linux")]
pub(crate) fn clear_inheritable() -> Result<(), Errno> {
    let mut sets = read()?;
    if sets
        .iter()
        .any(|half| half.permitted != 0 || half.effective != 0)
    {
        return Err(Errno::EPERM);
    }
    for half in &mut sets {
        half.inheritable = 0;
    }
    // SAFETY: the header and the sets are those of the version in the header.
    let set = unsafe { libc::syscall(libc::SYS_capset, &raw const HEADER, sets.as_ptr()) };
    Errno::result(set)?;
    if read()?.iter().any(|half| half.inheritable != 0) {
        return Err(Errno::EPERM);
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn read() -> Result<[Half; 2], Errno> {
    let mut sets = [Half::default(); 2];
    // SAFETY: the call writes two halves for the version in the header.
    let got = unsafe { libc::syscall(libc::SYS_capget, &raw const HEADER, sets.as_mut_ptr()) };
    Errno::result(got)?;
    Ok(sets)
}

/// `struct __user_cap_header_struct`: the third version, and this thread.
#[cfg(target_os = "linux")]
static HEADER: [u32; 2] = [0x2008_0522, 0];

/// `struct __user_cap_data_struct`: 32 of the capabilities.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Half {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Gives this thread a new, empty session keyring in place of the caller's, see `keyctl(2)`. Where the
/// kernel has no keys or the container denies the call, this process cannot use them either.
#[cfg(target_os = "linux")]
pub(crate) fn leave_session_keyring() -> Result<(), Errno> {
    const JOIN_SESSION_KEYRING: libc::c_ulong = 1;
    let anonymous = std::ptr::null::<libc::c_char>();
    // SAFETY: a null pointer asks for a keyring without a name.
    let joined = unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, anonymous) };
    match Errno::result(joined) {
        Ok(_) | Err(Errno::ENOSYS | Errno::EPERM) => Ok(()),
        Err(errno) => Err(errno),
    }
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "Linux has capabilities")]
pub(crate) fn clear_inheritable() -> Result<(), Errno> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "Linux has keyrings")]
pub(crate) fn leave_session_keyring() -> Result<(), Errno> {
    Ok(())
}
