//! What happens between clone and exec, in a process that may share the launcher's memory.
//!
//! Only system calls are made here, and only those that `signal-safety(7)` lists or that are as
//! thin: nothing allocates, locks, formats or panics, and nothing is written but the stack and the
//! variables that [`ExecStep::StampPid`] names. So a [`Plan`] is all the child ever sees: integers and
//! strings that the launcher prepared.

use std::ffi::{CString, c_char};
use std::ops::Range;
use std::os::fd::RawFd;
use std::process::ExitStatus;
use std::ptr;
use std::sync::atomic::{AtomicU8, Ordering};

use nix::errno::Errno;

use super::descriptors::FdsToClose;

/// The length of the largest pid in digits, and a newline.
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
    CloseOnExec(FdsToClose),
    /// This one is not.
    KeepOpen(RawFd),
    /// `dup2(2)`.
    Place { from: RawFd, onto: RawFd },
    /// The child's pid, in digits, into the variables of its environment that end with it.
    StampPid,
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
    /// Its index in the plan.
    pub(super) step: usize,
    pub(super) errno: Errno,
}

/// Why there is no daemon.
#[derive(Debug)]
pub(crate) enum SpawnFailure {
    /// The launcher itself could not do this.
    Launcher(&'static str, Errno),
    /// A child could not take this step.
    Child(ExecStep, Errno),
    /// The intermediate process is in another PID namespace than the launcher.
    PidMismatch,
    /// The intermediate process ended before its work was done.
    Intermediate(Result<ExitStatus, Errno>),
}

/// A list of C strings, ended by a null pointer.
///
/// A child that shares the launcher's memory writes to them, so they are reached through raw pointers
/// and written through atomics.
#[derive(Debug)]
pub(crate) struct Strings {
    owned: Vec<*mut [AtomicU8]>,
    pointers: Vec<*const c_char>,
    /// Where a pid is written.
    stamps: Vec<Stamp>,
}

/// Where in a list of strings a pid is written.
#[derive(Debug)]
struct Stamp {
    string: usize,
    offset: usize,
}

// SAFETY: the list owns what its pointers lead to, and what is shared is written through atomics.
unsafe impl Send for Strings {}
// SAFETY: as above.
unsafe impl Sync for Strings {}

impl Strings {
    pub(crate) fn new() -> Self {
        Self {
            owned: Vec::new(),
            pointers: vec![ptr::null()],
            stamps: Vec::new(),
        }
    }

    /// A NUL byte in it would end it early, as in every C program.
    pub(crate) fn push(&mut self, mut bytes: Vec<u8>) {
        bytes.push(0);
        let string = Box::into_raw(bytes.into_boxed_slice()) as *mut [AtomicU8];
        self.owned.push(string);
        self.pointers
            .insert(self.owned.len() - 1, string.cast_const().cast());
    }

    /// The beginning of a string, which ends with a pid that is written later.
    pub(crate) fn push_with_pid(&mut self, mut prefix: Vec<u8>) {
        let offset = prefix.len();
        prefix.extend([0; PID_LINE]);
        let string = self.owned.len();
        self.push(prefix);
        self.stamps.push(Stamp { string, offset });
    }

    /// For `execve(2)`. It lives as long as the list.
    pub(super) fn as_ptr(&self) -> *const *const c_char {
        self.pointers.as_ptr()
    }

