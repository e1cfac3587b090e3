//! A timer by which no call of a thread hangs.

use std::mem::MaybeUninit;
use std::ptr;
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
    action_before: SigAction,
    mask_before: SigSet,
}

impl CallTimer {
    pub(crate) fn start() -> Result<Self, Errno> {
        let timer = create()?;
        let started = start(timer);
        if started.is_err() {
            delete(timer);
        }
        let (action_before, mask_before) = started?;
        Ok(Self {
            timer,
            action_before,
            mask_before,
        })
    }
}

impl Drop for CallTimer {
    fn drop(&mut self) {
        delete(self.timer);
        // Both held before, so they cannot be refused now.
        let _ = self.mask_before.thread_set_mask();
        let _ = signals::restore(SIGNAL, &self.action_before);
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

/// Returns the action and the mask that were there before.
fn start(timer: libc::timer_t) -> Result<(SigAction, SigSet), Errno> {
    let action_before = signals::interrupt_calls(SIGNAL)?;
    let begin = || {
        let mask_before = SigSet::from(SIGNAL).thread_swap_mask(SigmaskHow::SIG_UNBLOCK)?;
        set(timer)?;
        Ok((action_before, mask_before))
    };
    begin().inspect_err(|_| {
        let _ = signals::restore(SIGNAL, &action_before);
    })
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
