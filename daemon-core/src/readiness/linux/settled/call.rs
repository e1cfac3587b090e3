//! The call in which a thread waits, from `/proc/PID/task/TID/syscall`, see `proc_pid_syscall(5)`.

use std::os::fd::RawFd;
use std::time::Duration;

use super::memory::Memory;
use super::numbers::{self, Name};
use super::snapshot::Call;

use crate::number;

/// A read that takes no more descriptors of a poll or select set than this.
const POLL_SET_MAX: usize = 64;
const SELECT_SET_MAX: usize = 1024;

/// What the file says of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Not blocked.
    Running,
    /// Blocked outside of a call: in a page fault, or a thread of the kernel.
    OutsideCall,
    Blocked(BlockedCall),
    /// A process of 32 bits, whose calls have other numbers, or a kernel that is unknown here.
    Foreign,
}

/// A call, its arguments and the place in the program that it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockedCall {
    number: i64,
    arguments: [u64; 6],
    stack: u64,
    instruction: u64,
}

/// A wait, as its arguments describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PendingWait {
    pub(super) call: Call,
    pub(super) limit: Limit,
    pub(super) descriptors: Descriptors,
}

/// The time limit of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    None,
    /// From the beginning of the call.
    After(Duration),
    /// On this clock, at this time.
    At(libc::clockid_t, Duration),
    /// There is one, and the launcher cannot read it.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Descriptors {
    /// Any of these ends the wait.
    Set(Vec<RawFd>),
    /// The call reads from this one, so a timeout of the socket counts.
    Read(RawFd),
    /// There are some, and the launcher cannot read them.
    Unknown,
}

/// `running`, `-1 SP PC`, or `NUMBER ARGUMENT*6 SP PC`.
pub(super) fn parse(text: &str) -> Option<Shown> {
    /// No thread of a 64-bit process has its stack so low.
    const FOUR_GIB: u64 = 1 << 32;

    let mut words = text.split_ascii_whitespace();
    let number = match words.next()? {
        "running" => return Some(Shown::Running),
        number => number.parse().ok()?,
    };
    let mut values = [0; 8];
    let count = if number < 0 { 2 } else { values.len() };
    for value in &mut values[..count] {
        *value = number::parse(words.next()?.strip_prefix("0x")?, 16)?;
    }
    if number < 0 {
        return Some(Shown::OutsideCall);
    }
    let [arguments @ .., stack, instruction] = values;
    if stack < FOUR_GIB || !numbers::ARE_KNOWN {
        return Some(Shown::Foreign);
    }
    Some(Shown::Blocked(BlockedCall {
        number,
        arguments,
        stack,
        instruction,
    }))
}

impl BlockedCall {
    /// The same for the same line of code at the same depth of calls.
    pub(super) fn place(&self) -> u64 {
        const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
        let number = self.number.unsigned_abs().wrapping_mul(MIX);
        number ^ self.stack.rotate_left(17) ^ self.instruction
    }

    /// What the thread waits for; `None` for a call that does not wait for the outside.
    pub(super) fn wait(&self, memory: &impl Memory) -> Option<PendingWait> {
        let [first, second, third, fourth, fifth, sixth] = self.arguments;
        let (limit, descriptors) = match numbers::name(self.number)? {
            Name::EpollWait => (milliseconds(fourth), one(first)),
            Name::EpollPwait2 => (relative(memory, fourth), one(first)),
            Name::Poll => (milliseconds(third), poll_set(memory, first, second)),
            Name::Ppoll => (relative(memory, third), poll_set(memory, first, second)),
            Name::Select => (
                relative_in(memory, fifth, MICROSECONDS),
                select_set(memory, first, [second, third]),
            ),
            Name::Pselect6 => (
                relative(memory, fifth),
                select_set(memory, first, [second, third]),
            ),
            Name::Receive => (Limit::None, Descriptors::Read(descriptor(first))),
            Name::Recvmmsg => (
                relative(memory, fifth),
                Descriptors::Read(descriptor(first)),
            ),
            Name::Futex => (futex_limit(memory, second, fourth)?, nothing()),
            Name::FutexWait => (absolute(memory, fifth, sixth), nothing()),
            Name::FutexWaitv => (absolute(memory, fourth, fifth), nothing()),
            Name::Nanosleep => (relative(memory, first), nothing()),
            Name::ClockNanosleep if second & TIMER_ABSTIME != 0 => {
                (absolute(memory, third, first), nothing())
            }
            Name::Signal | Name::Child => (Limit::None, nothing()),
            // Not a descriptor, but another process may answer.
            Name::MessageQueue => (Limit::None, Descriptors::Unknown),
            Name::ClockNanosleep | Name::RtSigtimedwait => (relative(memory, third), nothing()),
            Name::MqTimedreceive => (absolute(memory, fifth, REALTIME), one(first)),
            Name::IoUringEnter => self.ring(memory),
            // The kernel does not show the arguments of the call that a signal has interrupted.
            Name::RestartSyscall => (Limit::Unknown, nothing()),
        };
        let call = match numbers::name(self.number)? {
            Name::EpollWait | Name::EpollPwait2 => Call::EventLoop,
            Name::Child => Call::Child,
            _ => Call::Other,
        };
        Some(PendingWait {
            call,
            limit,
            descriptors,
        })
    }

