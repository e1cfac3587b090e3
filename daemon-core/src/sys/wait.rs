//! Waiting for a child. Not with `nix`, whose signals have no real-time ones to be killed by.

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

/// How the child ended, if it has.
pub(crate) fn try_wait(pid: Pid) -> Result<Option<ExitStatus>, Errno> {
    match wait_with(pid, libc::WNOHANG) {
        Err(Errno::EINTR) => Ok(None),
        other => other,
    }
}

fn wait_with(pid: Pid, flags: libc::c_int) -> Result<Option<ExitStatus>, Errno> {
    let mut status = 0;
    // SAFETY: the status is written to a variable that lives longer than the call.
    let ended = unsafe { libc::waitpid(pid.as_raw(), &raw mut status, flags) };
    let ended = Errno::result(ended)?;
    Ok((ended == pid.as_raw()).then(|| ExitStatus::from_raw(status)))
}
