//! The two vfork-style clones: the children share the launcher's memory until they execute, so
//! that the cost does not grow with it, and the launcher's thread waits until then.
//!
//! Not every system that runs Linux programs does what these clones ask for. gVisor ignores
//! `CLONE_PARENT`, and qemu-user and valgrind make a plain fork of `CLONE_VM`. The children notice before
//! the exec, and the start ends with [`Refused::Unfit`] and without a daemon.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::os::fd::AsFd;
use std::process::ExitStatus;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, getppid};

use super::process;
use super::stack::Stack;
use crate::sys::child::{ExecStep, Failed, Plan, SpawnFailure};
use crate::sys::own_child::OwnChild;
use crate::sys::read;
use crate::sys::signals::Blocked;
use crate::sys::wait;

/// Why there is no daemon.
#[derive(Debug)]
pub(super) enum Refused {
    SpawnFailure(SpawnFailure),
    /// This system does not do what the clones ask for.
    Unfit,
}

impl From<SpawnFailure> for Refused {
    fn from(failure: SpawnFailure) -> Self {
        Self::SpawnFailure(failure)
    }
}

/// The intermediate process ends with this when the launcher has another pid of it.
const PID_MISMATCH: c_int = 1;

/// The daemon gives this process's memory back first, and closes the pipe a little later.
const REAP_TIMEOUT_MS: u16 = 10;

/// What the children run on, and what became of them.
///
/// When the intermediate process is killed, the launcher resumes while the daemon's side still runs
/// on this memory. So [`start`](Self::start) returns when no child can run on it any more.
#[derive(Debug)]
pub(super) struct Children {
    plan: Plan,
    launcher: Pid,
    failed_step: AtomicUsize,
    failed_errno: AtomicI32,
    /// Set by the intermediate process. Shared memory alone brings it to the launcher.
    has_begun: AtomicBool,
    /// Set by the daemon's side, for the intermediate process.
    has_begun_daemon: AtomicBool,
    /// The daemon's side found that it is not the launcher's child, and did nothing.
    is_strange: AtomicBool,
    /// The intermediate process has done what it is for, so the daemon has executed or died.
    is_released: AtomicBool,
    /// The pid of the intermediate process.
    intermediate: AtomicI32,
    /// The pid of the daemon, or 0 when it was not created.
    daemon: AtomicI32,
    stack: Stack,
}

impl Children {
    pub(super) fn new(plan: Plan) -> Result<Self, SpawnFailure> {
        let stack = Stack::new().map_err(|errno| SpawnFailure::Launcher("make a stack", errno))?;
        Ok(Self {
            plan,
            launcher: getpid(),
            failed_step: AtomicUsize::new(usize::MAX),
            failed_errno: AtomicI32::new(0),
            has_begun: AtomicBool::new(false),
            has_begun_daemon: AtomicBool::new(false),
            is_strange: AtomicBool::new(false),
            is_released: AtomicBool::new(false),
            intermediate: AtomicI32::new(0),
            daemon: AtomicI32::new(0),
            stack,
        })
    }

    pub(super) fn into_plan(self) -> Plan {
        self.plan
    }

    /// Starts the daemon, detached; returns when it executes the program.
    ///
    /// It is a child of this process, which must not ignore SIGCHLD. `keeps_leader` is for a process that
    /// ends its group later.
    pub(super) fn start(&self, keeps_leader: bool) -> Result<OwnChild, Refused> {
        let failed = |step| move |errno| SpawnFailure::Launcher(step, errno);
        let (alive, alive_in_children) =
            nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(failed("make a pipe"))?;
        let created = {
            // No handler of the launcher's may run in a child.
            let _blocked = Blocked::all().map_err(failed("block signals"))?;
            let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
            let (stack, pid) = (self.stack.of_intermediate(), &self.intermediate);
            clone(intermediate, stack, flags, pid, self)
        };
        drop(alive_in_children);
        let intermediate = match created {
            Ok(pid) => Pid::from_raw(pid),
            Err(Errno::EINVAL) => return Err(Refused::Unfit),
            Err(errno) => return Err(failed("create the intermediate process")(errno).into()),
        };
        // The pipe ends when the daemon has executed the program or died. If the intermediate
        // process was killed, only this pipe shows that. Otherwise do not block: a child that
        // another thread has forked may hold the pipe.
        if self.is_released.load(Ordering::Acquire) {
            let _ = poll(
                &mut [PollFd::new(alive.as_fd(), PollFlags::POLLIN)],
                REAP_TIMEOUT_MS,
            );
        } else {
            read::rest_of(&File::from(alive), usize::MAX).ok();
        }
        // The intermediate process is waited for last: it has hardly begun to end before. A
        // launcher that slept until its end could be woken after the whole start-up of the daemon.
        let leader = keeps_leader.then(|| process::open(intermediate).ok());
        let ended = wait::wait(intermediate);
        let daemon = self.judge(intermediate, ended)?;
        Ok(daemon.with_leader(leader.flatten()))
    }

