//! What happens between clone and exec, in a process that shares the launcher's memory.
//!
//! Only system calls are made here, and only those that `signal-safety(7)` lists or that are as
//! thin: nothing allocates, locks, formats or panics, and nothing is written but the atomics of
//! the [`Plan`] and the stack. So a plan is all the child ever sees: plain numbers and pointers
//! that the launcher prepared.

use std::ffi::{CStr, CString, c_char};
use std::os::fd::RawFd;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicUsize, Ordering};

use nix::errno::Errno;

const FIRST_AFTER_STANDARD_STREAMS: RawFd = 3;

/// The number of digits of the largest pid, and the newline.
pub(crate) const PID_LINE: usize = 11;

/// One thing that is done between clone and exec.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// `setsid(2)`, in the intermediate process.
    NewSession,
    /// The intermediate process ends with this; the daemon begins after it.
    SecondFork,
    /// Every signal, also one that was ignored, back to its default.
    DefaultSignals,
    /// Everything above the standard streams is closed by the exec.
    CloseOnExec,
    /// This one is not.
    KeepOpen(RawFd),
    /// `dup2(2)`.
    Place { from: RawFd, onto: RawFd },
    /// The child's pid, in digits, into a variable of its environment.
    StampPid(&'static [AtomicU8]),
    /// The child's pid and a newline into the PID file, which was this long before.
    WritePid { file: RawFd, old_length: u64 },
    /// No signal is blocked.
    EmptyMask,
    /// `execve(2)`, which returns only when it failed.
    Execute,
}

/// What the child is to do, and what became of it.
///
/// It is leaked on purpose: when the intermediate process is killed, the launcher resumes while
/// the daemon's side still runs on this memory.
#[derive(Debug)]
pub(crate) struct Plan {
    steps: Vec<Step>,
    program: CString,
    arguments: Strings,
    environment: Strings,
    failed_step: AtomicUsize,
    failed_errno: AtomicI32,
    daemon: AtomicI32,
    pub(super) intermediate_stack: Stack,
    pub(super) daemon_stack: Stack,
}

/// The end of a stack for one child, leaked like the plan.
#[derive(Debug)]
pub(super) struct Stack(pub(super) *mut u128);

// SAFETY: the pointer is only handed to the one `clone` that the stack is for.
unsafe impl Sync for Stack {}

impl Stack {
    /// Enough for the deepest call of a child by a factor of ten; untouched pages cost nothing.
    const SIZE: usize = 64 * 1024;

    fn new() -> Self {
        Self(
            vec![0_u128; Self::SIZE / size_of::<u128>()]
                .leak()
                .as_mut_ptr_range()
                .end,
        )
    }
}

/// A list of C strings, ended by a null pointer.
#[derive(Debug)]
pub(crate) struct Strings(Vec<*const c_char>);

// SAFETY: the pointers come from leaked strings, which nobody frees, and nobody writes to but
// through atomics.
unsafe impl Sync for Strings {}

impl Strings {
    pub(crate) fn new() -> Self {
        Self(vec![ptr::null()])
    }

    pub(crate) fn push(&mut self, string: &'static CStr) {
        self.push_pointer(string.as_ptr());
    }

    /// A string of which a part is written later.
    ///
    /// It must end with a NUL byte, then and now.
    pub(crate) fn push_stamped(&mut self, string: &'static [AtomicU8]) {
        debug_assert!(
            string
                .last()
                .is_some_and(|last| last.load(Ordering::Relaxed) == 0)
        );
        self.push_pointer(string.as_ptr().cast());
    }

    fn push_pointer(&mut self, string: *const c_char) {
        self.0.insert(self.0.len() - 1, string);
    }
}

