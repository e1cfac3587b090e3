//! Signal dispositions.

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Every signal back to its default, in the child.
#[cfg(target_os = "linux")]
pub(super) fn reset_all() -> Result<(), Errno> {
    // The kernel's own `struct sigaction`, which is zero for the default action whatever the
    // architecture's order of fields; not glibc's call, which refuses the two signals that it uses
    // itself, though a caller may have left them ignored.
    let default = [0_u64; 8];
    let size_of_set = if cfg!(target_arch = "mips") || cfg!(target_arch = "mips64") {
        16
    } else {
        8
    };
    for signal in 1..=64 {
        if signal == libc::SIGKILL || signal == libc::SIGSTOP {
            continue;
        }
        // SAFETY: the new action is larger than the kernel's structure, and the old one is not
        // asked for. The dispositions belong to the child alone, which has no handler to lose.
        let set = unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                std::ptr::null_mut::<u64>(),
                size_of_set,
            )
        };
        Errno::result(set)?;
    }
    Ok(())
}

/// Gives a signal its default action; returns what it had before.
pub(crate) fn set_default(signal: Signal) -> Result<SigAction, Errno> {
    set(
        signal,
        &SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty()),
    )
}

/// Puts back what [`set_default`] or [`set_interrupt_handler`] returned.
pub(crate) fn restore(signal: Signal, action: &SigAction) -> Result<(), Errno> {
    set(signal, action).map(drop)
}

fn set(signal: Signal, action: &SigAction) -> Result<SigAction, Errno> {
    // SAFETY: the action is the default, or one that was installed before, or our handler below,
    // which is async-signal-safe.
    unsafe { sigaction(signal, action) }
}

/// No descriptor has this number.
const NOWHERE: RawFd = -1;

/// Where the handler writes.
static INTERRUPT: AtomicI32 = AtomicI32::new(NOWHERE);

/// How many handlers run at this moment, on whatever thread.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Where the handler of [`set_interrupt_handler`] writes the number of each signal, as one byte.
pub(crate) fn write_interrupts_to(pipe: BorrowedFd<'_>) {
    INTERRUPT.store(pipe.as_raw_fd(), Ordering::SeqCst);
}

/// After this no handler writes to the pipe, and it may be closed.
///
/// Its number may soon be another file's, and a handler that began on another thread before the
/// signal got its old action back may be about to write to it.
pub(crate) fn write_interrupts_nowhere() {
    INTERRUPT.store(NOWHERE, Ordering::SeqCst);
    while RUNNING.load(Ordering::SeqCst) != 0 {
        std::thread::yield_now();
    }
}

/// Catches a signal, unless it is ignored; returns what it had before, if it is caught now.
pub(crate) fn set_interrupt_handler(signal: Signal) -> Result<Option<SigAction>, Errno> {
    let handler = SigHandler::Handler(on_interrupt);
    // With everything blocked in it: a handler of the program's that never returns must not begin
    // on top of it.
    let before = set(
        signal,
        &SigAction::new(handler, SaFlags::SA_RESTART, SigSet::all()),
    )?;
    if matches!(before.handler(), SigHandler::SigIgn) {
        restore(signal, &before)?;
        return Ok(None);
    }
    Ok(Some(before))
}

extern "C" fn on_interrupt(signal: libc::c_int) {
    RUNNING.fetch_add(1, Ordering::SeqCst);
    let errno = Errno::last();
    let [number, ..] = signal.to_le_bytes();
    let pipe = INTERRUPT.load(Ordering::SeqCst);
    // SAFETY: the pointer and the length are those of one byte; write(2) is async-signal-safe,
    // refuses what is no descriptor, and a pipe that is full has woken its reader already.
    unsafe { libc::write(pipe, (&raw const number).cast(), 1) };
    errno.set();
    RUNNING.fetch_sub(1, Ordering::SeqCst);
}
