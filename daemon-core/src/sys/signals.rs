//! Signal masks and dispositions.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction};
use nix::unistd::Pid;

/// While this lives, no signal is delivered to this thread.
#[derive(Debug)]
pub(super) struct Blocked {
    before: SigSet,
}

impl Blocked {
    pub(super) fn all() -> Result<Self, Errno> {
        Ok(Self {
            before: SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?,
        })
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // It held before, so it cannot be refused now.
        let _ = self.before.thread_set_mask();
    }
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

/// Lets a signal do nothing; returns what it had before.
pub(crate) fn ignore(signal: Signal) -> Result<SigAction, Errno> {
    set(
        signal,
        &SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty()),
    )
}

/// Lets a signal that has its default action do nothing, but for the programs that are executed.
pub(crate) fn install_noop_handler(signal: Signal) -> Result<(), Errno> {
    let nothing = SigHandler::Handler(do_nothing);
    let flags = SaFlags::SA_RESTART | SaFlags::SA_ONSTACK;
    let before = set(signal, &SigAction::new(nothing, flags, SigSet::empty()))?;
    match before.handler() {
        SigHandler::SigDfl => Ok(()),
        _ => restore(signal, &before),
    }
}

/// Lets a signal do nothing but interrupt calls; returns what it had before. `EBUSY` where a handler
/// is called on it, which other threads may need.
#[cfg(all(target_os = "linux", not(daemon_fork)))]
pub(super) fn interrupt_calls(signal: Signal) -> Result<SigAction, Errno> {
    if !has_default_action(signal)? && !is_ignored(signal)? {
        return Err(Errno::EBUSY);
    }
    let nothing = SigHandler::Handler(do_nothing);
    set(
        signal,
        &SigAction::new(nothing, SaFlags::SA_ONSTACK, SigSet::empty()),
    )
}

extern "C" fn do_nothing(_signal: libc::c_int) {}

/// Puts back what one of these functions returned.
pub(crate) fn restore(signal: Signal, action: &SigAction) -> Result<(), Errno> {
    set(signal, action).map(drop)
}

/// Puts back what [`set_default`] returned, and tells whether it did: another thread may have set an
/// action of its own since.
pub(crate) fn restore_default(signal: Signal, action: &SigAction) -> Result<bool, Errno> {
    restore_if(libc::SIG_DFL, signal, action)
}

/// The same for [`catch`] and its like.
pub(crate) fn restore_caught(signal: Signal, action: &SigAction) -> Result<bool, Errno> {
    restore_if(on_interrupt as *const () as usize, signal, action)
}

/// The same for [`interrupt_calls`].
#[cfg(all(target_os = "linux", not(daemon_fork)))]
pub(super) fn restore_interrupted(signal: Signal, action: &SigAction) -> Result<bool, Errno> {
    restore_if(do_nothing as *const () as usize, signal, action)
}

fn restore_if(ours: usize, signal: Signal, action: &SigAction) -> Result<bool, Errno> {
    let is_ours = action_of(signal)?.sa_sigaction == ours;
    if is_ours {
        set(signal, action)?;
    }
    Ok(is_ours)
}

