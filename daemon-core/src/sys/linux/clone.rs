//! The two vfork-style clones: the children share the launcher's memory until they execute, so
//! that the cost does not grow with it, and the launcher's thread waits meanwhile.

use std::cell::OnceCell;
use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitStatus;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpid};

use super::pidfd;
use crate::sys::child::{Failed, Failure, Plan};
use crate::sys::signals::Blocked;
use crate::sys::wait;

/// The daemon, a child of this process, until its end has been seen.
///
/// Nobody else can be given its pid meanwhile, unless another thread of the program waits for every
/// child. So [`try_wait`](Self::try_wait) is asked before [`end`](Self::end) and [`send`](Self::send).
#[derive(Debug)]
pub(crate) struct Child {
    pid: Pid,
    /// Opened when it is asked for: a start that waits for nothing but the exec does without.
    pidfd: OnceCell<Option<OwnedFd>>,
}

impl Child {
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// What is readable once it has ended, where the system has it.
    pub(crate) fn end(&self) -> Option<BorrowedFd<'_>> {
        let pidfd = self.pidfd.get_or_init(|| pidfd::open(self.pid).ok());
        pidfd.as_ref().map(AsFd::as_fd)
    }

    /// How it ended, if it has.
    pub(crate) fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        Ok(wait::try_wait(self.pid)?)
    }

    pub(crate) fn send(&self, signal: Signal) {
        let sent = match self.end() {
            Some(pidfd) => pidfd::send_signal(pidfd, signal as i32),
            None => Err(Errno::ENOSYS),
        };
        // It may have ended, which is what is wanted. Else a filter may deny the one call.
        if sent.is_err_and(|errno| errno != Errno::ESRCH) {
            let _ = nix::sys::signal::kill(self.pid, signal);
        }
    }
}

/// With this the intermediate process ends that is not known here by its own number.
const PID_MISMATCH: c_int = 1;

/// The daemon gives this process's memory back first, and closes the pipe a little later.
const REAP_TIMEOUT_MS: u16 = 10;

/// Starts the daemon, detached; returns when it executes the program.
///
/// It is a child of this process, which must not ignore SIGCHLD.
pub(crate) fn start(plan: Plan) -> Result<Child, Failure> {
    let failed = |step| move |errno| Failure::Launcher(step, errno);
    let children = Children::new(plan);
    let (alive, alive_in_children) =
        nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(failed("make a pipe"))?;
    let intermediate = {
        // No handler of the launcher's may run in a child.
        let _blocked = Blocked::all().map_err(failed("block signals"))?;
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        let pid = &children.intermediate;
        clone(
            intermediate,
            &children.intermediate_stack,
            flags,
            pid,
            children,
        )
    };
    drop(alive_in_children);
    let intermediate = intermediate.map_err(failed("create the intermediate process"))?;
    let daemon = match children.daemon.load(Ordering::Acquire) {
        0 => None,
        pid => Some(Pid::from_raw(pid)),
    };
    // The pipe ends when the daemon has executed the program or died. If someone killed the
    // intermediate process, nothing else tells. If not, it is as good as done, and only a child that
    // another thread of ours has forked meanwhile could keep the pipe open.
    if children.is_released.load(Ordering::Acquire) {
        let _ = poll(
            &mut [PollFd::new(alive.as_fd(), PollFlags::POLLIN)],
            REAP_TIMEOUT_MS,
        );
    } else {
        File::from(alive).read_to_end(&mut Vec::new()).ok();
    }
    // After that, since it has hardly begun to end now: who sleeps until it has may find that the
    // daemon runs first, with all of its start-up.
    let fate = wait::wait(Pid::from_raw(intermediate));
    match (children.failure(), daemon) {
        (None, Some(pid)) => Ok(Child {
            pid,
            pidfd: OnceCell::new(),
        }),
        (Some(failure), daemon) => {
            daemon.map(wait::wait);
            Err(failure)
        }
        (None, None) if fate.is_ok_and(|fate| fate.code() == Some(PID_MISMATCH)) => {
            Err(Failure::PidMismatch)
        }
        (None, None) => Err(Failure::Intermediate(fate)),
    }
}

