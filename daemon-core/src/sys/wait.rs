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

/// How the child ended, if it has, see `waitid(2)`. It stays a zombie, whose pid and process group no
/// other process can get.
pub(crate) fn peek(pid: Pid) -> Result<Option<ExitStatus>, Errno> {
    let id = libc::id_t::try_from(pid.as_raw()).map_err(|_| Errno::ECHILD)?;
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    let mut end = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: the end is written to a variable that lives longer than the call.
    let asked = unsafe { libc::waitid(libc::P_PID, id, end.as_mut_ptr(), flags) };
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

/// How the child ended, if it has; then no zombie of it is left.
pub(crate) fn try_wait(pid: Pid) -> Result<Option<ExitStatus>, Errno> {
    match wait_with(pid, libc::WNOHANG) {
        Err(Errno::EINTR) => Ok(None),
        other => other,
    }
}

/// Takes the status of each child that has ended, as the system does where SIGCHLD is ignored.
pub(crate) fn reap_all() {
    const ANY_CHILD: libc::pid_t = -1;
    // SAFETY: a null pointer means that no status is wanted.
    while unsafe { libc::waitpid(ANY_CHILD, std::ptr::null_mut(), libc::WNOHANG) } > 0 {}
}

fn wait_with(pid: Pid, flags: libc::c_int) -> Result<Option<ExitStatus>, Errno> {
    let mut status = 0;
    // SAFETY: the status is written to a variable that lives longer than the call.
    let ended = unsafe { libc::waitpid(pid.as_raw(), &raw mut status, flags) };
    let ended = Errno::result(ended)?;
    Ok((ended == pid.as_raw()).then(|| ExitStatus::from_raw(status)))
}
