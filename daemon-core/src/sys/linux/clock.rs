//! Clocks, see `clock_gettime(2)`.

use std::mem::MaybeUninit;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Pid;

/// The time on a clock.
pub(crate) fn time(clock: libc::clockid_t) -> Result<Duration, Errno> {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the time is written to a variable that lives longer than the call.
    let read = unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) };
    Errno::result(read)?;
    // SAFETY: the call has succeeded, and so it has written the time.
    let time = unsafe { time.assume_init() };
    let seconds = u64::try_from(time.tv_sec).map_err(|_| Errno::EINVAL)?;
    let nanoseconds = u32::try_from(time.tv_nsec).map_err(|_| Errno::EINVAL)?;
    Ok(Duration::new(seconds, nanoseconds))
}

/// How long ago the system started, with the time in which it slept.
pub(crate) fn since_boot() -> Result<Duration, Errno> {
    time(libc::CLOCK_BOOTTIME)
}

/// The clock that runs while a process runs. It follows from the pid: `clock_getcpuclockid(3)` makes it
/// so, and asks the kernel whether there is such a process.
pub(crate) fn of_process(pid: Pid) -> libc::clockid_t {
    /// `CPUCLOCK_SCHED`, of a process.
    const PROCESS_TIME: libc::clockid_t = 2;
    !pid.as_raw() << 3 | PROCESS_TIME
}