/// What the children run on, and what became of them.
///
/// It is leaked on purpose: when the intermediate process is killed, the launcher resumes while
/// the daemon's side still runs on this memory.
struct Children {
    plan: Plan,
    failed_step: AtomicUsize,
    failed_errno: AtomicI32,
    /// The intermediate process has done what it is for, so the daemon has executed or died.
    is_released: AtomicBool,
    /// The pid of the intermediate process.
    intermediate: AtomicI32,
    /// The pid of the daemon, or 0 when it was not created.
    daemon: AtomicI32,
    intermediate_stack: Stack,
    daemon_stack: Stack,
}

impl Children {
    fn new(plan: Plan) -> &'static Self {
        Box::leak(Box::new(Self {
            plan,
            failed_step: AtomicUsize::new(usize::MAX),
            failed_errno: AtomicI32::new(0),
            is_released: AtomicBool::new(false),
            intermediate: AtomicI32::new(0),
            daemon: AtomicI32::new(0),
            intermediate_stack: Stack::new(),
            daemon_stack: Stack::new(),
        }))
    }

    fn report(&self, failed: Failed) {
        self.failed_errno
            .store(failed.errno as i32, Ordering::Release);
        self.failed_step.store(failed.step, Ordering::Release);
    }

    /// To be asked only when no child runs on this memory.
    fn failure(&self) -> Option<Failure> {
        let step = self.plan.step(self.failed_step.load(Ordering::Acquire))?;
        let errno = Errno::from_raw(self.failed_errno.load(Ordering::Acquire));
        Some(Failure::Child(step, errno))
    }
}

/// The end of a stack for one child, leaked like the rest.
struct Stack(*mut MaybeUninit<u128>);

// SAFETY: the pointer is only handed to the one `clone` that the stack is for.
unsafe impl Sync for Stack {}

impl Stack {
    /// Enough for the deepest call of a child by a factor of ten; untouched pages cost nothing.
    const STACK_SIZE: usize = 64 * 1024;

    fn new() -> Self {
        // Uninitialized, since filling it with zeros would touch every page.
        let stack = Box::new_uninit_slice(Self::STACK_SIZE / size_of::<u128>());
        Self(Box::leak(stack).as_mut_ptr_range().end)
    }
}

extern "C" fn intermediate(children: *mut c_void) -> c_int {
    // SAFETY: `clone` below is given a `&'static Children` and nothing else.
    let children: &'static Children = unsafe { &*children.cast() };
    // The number that the launcher has of this process, and so that of the daemon, would be somebody
    // else's in another pid namespace; and in a copy of its memory, as valgrind makes one, none is.
    if children.intermediate.load(Ordering::Acquire) != getpid().as_raw() {
        return PID_MISMATCH;
    }
    let fork = || {
        children.plan.take_steps_before_fork()?;
        // CLONE_PARENT makes the daemon the launcher's own child, whose exact fate it learns.
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PARENT;
        let flags = flags | libc::SIGCHLD;
        clone(
            daemon,
            &children.daemon_stack,
            flags,
            &children.daemon,
            children,
        )
        .map_err(|errno| children.plan.not_forked(errno))
    };
    if let Err(failed) = fork() {
        children.report(failed);
    }
    children.is_released.store(true, Ordering::Release);
    0
}

extern "C" fn daemon(children: *mut c_void) -> c_int {
    // SAFETY: `clone` below is given a `&'static Children` and nothing else.
    let children: &'static Children = unsafe { &*children.cast() };
    if let Err(failed) = children.plan.take_steps_after_fork() {
        children.report(failed);
    }
    0
}

/// `clone(2)`; the pid is stored before the child begins.
fn clone(
    child: extern "C" fn(*mut c_void) -> c_int,
    stack: &'static Stack,
    flags: c_int,
    pid: &'static AtomicI32,
    children: &'static Children,
) -> Result<i32, Errno> {
    let argument: *mut c_void = ptr::from_ref(children).cast_mut().cast();
    // SAFETY: the stack is leaked, aligned and used by this child alone; the child makes only
    // system calls, so it is indifferent to the locks and the allocator of the process whose
    // memory it shares; what it is given lives for ever and is written through atomics alone.
    let pid = unsafe {
        libc::clone(
            child,
            stack.0.cast(),
            flags | libc::CLONE_PARENT_SETTID,
            argument,
            pid.as_ptr(),
        )
    };
    Errno::result(pid)
}