impl Plan {
    pub(crate) fn new(
        steps: Vec<Step>,
        program: CString,
        arguments: Strings,
        environment: Strings,
    ) -> &'static Self {
        Box::leak(Box::new(Self {
            steps,
            program,
            arguments,
            environment,
            failed_step: AtomicUsize::new(usize::MAX),
            failed_errno: AtomicI32::new(0),
            daemon: AtomicI32::new(0),
            intermediate_stack: Stack::new(),
            daemon_stack: Stack::new(),
        }))
    }

    /// Takes the steps from this one on, in the child alone. Returns at the second fork with its
    /// number, or with nothing when a step failed.
    pub(super) fn play(&self, first: usize) -> Option<usize> {
        for (number, step) in self.steps.iter().enumerate().skip(first) {
            if matches!(step, Step::SecondFork) {
                return Some(number);
            }
            if let Err(errno) = self.take_step(*step) {
                self.report(number, errno);
                return None;
            }
        }
        None
    }

    /// Where the daemon's side begins.
    pub(super) fn second_fork(&self) -> usize {
        self.steps
            .iter()
            .take_while(|step| !matches!(step, Step::SecondFork))
            .count()
    }

    pub(super) fn report(&self, step: usize, errno: Errno) {
        self.failed_errno.store(errno as i32, Ordering::Release);
        self.failed_step.store(step, Ordering::Release);
    }

    fn take_step(&self, step: Step) -> Result<(), Errno> {
        match step {
            Step::NewSession => nix::unistd::setsid().map(drop),
            Step::SecondFork => Ok(()),
            Step::DefaultSignals => super::signals::reset_all(),
            Step::CloseOnExec => {
                super::descriptors::close_on_exec_from(FIRST_AFTER_STANDARD_STREAMS)
            }
            Step::KeepOpen(descriptor) => super::descriptors::keep_open(descriptor),
            Step::Place { from, onto } => super::descriptors::place(from, onto),
            Step::StampPid(variable) => {
                stamp_pid(variable);
                Ok(())
            }
            Step::WritePid { file, old_length } => write_pid(file, old_length),
            Step::EmptyMask => nix::sys::signal::SigSet::empty().thread_set_mask(),
            Step::Execute => Err(self.execute()),
        }
    }

    fn execute(&self) -> Errno {
        // SAFETY: the program and every string of both lists end with a NUL byte and are leaked,
        // and both lists end with a null pointer.
        unsafe {
            libc::execve(
                self.program.as_ptr(),
                self.arguments.0.as_ptr(),
                self.environment.0.as_ptr(),
            );
        }
        Errno::last()
    }

    /// The step that failed, and why. To be asked only when no child runs on this memory.
    pub(crate) fn failure(&self) -> Option<(Step, Errno)> {
        let step = self.steps.get(self.failed_step.load(Ordering::Acquire))?;
        Some((
            *step,
            Errno::from_raw(self.failed_errno.load(Ordering::Acquire)),
        ))
    }

    /// The pid of the daemon, or 0 when it was not created.
    pub(crate) fn daemon(&self) -> i32 {
        self.daemon.load(Ordering::Acquire)
    }

    /// Where the system stores that pid.
    pub(crate) fn daemon_pid(&self) -> &AtomicI32 {
        &self.daemon
    }
}

/// This process's pid in digits and a newline, at the end of the array, and where it begins.
fn pid_line() -> ([u8; PID_LINE], usize) {
    let mut line = [b'\n'; PID_LINE];
    let mut rest = nix::unistd::getpid().as_raw().unsigned_abs();
    let mut begin = PID_LINE - 1;
    for place in line.iter_mut().rev().skip(1) {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
        begin -= 1;
        if rest == 0 {
            break;
        }
    }
    (line, begin)
}

fn stamp_pid(variable: &[AtomicU8]) {
    let (line, begin) = pid_line();
    let digits = line.iter().skip(begin).take_while(|digit| **digit != b'\n');
    for (place, digit) in variable.iter().zip(digits) {
        place.store(*digit, Ordering::Relaxed);
    }
}

fn write_pid(file: RawFd, old_length: u64) -> Result<(), Errno> {
    let (line, begin) = pid_line();
    let line = line.get(begin..).unwrap_or_default();
    super::descriptors::write_at_start(file, line)?;
    // A reader stops at the newline, so nothing it could misread stood here meanwhile. Truncating
    // costs more than all the rest on some file systems, so only where something is left.
    if old_length > line.len() as u64 {
        super::descriptors::truncate(file, line.len())?;
    }
    Ok(())
}