    fn ring(&self, memory: &impl Memory) -> (Limit, Descriptors) {
        const IORING_ENTER_EXT_ARG: u64 = 8;
        const IORING_ENTER_REGISTERED_RING: u64 = 16;
        /// Of `ts` in `struct io_uring_getevents_arg`.
        const TIMESPEC_OFFSET: u64 = 16;
        let [ring, _, _, flags, argument, _] = self.arguments;
        let mut pointer = [0; 8];
        let limit = if flags & IORING_ENTER_EXT_ARG == 0 || argument == 0 {
            Limit::None
        } else if memory.read(argument.wrapping_add(TIMESPEC_OFFSET), &mut pointer) {
            relative(memory, u64::from_ne_bytes(pointer))
        } else {
            Limit::Unknown
        };
        if flags & IORING_ENTER_REGISTERED_RING == 0 {
            (limit, one(ring))
        } else {
            // Its index among the registered ones says nothing, and no file shows what it brings.
            (limit, Descriptors::Unknown)
        }
    }
}

const MICROSECONDS: i64 = 1000;
const NANOSECONDS: i64 = 1;
const TIMER_ABSTIME: u64 = libc::TIMER_ABSTIME as u64;
const REALTIME: u64 = libc::CLOCK_REALTIME as u64;
const MONOTONIC: u64 = libc::CLOCK_MONOTONIC as u64;

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "a C int is the lower half of its register"
)]
fn int(register: u64) -> i32 {
    register as u32 as i32
}

fn descriptor(register: u64) -> RawFd {
    int(register)
}

fn one(register: u64) -> Descriptors {
    Descriptors::Set(vec![descriptor(register)])
}

fn nothing() -> Descriptors {
    Descriptors::Set(Vec::new())
}

fn milliseconds(register: u64) -> Limit {
    match u64::try_from(int(register)) {
        Ok(milliseconds) => Limit::After(Duration::from_millis(milliseconds)),
        Err(_) => Limit::None,
    }
}

fn relative(memory: &impl Memory, address: u64) -> Limit {
    relative_in(memory, address, NANOSECONDS)
}

fn relative_in(memory: &impl Memory, address: u64, unit: i64) -> Limit {
    if address == 0 {
        return Limit::None;
    }
    read_time(memory, address, unit).map_or(Limit::Unknown, Limit::After)
}

fn absolute(memory: &impl Memory, address: u64, clock: u64) -> Limit {
    if address == 0 {
        return Limit::None;
    }
    match read_time(memory, address, NANOSECONDS) {
        Some(time) => Limit::At(int(clock), time),
        None => Limit::Unknown,
    }
}

fn read_time(memory: &impl Memory, address: u64, unit: i64) -> Option<Duration> {
    let (seconds, fraction) = memory.read_pair(address)?;
    let fraction = fraction.checked_mul(unit)?;
    Duration::from_secs(seconds.try_into().ok()?)
        .checked_add(Duration::from_nanos(fraction.try_into().ok()?))
}

/// The limit of the operations that wait; the others last no time.
fn futex_limit(memory: &impl Memory, operation: u64, address: u64) -> Option<Limit> {
    const FUTEX_WAIT: u64 = 0;
    const FUTEX_LOCK_PI: u64 = 6;
    const FUTEX_WAIT_BITSET: u64 = 9;
    const FUTEX_WAIT_REQUEUE_PI: u64 = 11;
    const FUTEX_LOCK_PI2: u64 = 13;
    const COMMAND_MASK: u64 = 127;
    const FUTEX_CLOCK_REALTIME: u64 = 256;
    let clock = if operation & FUTEX_CLOCK_REALTIME == 0 {
        MONOTONIC
    } else {
        REALTIME
    };
    match operation & COMMAND_MASK {
        FUTEX_WAIT => Some(relative(memory, address)),
        FUTEX_LOCK_PI => Some(absolute(memory, address, REALTIME)),
        FUTEX_WAIT_BITSET | FUTEX_WAIT_REQUEUE_PI | FUTEX_LOCK_PI2 => {
            Some(absolute(memory, address, clock))
        }
        _ => None,
    }
}

/// The descriptors of an array of `struct pollfd`.
fn poll_set(memory: &impl Memory, address: u64, count: u64) -> Descriptors {
    const POLLFD_SIZE: usize = size_of::<libc::pollfd>();
    let count = match usize::try_from(count) {
        Ok(count) if count <= POLL_SET_MAX => count,
        _ => return Descriptors::Unknown,
    };
    let mut array = vec![0; count * POLLFD_SIZE];
    if count > 0 && !memory.read(address, &mut array) {
        return Descriptors::Unknown;
    }
    let descriptors = array
        .chunks_exact(POLLFD_SIZE)
        .filter_map(|entry| Some(RawFd::from_ne_bytes(*entry.first_chunk()?)));
    // The kernel skips a negative one as well.
    Descriptors::Set(descriptors.filter(|descriptor| *descriptor >= 0).collect())
}

/// The descriptors of two `fd_set`, which the kernel overwrites at the end of the call.
fn select_set(memory: &impl Memory, count: u64, addresses: [u64; 2]) -> Descriptors {
    let count = usize::try_from(int(count)).unwrap_or_default();
    if count > SELECT_SET_MAX {
        return Descriptors::Unknown;
    }
    let mut descriptors = Vec::new();
    for address in addresses.into_iter().filter(|address| *address != 0) {
        let mut bits = vec![0_u8; count.div_ceil(64) * 8];
        if !memory.read(address, &mut bits) {
            return Descriptors::Unknown;
        }
        let is_set = |index: &usize| bits[index / 8] >> (index % 8) & 1 == 1;
        let set = (0..count).filter(is_set);
        descriptors.extend(set.filter_map(|index| RawFd::try_from(index).ok()));
    }
    Descriptors::Set(descriptors)
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by panic"
)]
mod tests;