fn set(signal: Signal, action: &SigAction) -> Result<SigAction, Errno> {
    // SAFETY: the action is the default, or none, or one that was installed before, or a handler of ours
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

/// Not a descriptor.
const NOWHERE: RawFd = -1;

/// Where the handler writes.
static INTERRUPT: AtomicI32 = AtomicI32::new(NOWHERE);

/// A handler that was interrupted goes on within this time, as a rule.
const HANDLER_TIME: Duration = Duration::from_micros(50);

/// How many handlers run at this moment, on whatever thread.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Where the handler of [`catch`] writes each signal, as one byte.
pub(crate) fn write_interrupts_to(pipe: BorrowedFd<'_>) {
    INTERRUPT.store(pipe.as_raw_fd(), Ordering::SeqCst);
}

/// After this no handler writes to the pipe, and it may be closed.
///
/// The descriptor may soon belong to another file, and a handler that began on another thread before
/// the signal got its old action back may be about to write to it.
pub(crate) fn write_interrupts_nowhere() {
    INTERRUPT.store(NOWHERE, Ordering::SeqCst);
    while RUNNING.load(Ordering::SeqCst) != 0 {
        std::thread::sleep(HANDLER_TIME);
    }
}

/// Catches a signal, unless it is ignored; returns what it had before, if it is caught now.
pub(crate) fn catch_unless_ignored(signal: Signal) -> Result<Option<SigAction>, Errno> {
    if is_ignored(signal)? {
        return Ok(None);
    }
    catch(signal).map(Some)
}

/// Catches a signal, if it has its default action; returns that then.
pub(crate) fn catch_if_default(signal: Signal) -> Result<Option<SigAction>, Errno> {
    if !has_default_action(signal)? {
        return Ok(None);
    }
    catch(signal).map(Some)
}

/// Catches a signal, also one that is ignored; returns what it had before.
pub(crate) fn catch(signal: Signal) -> Result<SigAction, Errno> {
    let handler = SigHandler::SigAction(on_interrupt);
    // With everything blocked in it: a handler of the program's that never returns must not begin
    // on top of it.
    let flags = SaFlags::SA_RESTART | SaFlags::SA_SIGINFO | SaFlags::SA_ONSTACK;
    // A run that is stopped and continued again and again must not keep its supervisor busy.
    let flags = flags | SaFlags::SA_NOCLDSTOP;
    set(signal, &SigAction::new(handler, flags, SigSet::all()))
}

/// No system has signals above this one.
const LAST: libc::c_int = 128;

/// Lets every other signal do nothing that can be ignored, and blocks none in this thread.
pub(crate) fn ignore_all_but(signals: &[Signal]) -> Result<(), Errno> {
    let is_other = |other: &libc::c_int| !signals.iter().any(|it| *it as libc::c_int == *other);
    for signal in (1..=LAST).filter(is_other) {
        // SAFETY: no code runs on an ignored signal. The system refuses those that it reserves, and
        // what is no signal.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    super::platform::signals::ignore_reserved();
    SigSet::empty().thread_set_mask()
}

/// The signals that have come and are blocked, see `sigpending(2)`.
pub(crate) fn pending() -> Result<SigSet, Errno> {
    let mut pending = MaybeUninit::uninit();
    // SAFETY: the call writes a whole set there.
    let found = unsafe { libc::sigpending(pending.as_mut_ptr()) };
    Errno::result(found)?;
    // SAFETY: the call has succeeded, so the set is there.
    let pending = unsafe { pending.assume_init() };
    // SAFETY: the kernel knows no other signals.
    Ok(unsafe { SigSet::from_sigset_t_unchecked(pending) })
}

/// Whether a signal has neither a handler nor is ignored.
fn has_default_action(signal: Signal) -> Result<bool, Errno> {
    Ok(action_of(signal)?.sa_sigaction == libc::SIG_DFL)
}

fn is_ignored(signal: Signal) -> Result<bool, Errno> {
    Ok(action_of(signal)?.sa_sigaction == libc::SIG_IGN)
}

fn action_of(signal: Signal) -> Result<libc::sigaction, Errno> {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: no new action is set, and the old one is written to a variable of its type.
    let asked = unsafe { libc::sigaction(signal as i32, ptr::null(), action.as_mut_ptr()) };
    Errno::result(asked)?;
    // SAFETY: the call has succeeded, and so it has written the action.
    Ok(unsafe { action.assume_init() })
}

/// Process 1.
#[cfg(target_os = "linux")]
const INIT: libc::pid_t = 1;

/// Added to a signal that process 1 has sent.
pub(crate) const FROM_INIT: u8 = 0x80;

#[cfg(target_os = "linux")]
fn is_from_init(details: &libc::siginfo_t) -> bool {
    // SAFETY: every signal that a process sends has this field.
    details.si_code == libc::SI_USER && unsafe { details.si_pid() } == INIT
}

/// Only systemd signals every process of a system that goes down.
#[cfg(not(target_os = "linux"))]
fn is_from_init(_details: &libc::siginfo_t) -> bool {
    false
}

extern "C" fn on_interrupt(
    signal: libc::c_int,
    details: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
    RUNNING.fetch_add(1, Ordering::SeqCst);
    let errno = Errno::last();
    let [mut byte, ..] = signal.to_le_bytes();
    // SAFETY: the system gives a valid description, which lasts until the handler returns.
    if is_from_init(unsafe { &*details }) {
        byte |= FROM_INIT;
    }
    let pipe = INTERRUPT.load(Ordering::SeqCst);
    // SAFETY: the pointer and the length are those of one byte; write(2) is async-signal-safe,
    // refuses what is no descriptor, and a pipe that is full has woken its reader already.
    unsafe { libc::write(pipe, (&raw const byte).cast(), 1) };
    errno.set();
    RUNNING.fetch_sub(1, Ordering::SeqCst);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(all(target_os = "linux", not(daemon_fork)))]
    #[test]
    fn handler_of_the_program_is_not_replaced() -> Result<(), Errno> {
        // No other test uses this signal.
        let signal = Signal::SIGPWR;
        install_noop_handler(signal)?;
        let handler = action_of(signal)?.sa_sigaction;
        let flags = action_of(signal)?.sa_flags;
        assert_eq!(interrupt_calls(signal), Err(Errno::EBUSY));
        assert_eq!(action_of(signal)?.sa_sigaction, handler);
        assert_eq!(action_of(signal)?.sa_flags, flags);
        for free in [set_default, ignore] {
            free(signal)?;
            interrupt_calls(signal)?;
        }
        set_default(signal).map(drop)
    }

    /// Fault 235: a thread may have a small stack, and an alternate one for signals.
    #[test]
    fn interrupt_handler_runs_on_the_alternate_stack() -> Result<(), Errno> {
        // No other test uses this signal.
        let signal = Signal::SIGWINCH;
        let before = catch_unless_ignored(signal)?;
        let flags = action_of(signal)?.sa_flags;
        if let Some(before) = before {
            restore(signal, &before)?;
        }
        assert_eq!(flags & libc::SA_ONSTACK, libc::SA_ONSTACK);
        Ok(())
    }
}
