//! The locks of a PID file, and the process that holds them. A lock belongs to an open file
//! description, which the daemon inherits; no close of another descriptor drops it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::number;
use crate::program_name::SUPERVISOR_SUFFIX;
use crate::sys;
use crate::sys::lock::{ByteRange, WriterLock, time_until_due, visible_holders, writer};
pub(crate) use crate::sys::lock::{
    has_byte_ranges, reader_holds, reserve_start_stamp, stamp_due, start_stamp, try_lock, unlock,
    unlock_all, unlock_below,
};
use crate::sys::process;

/// How much of a PID file is read: more than any pid needs.
const PID_FILE_MAX: usize = 64;

/// How long a pid must stay the same where the descriptors of its process cannot be seen.
const RECHECK_DELAY: Duration = Duration::from_millis(100);

/// What the locks of a PID file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunState {
    /// No daemon runs. This never changes for a file that is at its path.
    Over,
    /// A daemon is being brought up; it may not be ready, and it may not even exist.
    Starting,
    /// The supervisor starts the daemon again, after this delay if it is known.
    Restarting(Option<Duration>),
    Up,
}

impl RunState {
    /// How long it is until the next run, if that is known.
    pub(crate) fn due(self) -> Option<Duration> {
        match self {
            Self::Restarting(due) => due,
            Self::Over | Self::Starting | Self::Up => None,
        }
    }
}

/// Whether a daemon with this file runs. Takes no lock.
pub(crate) fn run_state(file: &File) -> Result<RunState, Errno> {
    if !is_held(file)? {
        return Ok(RunState::Over);
    }
    let state = if has_byte_ranges() {
        match bring_up(file)? {
            Some(WriterLock { start: 1, .. }) => RunState::Starting,
            Some(lock) if lock.start % 2 == 1 => RunState::Restarting(time_until_due(lock)),
            _ => RunState::Up,
        }
    } else if has_no_pid_yet(file) {
        RunState::Starting
    } else if read_pid(file).is_some_and(is_supervisor) {
        RunState::Restarting(None)
    } else {
        RunState::Up
    };
    // Check byte 0 again: a failing start releases byte 0 first, and two checks would report a
    // failed daemon as running.
    Ok(if is_held(file)? {
        state
    } else {
        RunState::Over
    })
}

/// The lock of the process that brings the daemon up or supervises it.
fn bring_up(file: &File) -> Result<Option<WriterLock>, Errno> {
    writer(file, ByteRange::BringUp)
}

/// The lowest byte of a bring-up that is locked: a supervisor gives one more back at each change.
pub(crate) fn lowest_of_bring_up(file: &File) -> Option<i64> {
    let lock = has_byte_ranges().then(|| bring_up(file));
    Some(lock?.ok()??.start)
}

/// Whether the first run is brought up, with a supervisor or without.
fn is_first_start(file: &File) -> bool {
    let is_first = |lock: WriterLock| lock.start == 1;
    has_byte_ranges() && bring_up(file).is_ok_and(|lock| lock.is_some_and(is_first))
}

/// Whether nothing but byte 0 is locked: a supervisor, and a launcher, hold more as long as they live.
pub(crate) fn has_no_supervisor(file: &File) -> bool {
    has_byte_ranges() && bring_up(file) == Ok(None)
}

/// Whether a supervisor keeps the file, once its first run was ready.
pub(crate) fn is_supervised(file: &File) -> bool {
    let is_above_first = |lock: WriterLock| lock.start > 1;
    has_byte_ranges() && bring_up(file).is_ok_and(|lock| lock.is_some_and(is_above_first))
}

/// Whether a process is seen to hold the daemon's lock; an error where that cannot be seen.
pub(crate) fn holds(pid: Pid, file: &File) -> io::Result<bool> {
    sys::lock::holds(pid, file, ByteRange::Daemon)
}

