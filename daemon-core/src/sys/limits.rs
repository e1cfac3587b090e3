//! The limits of this process, see `getrlimit(2)`.

use nix::errno::Errno;

/// How many bytes a file may have that this process writes.
pub(crate) fn file_size() -> Result<libc::rlim_t, Errno> {
    read(|limit| {
        // SAFETY: the call writes the limit, which is borrowed.
        unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, limit) }
    })
}

/// Above all descriptors that this process can open.
#[cfg(not(all(target_os = "linux", not(daemon_fork))))]
pub(super) fn descriptors() -> Result<libc::rlim_t, Errno> {
    read(|limit| {
        // SAFETY: the call writes the limit, which is borrowed.
        unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, limit) }
    })
}

/// The systems differ in the type of the constants.
fn read(read: impl Fn(&mut libc::rlimit) -> libc::c_int) -> Result<libc::rlim_t, Errno> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    Errno::result(read(&mut limit))?;
    Ok(limit.rlim_cur)
}
