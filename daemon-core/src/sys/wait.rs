//! Waiting for a child. Not with `nix`: its `Signal` has no real-time signals.

use std::mem::MaybeUninit;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::errno::Errno;
use nix::unistd::Pid;

/// Waits until the child has ended, of whatever kind it is, see `waitpid(2)`.
pub(crate) fn wait(pid: Pid) -> Result<ExitStatus, Errno> {
    loop {
        match wait_with(pid, 0) {
            Ok(Some(status)) => return Ok(status),
            Ok(None) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// How the child ended, if it has. It stays a zombie, whose pid and process group no other process can
/// get.
pub(crate) fn peek(pid: Pid) -> Result<Option<ExitStatus>, Errno> {
    wait_with(pid, libc::WNOHANG | libc::WNOWAIT)
}

/// How the child ended, if it has; then no zombie of it is left.
pub(crate) fn try_wait(pid: Pid) -> Result<Option<ExitStatus>, Errno> {
    match wait_with(pid, libc::WNOHANG) {
        Err(Errno::EINTR) => Ok(None),
        other => other,
    }
}

/// Takes the status of each child that has ended, as the system does where SIGCHLD is ignored.
pub(crate) fn reap_all() {
    while let Ok(Some(_)) = wait_for(libc::P_ALL, 0, libc::WNOHANG) {}
}

fn wait_with(pid: Pid, flags: libc::c_int) -> Result<Option<ExitStatus>, Errno> {
    let id = libc::id_t::try_from(pid.as_raw()).map_err(|_| Errno::ECHILD)?;
    wait_for(libc::P_PID, id, flags)
}

/// `waitid(2)`, which can leave the zombie.
#[inline(never)] // each use would have its own copy
fn wait_for(
    kind: libc::idtype_t,
    id: libc::id_t,
    flags: libc::c_int,
) -> Result<Option<ExitStatus>, Errno> {
    let mut end = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: the end is written to a variable that lives longer than the call.
    let asked = unsafe { libc::waitid(kind, id, end.as_mut_ptr(), flags | libc::WEXITED) };
    Errno::result(asked)?;
    // SAFETY: zeros are a value of this structure of integers, and the call has written the rest.
    let end = unsafe { end.assume_init() };
    // SAFETY: every end of a child has this field.
    if unsafe { end.si_pid() } == 0 {
        return Ok(None);
    }
    // SAFETY: as above.
    let status = unsafe { end.si_status() };
    // As `waitpid(2)` has it.
    let status = match end.si_code {
        libc::CLD_EXITED => (status & 0xff) << 8,
        libc::CLD_DUMPED => status | 0x80,
        _ => status,
    };
    Ok(Some(ExitStatus::from_raw(status)))
}