/// A supervisor that is seen to keep the file, whatever the pid in it. Slow.
///
/// It alone keeps the bytes of the bring-up: a run may have any name. Until its exec a run has all that
/// its supervisor has.
pub(crate) fn visible_supervisor(file: &File) -> Option<Pid> {
    let is_supervisor = |pid: &Pid| is_supervisor(*pid) && process::has_executed(*pid);
    visible_holders(file, ByteRange::BringUp).find(is_supervisor)
}

/// A supervisor that is seen to hold the daemon's lock, or its run before the exec, while the file names
/// no process. Slow.
pub(crate) fn visible_unnamed(file: &File) -> Option<Pid> {
    visible_holders(file, ByteRange::Daemon).find(|pid| is_supervisor(*pid))
}

/// Whether a process is a supervisor, by the first of its arguments.
pub(crate) fn is_supervisor(pid: Pid) -> bool {
    process::first_argument_of(pid).is_some_and(|argv0| {
        let suffix = SUPERVISOR_SUFFIX.as_bytes();
        argv0.as_encoded_bytes().ends_with(suffix)
    })
}

/// Whether a daemon, or a launcher for it, holds the lock. Takes no lock.
pub(crate) fn is_held(file: &File) -> Result<bool, Errno> {
    Ok(writer(file, ByteRange::Daemon)?.is_some())
}

/// Whether a daemon holds the lock that has emptied its file: it is on its way out, and its exit
/// handlers, destructors and threads may still run.
///
/// An empty file alone proves nothing: it has no pid before the daemon has written its own. Only this
/// library locks byte 0 and no other.
pub(crate) fn is_ending(file: &File) -> bool {
    // In this order: a daemon with a stamp writes its pid next, and one without a launcher has done so.
    let has_begun = start_stamp(file).is_some() || !is_first_start(file);
    has_begun
        && is_empty(file)
        && has_byte_ranges()
        && writer(file, ByteRange::Daemon).is_ok_and(|lock| lock.is_some_and(|it| it.length == 1))
}

/// Whether a supervisor has the lock that has emptied the file: no run comes any more.
pub(crate) fn is_supervisor_ending(file: &File) -> bool {
    is_ending(file) && is_supervised(file)
}

/// A process that is seen to hold the daemon's lock, whatever the pid in the file. Slow.
pub(crate) fn visible_holder(file: &File) -> Option<Pid> {
    visible_holders(file, ByteRange::Daemon).next()
}

/// A daemon that has emptied its file, as [`is_ending`] says, and is seen to hold the lock. Slow.
///
/// A launcher holds that lock too, and so does its child until the exec. They are not the daemon: both
/// hold the bytes of the bring-up as well.
pub(crate) fn visible_ending(file: &File) -> Option<Pid> {
    let is_daemon = |pid: &Pid| {
        sys::lock::holds(*pid, file, ByteRange::BringUp).is_ok_and(|brings_up| !brings_up)
    };
    visible_holders(file, ByteRange::Daemon).find(is_daemon)
}

/// Whether one process is seen to hold the daemon's lock, and no other. Slow.
pub(crate) fn is_held_by_one(file: &File) -> bool {
    visible_holders(file, ByteRange::Daemon).take(2).count() == 1
}

/// A process that is seen to bring a daemon up, or to clean up. Slow.
pub(crate) fn visible_starter(file: &File) -> Option<Pid> {
    visible_holders(file, ByteRange::BringUp).next()
}

/// The same, if it is stopped, for example by Ctrl-Z.
pub(crate) fn stopped_starter(file: &File) -> Option<Pid> {
    visible_starter(file).filter(|pid| process::is_stopped(*pid))
}

/// Why the pid in the file is taken for the pid of the holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The process is seen to hold the lock, or is a child of a supervisor that is seen to.
    Seen,
    /// The process cannot be inspected, and no evidence contradicts it.
    Unrefuted,
}

/// The process that holds the lock, or the run of the supervisor that does, if the pid in the file is
/// its own.
pub(crate) fn holder(file: &File) -> Option<Pid> {
    let pid = read_pid(file)?;
    proof(file, pid).map(|_| pid)
}

