//! Signal dispositions.

use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::Pid;

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
                ptr::null_mut::<u64>(),
                size_of_set,
            )
        };
        Errno::result(set)?;
    }
    Ok(())
}

/// `kill(2)`, of one process, with any signal; `nix` has no real-time ones.
pub(crate) fn send(pid: Pid, signal: i32) -> Result<(), Errno> {
    // SAFETY: the call takes integers.
    let sent = unsafe { libc::kill(pid.as_raw(), signal) };
    Errno::result(sent).map(drop)
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
    // SAFETY: the action is the default, or one that was installed before, or a handler of ours
    // below, and these are async-signal-safe.
    unsafe { sigaction(signal, action) }
}

/// What is called on a signal, and the action that the signal had before.
struct Handler {
    function: fn(),
    before: SigAction,
}

static HANDLER: OnceLock<Handler> = OnceLock::new();

/// Calls a function on each such signal, and after it the handler that was there before. There is
/// one such signal.
///
/// The function must do only what `signal-safety(7)` allows.
pub(crate) fn call_on(signal: Signal, function: fn()) -> Result<(), Errno> {
    let handler = SigHandler::SigAction(on_signal);
    // A program may have given some of its threads small stacks, and a stack for signals.
    let flags = SaFlags::SA_RESTART | SaFlags::SA_SIGINFO | SaFlags::SA_ONSTACK;
    let before = set(signal, &SigAction::new(handler, flags, SigSet::empty()))?;
    // Until this is set, the signal does nothing.
    HANDLER.set(Handler { function, before }).ok();
    Ok(())
}

extern "C" fn on_signal(
    signal: libc::c_int,
    details: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    let errno = Errno::last();
    if let Some(Handler { function, before }) = HANDLER.get() {
        function();
        match before.handler() {
            SigHandler::Handler(handler) => handler(signal),
            SigHandler::SigAction(handler) => handler(signal, details, context),
            SigHandler::SigDfl | SigHandler::SigIgn => {}
        }
    }
    errno.set();
}

/// Both ends of the pipe by which the handler of [`set_interrupt_handler`] speaks.
static INTERRUPTS: OnceLock<(File, OwnedFd)> = OnceLock::new();

/// Where that handler writes the number of each signal, as one byte.
///
/// The pipe is made once and stays open for ever: when the handler is taken away, it may still be
/// running on another thread, and would write into whatever file has the number then.
pub(crate) fn interrupts() -> Result<&'static File, Errno> {
    if INTERRUPTS.get().is_none() {
        let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        INTERRUPTS.set((reader.into(), writer)).ok();
    }
    INTERRUPTS
        .get()
        .map(|(reader, _)| reader)
        .ok_or(Errno::EBADF)
}

/// Catches a signal, unless it is ignored; returns what it had before, if it is caught now.
pub(crate) fn set_interrupt_handler(signal: Signal) -> Result<Option<SigAction>, Errno> {
    if is_ignored(signal)? {
        return Ok(None);
    }
    let handler = SigHandler::Handler(on_interrupt);
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    set(signal, &action).map(Some)
}

fn is_ignored(signal: Signal) -> Result<bool, Errno> {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: no new action is set, and the old one is written to a variable of its type.
    let asked = unsafe { libc::sigaction(signal as i32, ptr::null(), action.as_mut_ptr()) };
    Errno::result(asked)?;
    // SAFETY: the call has succeeded, and so it has written the action.
    let action = unsafe { action.assume_init() };
    Ok(action.sa_sigaction == libc::SIG_IGN)
}

extern "C" fn on_interrupt(signal: libc::c_int) {
    let errno = Errno::last();
    let [number, ..] = signal.to_le_bytes();
    if let Some((_, writer)) = INTERRUPTS.get() {
        // SAFETY: the pointer and the length are those of one byte; write(2) is async-signal-safe,
        // and a pipe that is full has woken its reader already.
        unsafe { libc::write(writer.as_raw_fd(), (&raw const number).cast(), 1) };
    }
    errno.set();
}
