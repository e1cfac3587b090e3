//! The two vfork-style clones: the children share the launcher's memory until they execute, so
//! that the cost does not grow with it, and the launcher's thread waits meanwhile.

use std::ffi::{c_int, c_void};
use std::ptr;

use nix::errno::Errno;
use nix::unistd::Pid;

use super::child::{Plan, Stack};

/// Starts the intermediate process, which starts the daemon as a child of this process.
///
/// All signals must be blocked, so that no handler of the launcher's runs in a child. Returns
/// when the intermediate process has ended, by whatever cause.
pub(crate) fn start(plan: &'static Plan) -> Result<Pid, Errno> {
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    clone(intermediate, &plan.intermediate_stack, flags, plan).map(Pid::from_raw)
}

extern "C" fn intermediate(plan: *mut c_void) -> c_int {
    // SAFETY: `clone` below is given a `&'static Plan` and nothing else.
    let plan: &'static Plan = unsafe { &*plan.cast() };
    if let Some(second_fork) = plan.play(0) {
        // CLONE_PARENT makes the daemon the launcher's own child, whose exact fate it learns.
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PARENT;
        let flags = flags | libc::CLONE_PARENT_SETTID | libc::SIGCHLD;
        if let Err(errno) = clone(daemon, &plan.daemon_stack, flags, plan) {
            plan.report(second_fork, errno);
        }
    }
    0
}

extern "C" fn daemon(plan: *mut c_void) -> c_int {
    // SAFETY: `clone` below is given a `&'static Plan` and nothing else.
    let plan: &'static Plan = unsafe { &*plan.cast() };
    plan.play(plan.second_fork() + 1);
    0
}

/// `clone(2)`; the daemon's pid is stored in the plan where the flags ask for it.
fn clone(
    child: extern "C" fn(*mut c_void) -> c_int,
    stack: &'static Stack,
    flags: c_int,
    plan: &'static Plan,
) -> Result<i32, Errno> {
    let argument: *mut c_void = ptr::from_ref(plan).cast_mut().cast();
    // SAFETY: the stack is leaked, aligned and used by this child alone; the child makes only
    // system calls, so it is indifferent to the locks and the allocator of the process whose
    // memory it shares; the plan lives for ever and is written through atomics alone.
    let pid = unsafe {
        libc::clone(
            child,
            stack.0.cast(),
            flags,
            argument,
            plan.daemon_pid().as_ptr(),
        )
    };
    Errno::result(pid)
}
