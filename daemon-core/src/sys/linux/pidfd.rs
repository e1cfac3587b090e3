//! Descriptors of processes. Unlike a pid, they never come to mean another process.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::sys::signals::Blocked;

/// `pidfd_open(2)`.
pub(crate) fn open(pid: Pid) -> Result<OwnedFd, Errno> {
    open_with(pid, 0)
}

/// The same for a thread, whose descriptors are there also when the first thread has ended. Linux has
/// it since 6.9.
pub(crate) fn open_task(id: Pid) -> Result<OwnedFd, Errno> {
    /// `PIDFD_THREAD` in the kernel's `pidfd.h`.
    const THREAD: libc::c_int = libc::O_EXCL;
    open_with(id, THREAD)
}

fn open_with(pid: Pid, flags: libc::c_int) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes integers.
    let pidfd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), flags) };
    let pidfd = i32::try_from(Errno::result(pidfd)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the system has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(pidfd) })
}

/// `pidfd_send_signal(2)`.
pub(crate) fn send_signal(pidfd: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    send_with(pidfd, signal, 0)
}

/// The same for the process group that this process leads, or has led: not even when it is reaped does
/// the pidfd come to mean another group. Linux has it since 6.9.
pub(crate) fn send_signal_to_group(pidfd: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    /// `PIDFD_SIGNAL_PROCESS_GROUP` in the kernel's `pidfd.h`.
    const PROCESS_GROUP: libc::c_uint = 1 << 2;
    send_with(pidfd, signal, PROCESS_GROUP)
}

fn send_with(pidfd: BorrowedFd<'_>, signal: i32, flags: libc::c_uint) -> Result<(), Errno> {
    let no_details = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the pidfd is open as long as it is borrowed, and a null pointer is allowed here.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal,
            no_details,
            flags,
        )
    };
    Errno::result(sent).map(drop)
}

/// `pidfd_getfd(2)`: a duplicate of a descriptor of that process, close-on-exec.
pub(crate) fn duplicate(pidfd: BorrowedFd<'_>, descriptor: RawFd) -> Result<OwnedFd, Errno> {
    static MAY_DUPLICATE: OnceLock<bool> = OnceLock::new();
    if !MAY_DUPLICATE.get_or_init(survives_duplicate) {
        return Err(Errno::EPERM);
    }
    // SAFETY: the call takes integers, and the pidfd is open as long as it is borrowed.
    let copy = unsafe { libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_raw_fd(), descriptor, 0) };
    let copy = i32::try_from(Errno::result(copy)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made this descriptor for this process.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Whether a process may call `pidfd_getfd(2)`: a filter can kill it for that, as that of a unit with
/// `SystemCallFilter=@system-service` does. Under a filter a child tries it.
fn survives_duplicate() -> bool {
    // SAFETY: the call takes integers.
    let mode = unsafe { libc::prctl(libc::PR_GET_SECCOMP, 0, 0, 0, 0) };
    if mode.unsigned_abs() != libc::SECCOMP_MODE_FILTER {
        return true;
    }
    // No handler of this process may run in the child.
    let Ok(_blocked) = Blocked::all() else {
        return false;
    };
    // A child that shared the memory would take this process with it: the kernel ends all that share the
    // memory of a process that dumps core.
    // SAFETY: the call takes integers: a copy of this process, whose end sends no signal. The copy makes
    // system calls alone, and none with memory.
    let child = unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) };
    if child == 0 {
        // SAFETY: the call takes integers. Without it the kernel would write a core dump.
        unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
        // SAFETY: the call takes integers, which name no descriptor.
        unsafe { libc::syscall(libc::SYS_pidfd_getfd, -1, -1, 0) };
        // SAFETY: the call ends this process and runs nothing of the program.
        unsafe { libc::_exit(0) };
    }
    let Ok(child) = i32::try_from(child) else {
        return false;
    };
    let mut status = 0;
    loop {
        // SAFETY: the status is written during the call.
        let waited = unsafe { libc::waitpid(child, &raw mut status, libc::__WALL) };
        if waited == child {
            return status == 0;
        }
        if Errno::last() != Errno::EINTR {
            return false;
        }
    }
}