    /// Asked when no child runs on this memory any more.
    fn judge(
        &self,
        intermediate: Pid,
        ended: Result<ExitStatus, Errno>,
    ) -> Result<OwnChild, Refused> {
        let exit_code = ended.ok().and_then(|ended| ended.code());
        if exit_code == Some(PID_MISMATCH) {
            return Err(SpawnFailure::PidMismatch.into());
        }
        let is_copy = exit_code.is_some() && !self.has_begun.load(Ordering::Acquire);
        if is_copy || self.is_strange.load(Ordering::Acquire) {
            return Err(Refused::Unfit);
        }
        let daemon = match self.daemon.load(Ordering::Acquire) {
            0 => None,
            pid => Some(Pid::from_raw(pid)),
        };
        match (self.failure(), daemon) {
            (None, Some(pid)) => Ok(OwnChild::new(pid, intermediate)),
            (Some(SpawnFailure::Child(ExecStep::SecondFork, Errno::EINVAL)), None) => {
                Err(Refused::Unfit)
            }
            (Some(failure), daemon) => {
                daemon.map(wait::wait);
                Err(failure.into())
            }
            (None, None) => Err(SpawnFailure::Intermediate(ended).into()),
        }
    }

    fn report(&self, failed: Failed) {
        self.failed_errno
            .store(failed.errno as i32, Ordering::Release);
        self.failed_step.store(failed.step, Ordering::Release);
    }

    fn failure(&self) -> Option<SpawnFailure> {
        let step = self.plan.step(self.failed_step.load(Ordering::Acquire))?;
        let errno = Errno::from_raw(self.failed_errno.load(Ordering::Acquire));
        Some(SpawnFailure::Child(step, errno))
    }
}

extern "C" fn intermediate(children: *mut c_void) -> c_int {
    // SAFETY: `clone` below is given a reference to these, which outlives this child.
    let children: &Children = unsafe { &*children.cast() };
    // The pid that the launcher has of this process, and so that of the daemon, would be another
    // process's in another PID namespace. In a copy of its memory, as valgrind makes one, it is 0.
    if children.intermediate.load(Ordering::Acquire) != getpid().as_raw() {
        let is_copy = getppid() == children.launcher;
        return if is_copy { 0 } else { PID_MISMATCH };
    }
    children.has_begun.store(true, Ordering::Release);
    let fork = || {
        children.plan.take_steps_before_fork()?;
        // CLONE_PARENT makes the daemon the launcher's own child, whose exact status it learns.
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PARENT;
        let flags = flags | libc::SIGCHLD;
        let (stack, pid) = (children.stack.of_daemon(), &children.daemon);
        clone(daemon, stack, flags, pid, children).map_err(|errno| children.plan.not_forked(errno))
    };
    match fork() {
        Err(failed) => children.report(failed),
        // It is a child of this process, and has ended.
        Ok(pid) if children.is_strange.load(Ordering::Acquire) => {
            let _ = wait::wait(Pid::from_raw(pid));
        }
        Ok(_) if children.has_begun_daemon.load(Ordering::Acquire) => {}
        // It was killed, or runs on a copy of this memory and so unknown to the launcher.
        Ok(pid) => {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            let _ = wait::wait(Pid::from_raw(pid));
        }
    }
    children.is_released.store(true, Ordering::Release);
    0
}

extern "C" fn daemon(children: *mut c_void) -> c_int {
    // SAFETY: `clone` below is given a reference to these, which outlives this child.
    let children: &Children = unsafe { &*children.cast() };
    children.has_begun_daemon.store(true, Ordering::Release);
    // The parent also differs when the launcher was killed: then no daemon is wanted any more.
    if getppid() != children.launcher {
        children.is_strange.store(true, Ordering::Release);
        return 0;
    }
    if let Err(failed) = children.plan.take_steps_after_fork() {
        children.report(failed);
    }
    0
}

/// `clone(2)`; the pid is stored before the child begins.
fn clone(
    child: extern "C" fn(*mut c_void) -> c_int,
    stack: *mut c_void,
    flags: c_int,
    pid: &AtomicI32,
    children: &Children,
) -> Result<i32, Errno> {
    let argument: *mut c_void = ptr::from_ref(children).cast_mut().cast();
    // SAFETY: the stack is aligned and used by this child alone; the child makes only system calls,
    // so it is indifferent to the locks and the allocator of the process whose memory it shares;
    // the launcher keeps what it is given until the child is gone, and writes through atomics alone.
    let pid = unsafe {
        libc::clone(
            child,
            stack,
            flags | libc::CLONE_PARENT_SETTID,
            argument,
            pid.as_ptr(),
        )
    };
    Errno::result(pid)
}