/// Why this process, which the file names, is taken for the holder of the lock; `None` if it is not.
///
/// The pid alone proves nothing: it may be another process's by now.
pub(crate) fn proof(file: &File, pid: Pid) -> Option<Proof> {
    if let Ok(holds) = holds(pid, file) {
        return (holds || is_run(pid, file)).then_some(Proof::Seen);
    }
    // Every PID namespace has a process 1, so only one that is seen to hold the lock is the daemon.
    if pid.as_raw() == 1 {
        return None;
    }
    // A process of another user, or one that is not dumpable.
    std::thread::sleep(RECHECK_DELAY);
    let is_unchanged = read_pid(file) == Some(pid) && is_held(file) == Ok(true);
    if !is_unchanged {
        return None;
    }
    // The launcher holds the lock as well, while it waits. It may be this process, and the supervisor
    // that was the parent may be gone.
    let (parent, own) = (process::parent_of(pid), Pid::this());
    // While the first run is brought up, the supervisor that is its parent has a launcher too.
    let grandparent = parent.filter(|_| is_first_start(file));
    let grandparent = grandparent.and_then(process::parent_of);
    visible_holders(file, ByteRange::Daemon)
        .all(|other| other == own || Some(other) == parent || Some(other) == grandparent)
        .then_some(Proof::Unrefuted)
}

/// Whether a process lives and its parent is a supervisor that is seen to keep the file. The run itself
/// may have closed the descriptor, or executed another program.
fn is_run(pid: Pid, file: &File) -> bool {
    let keeps = |pid: Pid| sys::lock::holds(pid, file, ByteRange::BringUp).unwrap_or(false);
    process::parent_of(pid).is_some_and(|parent| is_supervisor(parent) && keeps(parent))
        && !process::is_zombie(pid)
}

/// The pid in the file: the digits up to the first newline. Anything else is not a pid.
pub(crate) fn read_pid(file: &File) -> Option<Pid> {
    let mut content = [0; PID_FILE_MAX];
    let length = file.read_at(&mut content, 0).ok()?;
    parse_pid(content.get(..length)?)
}

/// Whether the content is what a launcher leaves: before there is a pid, and after a failure.
fn has_no_pid_yet(file: &File) -> bool {
    let mut first = [b'\n'];
    file.read_at(&mut first, 0).is_ok() && first == *b"\n"
}

fn is_empty(file: &File) -> bool {
    file.metadata().is_ok_and(|file| file.len() == 0)
}

/// Whether the content is what a start leaves: nothing or a pid.
pub(crate) fn is_ours(file: &File) -> bool {
    is_empty(file) || read_pid(file).is_some()
}

fn parse_pid(content: &[u8]) -> Option<Pid> {
    let end = content.iter().position(|byte| *byte == b'\n')?;
    let digits = content.get(..end)?;
    if !matches!(digits, [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit)) {
        return None;
    }
    number::parse(std::str::from_utf8(digits).ok()?, 10).map(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(all(target_os = "linux", not(daemon_fork)))]
    #[test]
    fn error_of_one_file_system_says_nothing_of_others() {
        assert!(!sys::lock::lacks_ofd_locks());
        assert!(has_byte_ranges());
    }

    #[test]
    fn pid_is_digits_and_a_newline() {
        assert_eq!(parse_pid(b"4242\n"), Some(Pid::from_raw(4242)));
        assert_eq!(parse_pid(b"4242\n99\n"), Some(Pid::from_raw(4242)));
        assert_eq!(parse_pid(b"1\n"), Some(Pid::from_raw(1)));
    }

    #[test]
    fn anything_else_is_not_a_pid() {
        let others: [&[u8]; 15] = [
            b"",
            b"\n",
            b"abc\n",
            b"-1\n",
            b"0\n",
            b"2147483648\n",
            b"4294967297\n",
            b"99999999999999999999\n",
            b"12 34\n",
            b"0x10\n",
            b"+5\n",
            b" 5\n",
            b"5\0\n",
            b"5\r\n",
            b"42",
        ];
        for content in others {
            assert_eq!(parse_pid(content), None, "{content:?}");
        }
    }
}
