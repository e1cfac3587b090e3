//! What happens between clone and exec, in a process that may share the launcher's memory.
//!
//! Only system calls are made here, and only those that `signal-safety(7)` lists or that are as
//! thin: nothing allocates, locks, formats or panics, and nothing is written but the stack and the
//! atomics that [`ExecStep::StampPid`] names. So a [`Plan`] is all the child ever sees: plain numbers
//! and pointers that the launcher prepared.

use std::ffi::{CStr, CString, c_char};
use std::ops::Range;
use std::os::fd::RawFd;
use std::process::ExitStatus;
use std::ptr;
use std::sync::atomic::{AtomicU8, Ordering};

use nix::errno::Errno;

use super::descriptors::Inherited;

/// The number of digits of the largest pid, and the newline.
pub(crate) const PID_LINE: usize = 11;

/// One thing that is done between clone and exec.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ExecStep {
    /// `setsid(2)`, in the intermediate process.
    NewSession,
    /// The intermediate process ends with this; the daemon begins after it.
    SecondFork,
    /// Every signal, also one that was ignored, back to its default.
    DefaultSignals,
    /// Everything above the standard streams is closed by the exec.
    CloseOnExec(Inherited),
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

/// What the children are to do.
#[derive(Debug)]
pub(crate) struct Plan {
    steps: Vec<ExecStep>,
    program: CString,
    arguments: Strings,
    environment: Strings,
}

/// A step that a child could not take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed {
    /// Its number in the plan.
    pub(super) step: usize,
    pub(super) errno: Errno,
}

/// Why there is no daemon.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The launcher itself could not do this.
    Launcher(&'static str, Errno),
    /// A child could not take this step.
    Child(ExecStep, Errno),
    /// The intermediate process is not known to the launcher by its own number.
    #[cfg_attr(
        any(daemon_fork, not(target_os = "linux")),
        expect(dead_code, reason = "there no number is taken from another's memory")
    )]
    PidMismatch,
    /// The intermediate process ended before its work was done.
    Intermediate(Result<ExitStatus, Errno>),
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
        steps: Vec<ExecStep>,
        program: CString,
        arguments: Strings,
        environment: Strings,
    ) -> Self {
        Self {
            steps,
            program,
            arguments,
            environment,
        }
    }

    /// What the intermediate process does.
    pub(super) fn take_steps_before_fork(&self) -> Result<(), Failed> {
        self.take_steps(0..self.second_fork())
    }

    /// What the daemon's side does; it returns only when a step failed.
    pub(super) fn take_steps_after_fork(&self) -> Result<(), Failed> {
        self.take_steps(self.second_fork() + 1..self.steps.len())
    }

    fn take_steps(&self, numbers: Range<usize>) -> Result<(), Failed> {
        for (number, step) in self.steps.iter().enumerate() {
            if numbers.contains(&number) {
                self.take_step(*step).map_err(|errno| Failed {
                    step: number,
                    errno,
                })?;
            }
        }
        Ok(())
    }

    /// The second fork failed.
    pub(super) fn not_forked(&self, errno: Errno) -> Failed {
        Failed {
            step: self.second_fork(),
            errno,
        }
    }

    fn second_fork(&self) -> usize {
        self.steps
            .iter()
            .take_while(|step| !matches!(step, ExecStep::SecondFork))
            .count()
    }

    /// The step of this number, if there is one.
    pub(super) fn step(&self, number: usize) -> Option<ExecStep> {
        self.steps.get(number).copied()
    }

    fn take_step(&self, step: ExecStep) -> Result<(), Errno> {
        match step {
            ExecStep::NewSession => nix::unistd::setsid().map(drop),
            ExecStep::SecondFork => Ok(()),
            ExecStep::DefaultSignals => super::platform::signals::reset_all(),
            ExecStep::CloseOnExec(inherited) => inherited.close_on_exec(),
            ExecStep::KeepOpen(descriptor) => super::descriptors::keep_open(descriptor),
            ExecStep::Place { from, onto } => super::descriptors::place(from, onto),
            ExecStep::StampPid(variable) => {
                stamp_pid(variable);
                Ok(())
            }
            ExecStep::WritePid { file, old_length } => write_pid(file, old_length),
            ExecStep::EmptyMask => nix::sys::signal::SigSet::empty().thread_set_mask(),
            ExecStep::Execute => Err(self.execute()),
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