    fn stamp_pid(&self, stamp: &Stamp) {
        let Some(string) = self.owned.get(stamp.string) else {
            return;
        };
        // SAFETY: the list owns the string, and shares it as atomics only.
        let string: &[AtomicU8] = unsafe { &**string };
        let (line, begin) = pid_line();
        let digits = line.iter().skip(begin).take_while(|digit| **digit != b'\n');
        let places = string.iter().skip(stamp.offset);
        // The next start of this list may have a shorter pid.
        for (place, digit) in places.zip(digits.chain([&0])) {
            place.store(*digit, Ordering::Relaxed);
        }
    }
}

impl Drop for Strings {
    fn drop(&mut self) {
        for string in &self.owned {
            // SAFETY: `push` made it from such a box, and a byte is stored as its atomic is.
            drop(unsafe { Box::from_raw(*string as *mut [u8]) });
        }
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

    #[cfg(all(target_os = "linux", not(daemon_fork)))]
    pub(super) fn set_program(&mut self, program: CString) {
        self.program = program;
    }

    /// What the intermediate process does.
    pub(super) fn take_steps_before_fork(&self) -> Result<(), Failed> {
        self.take_steps(0..self.second_fork())
    }

    /// What the daemon's side does; it returns only when a step failed.
    pub(super) fn take_steps_after_fork(&self) -> Result<(), Failed> {
        self.take_steps(self.second_fork() + 1..self.steps.len())
    }

    fn take_steps(&self, range: Range<usize>) -> Result<(), Failed> {
        for (index, step) in self.steps.iter().enumerate() {
            if range.contains(&index) {
                self.take_step(*step)
                    .map_err(|errno| Failed { step: index, errno })?;
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

    /// The step at this index, if there is one.
    pub(super) fn step(&self, index: usize) -> Option<ExecStep> {
        self.steps.get(index).copied()
    }

    fn take_step(&self, step: ExecStep) -> Result<(), Errno> {
        match step {
            ExecStep::NewSession => nix::unistd::setsid().map(drop),
            ExecStep::SecondFork => Ok(()),
            ExecStep::DefaultSignals => super::platform::signals::reset_all(),
            ExecStep::CloseOnExec(inherited) => inherited.close_on_exec(),
            ExecStep::KeepOpen(descriptor) => super::descriptors::keep_open(descriptor),
            ExecStep::Place { from, onto } => super::descriptors::place(from, onto),
            ExecStep::StampPid => {
                for stamp in &self.environment.stamps {
                    self.environment.stamp_pid(stamp);
                }
                Ok(())
            }
            ExecStep::WritePid { file, old_length } => {
                super::lock::stamp_start(file);
                write_pid(file, old_length)
            }
            ExecStep::EmptyMask => nix::sys::signal::SigSet::empty().thread_set_mask(),
            ExecStep::Execute => Err(self.execute()),
        }
    }

    /// Executes the program in the place of this process; returns why that failed.
    pub(crate) fn execute(&self) -> Errno {
        // SAFETY: the program and every string of both lists end with a NUL byte and live as long as
        // this plan, and both lists end with a null pointer.
        unsafe {
            libc::execve(
                self.program.as_ptr(),
                self.arguments.as_ptr(),
                self.environment.as_ptr(),
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

fn write_pid(file: RawFd, old_length: u64) -> Result<(), Errno> {
    let (line, begin) = pid_line();
    let digits = line.get(begin..).unwrap_or_default();
    let mut content = [b'\n'; PID_LINE];
    for (place, digit) in content.iter_mut().zip(digits) {
        *place = *digit;
    }
    // One write covers the old content: no reader ever finds a pid with what is left of another.
    let old_length = usize::try_from(old_length).unwrap_or(usize::MAX);
    let covered = content
        .get(..digits.len().max(old_length))
        .unwrap_or(&content);
    super::descriptors::write_at_start(file, covered)?;
    // Truncating costs more than all the rest on some file systems, so only what is left.
    if old_length > digits.len() {
        super::descriptors::truncate(file, digits.len())?;
    }
    Ok(())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use std::fs::File;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::FileExt;

    use nix::fcntl::{FcntlArg, SealFlag, fcntl};
    use nix::sys::memfd::{MFdFlags, memfd_create};

    use super::*;

    /// Fault 16: killed between the write and the truncation. The file cannot be truncated here.
    #[test]
    fn pid_is_written_over_all_of_the_old_content() {
        let file = memfd_create(c"pid", MFdFlags::MFD_ALLOW_SEALING).map(File::from);
        let file = file.unwrap();
        file.write_all_at(b"1234567890\n", 0).unwrap();
        fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK)).unwrap();
        assert_eq!(write_pid(file.as_raw_fd(), 11), Err(Errno::EPERM));
        let mut content = [0; 11];
        file.read_exact_at(&mut content, 0).unwrap();
        let line = format!("{:\n<11}", std::process::id());
        assert_eq!(content, line.as_bytes());
    }
}
