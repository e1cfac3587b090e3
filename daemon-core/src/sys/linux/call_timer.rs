//! A timer by which no call of a thread hangs.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{SigAction, SigSet, SigmaskHow, Signal};
use nix::sys::time::TimeSpec;
use nix::unistd::gettid;

use crate::sys::signals;

/// How long a call may block.
const INTERVAL: Duration = Duration::from_millis(100);

/// It is ignored by default, so one that comes late does no harm, and a handler of it must bear one
/// that has no reason.
const SIGNAL: Signal = Signal::SIGURG;

/// While this lives, a call of this thread that waits and can be interrupted is interrupted every
/// 100 ms.
///
/// Another process can send a descriptor whose close blocks: a TCP socket with `SO_LINGER` and
/// unsent data. The thread that receives the message closes it, even where the message has no room
/// for it. A signal to this very thread ends such a wait.
#[derive(Debug)]
pub(crate) struct CallTimer {
    /// A raw pointer, so that this stays in its thread.
    timer: libc::timer_t,
    _unblocked: Unblocked,
    _handler: TimerHandler,
}

impl CallTimer {
    /// Refused where the program has a handler of its own for the signal, as the runtime of Go has.
    pub(crate) fn start() -> Result<Self, Errno> {
        let handler = TimerHandler::install()?;
        let unblocked = Unblocked::begin()?;
        let timer = Self {
            timer: create()?,
            _unblocked: unblocked,
            _handler: handler,
        };
        set(timer.timer)?;
        Ok(timer)
    }
}

impl Drop for CallTimer {
    fn drop(&mut self) {
        // Before the mask and the handler are given back, which are fields.
        delete(self.timer);
    }
}

/// The signal reaches this thread while this lives.
#[derive(Debug)]
struct Unblocked {
    before: SigSet,
}

impl Unblocked {
    fn begin() -> Result<Self, Errno> {
        let before = SigSet::from(SIGNAL).thread_swap_mask(SigmaskHow::SIG_UNBLOCK)?;
        Ok(Self { before })
    }
}

impl Drop for Unblocked {
    fn drop(&mut self) {
        // It held before, so it cannot be refused now.
        let _ = self.before.thread_set_mask();
    }
}

/// The handler of the whole process, for the timers of all its threads.
#[derive(Debug)]
struct TimerHandler;

/// How many timers need the handler, and what the first of them has replaced.
static HANDLER: Mutex<(usize, Option<SigAction>)> = Mutex::new((0, None));

impl TimerHandler {
    fn install() -> Result<Self, Errno> {
        let mut shared = Self::shared();
        let (users, before) = &mut *shared;
        if *users == 0 {
            *before = Some(signals::interrupt_calls(SIGNAL)?);
        }
        *users += 1;
        Ok(Self)
    }

    fn shared() -> MutexGuard<'static, (usize, Option<SigAction>)> {
        HANDLER.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TimerHandler {
    fn drop(&mut self) {
        let mut shared = Self::shared();
        let (users, before) = &mut *shared;
        *users -= 1;
        if let Some(before) = before.take_if(|_| *users == 0) {
            // It held before, so it cannot be refused now.
            let _ = signals::restore_interrupted(SIGNAL, &before);
        }
    }
}

/// `timer_create(2)`, with a signal to this thread.
fn create() -> Result<libc::timer_t, Errno> {
    // SAFETY: a `sigevent` consists of integers, pointers and padding, so it may be all zero.
    let mut event = unsafe { MaybeUninit::<libc::sigevent>::zeroed().assume_init() };
    event.sigev_notify = libc::SIGEV_THREAD_ID;
    event.sigev_signo = SIGNAL as libc::c_int;
    event.sigev_notify_thread_id = gettid().as_raw();
    let mut timer = MaybeUninit::uninit();
    // SAFETY: the event is read and the timer written during the call.
    let created =
        unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, timer.as_mut_ptr()) };
    Errno::result(created)?;
    // SAFETY: the call has succeeded, and so it has written the timer.
    Ok(unsafe { timer.assume_init() })
}

/// `timer_settime(2)`.
fn set(timer: libc::timer_t) -> Result<(), Errno> {
    let interval = *TimeSpec::from(INTERVAL).as_ref();
    let schedule = libc::itimerspec {
        it_interval: interval,
        it_value: interval,
    };
    // SAFETY: this timer has not been deleted, the schedule is read during the call, and the old one
    // is not asked for.
    let set = unsafe { libc::timer_settime(timer, 0, &raw const schedule, ptr::null_mut()) };
    Errno::result(set).map(drop)
}

/// `timer_delete(2)`.
fn delete(timer: libc::timer_t) {
    // SAFETY: this timer has been created, and is deleted once.
    let _ = unsafe { libc::timer_delete(timer) };
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use super::*;

    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::thread;

    #[test]
    fn blocking_call_of_this_thread_is_interrupted() {
        let handle = thread::spawn(|| {
            let (mut reader, _writer) = UnixStream::pair().unwrap();
            reader.set_read_timeout(Some(INTERVAL * 200)).unwrap();
            // A thread may have blocked it.
            SigSet::from(SIGNAL).thread_block().unwrap();
            let timer = CallTimer::start().unwrap();
            let error = reader.read(&mut [0]).unwrap_err();
            drop(timer);
            let mask = SigSet::thread_get_mask().unwrap();
            (error.kind(), mask.contains(SIGNAL))
        });
        let (error, is_blocked) = handle.join().unwrap();
        assert_eq!(error, std::io::ErrorKind::Interrupted);
        assert!(is_blocked, "the mask is given back");
    }
}
