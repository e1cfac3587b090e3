//! The numbers of the calls that wait for the outside. Every other call is a step of a start.

/// Calls with the same arguments share a name.
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(
        dead_code,
        reason = "newer architectures lack some calls, and others are unknown here"
    )
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    EpollWait,
    EpollPwait2,
    Poll,
    Ppoll,
    Select,
    Pselect6,
    /// accept, read, recv and their kin: the first argument is the descriptor.
    Receive,
    Recvmmsg,
    Futex,
    FutexWait,
    FutexWaitv,
    Nanosleep,
    ClockNanosleep,
    /// Waits for a signal without a limit.
    Signal,
    RtSigtimedwait,
    MessageQueue,
    MqTimedreceive,
    IoUringEnter,
    Child,
    RestartSyscall,
}

pub(super) use table::{ARE_KNOWN, name};

/// A daemon runs the launcher's own program, so its calls have the launcher's numbers.
#[cfg(all(
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod table {
    use super::Name;

    pub(in super::super) const ARE_KNOWN: bool = true;

    /// `futex_wait(2)`, Linux 6.7, which the crate `libc` does not have.
    const SYS_FUTEX_WAIT: i64 = 455;

    pub(in super::super) fn name(number: i64) -> Option<Name> {
        let name = match number {
            libc::SYS_epoll_pwait => Name::EpollWait,
            libc::SYS_epoll_pwait2 => Name::EpollPwait2,
            libc::SYS_ppoll => Name::Ppoll,
            libc::SYS_pselect6 => Name::Pselect6,
            libc::SYS_accept
            | libc::SYS_accept4
            | libc::SYS_read
            | libc::SYS_readv
            | libc::SYS_recvfrom
            | libc::SYS_recvmsg => Name::Receive,
            libc::SYS_recvmmsg => Name::Recvmmsg,
            libc::SYS_futex => Name::Futex,
            SYS_FUTEX_WAIT => Name::FutexWait,
            libc::SYS_futex_waitv => Name::FutexWaitv,
            libc::SYS_nanosleep => Name::Nanosleep,
            libc::SYS_clock_nanosleep => Name::ClockNanosleep,
            libc::SYS_rt_sigsuspend => Name::Signal,
            libc::SYS_rt_sigtimedwait => Name::RtSigtimedwait,
            libc::SYS_msgrcv => Name::MessageQueue,
            libc::SYS_mq_timedreceive => Name::MqTimedreceive,
            libc::SYS_io_uring_enter => Name::IoUringEnter,
            libc::SYS_wait4 | libc::SYS_waitid => Name::Child,
            libc::SYS_restart_syscall => Name::RestartSyscall,
            _ => return legacy(number),
        };
        Some(name)
    }

    /// Calls that newer architectures do not have.
    #[cfg(target_arch = "x86_64")]
    fn legacy(number: i64) -> Option<Name> {
        match number {
            libc::SYS_epoll_wait => Some(Name::EpollWait),
            libc::SYS_poll => Some(Name::Poll),
            libc::SYS_select => Some(Name::Select),
            libc::SYS_pause => Some(Name::Signal),
            _ => None,
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn legacy(_number: i64) -> Option<Name> {
        None
    }
}

/// Elsewhere the launcher knows only that a thread sleeps.
#[cfg(not(all(
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
mod table {
    use super::Name;

    pub(in super::super) const ARE_KNOWN: bool = false;

    pub(in super::super) fn name(_number: i64) -> Option<Name> {
        None
    }
}
