//! Processes as the kernel shows them: by pidfd and by `/proc`.

use std::fs::{self, DirEntry, File};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpgid, getpgrp};

use crate::support::deadline::WAIT_TIMEOUT;

/// A process and its pidfd, so that a signal never reaches another process with its pid.
#[derive(Debug)]
pub(crate) struct Process {
    pid: i32,
    pidfd: OwnedFd,
}

impl Process {
    pub(crate) fn open(pid: i32) -> Option<Self> {
        // SAFETY: `pidfd_open` takes integers and accesses no memory.
        let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let descriptor = i32::try_from(descriptor).ok().filter(|fd| *fd >= 0)?;
        // SAFETY: the call has just made this descriptor, and no other code owns it.
        let pidfd = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Some(Self { pid, pidfd })
    }

    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    pub(crate) fn is_alive(&self) -> bool {
        !self.ends_within(PollTimeout::ZERO)
    }

    /// A duplicate of the descriptor by which the process has this file open, with its locks.
    pub(crate) fn duplicate_of(&self, path: &Path) -> OwnedFd {
        let fds = fs::read_dir(format!("/proc/{}/fd", self.pid)).expect("its descriptors");
        let leads_there = |fd: &DirEntry| fs::read_link(fd.path()).is_ok_and(|it| it == path);
        let fd = fds.flatten().find(leads_there).expect("it has it open");
        let fd: i32 = fd.file_name().to_string_lossy().parse().expect("an fd");
        let call = libc::SYS_pidfd_getfd;
        // SAFETY: `pidfd_getfd` takes integers and accesses no memory.
        let copy = unsafe { libc::syscall(call, self.pidfd.as_raw_fd(), fd, 0) };
        let copy = i32::try_from(Errno::result(copy).expect("a duplicate")).expect("an fd");
        // SAFETY: the call has just made this descriptor, and no other code owns it.
        unsafe { OwnedFd::from_raw_fd(copy) }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let (pidfd, null) = (self.pidfd.as_raw_fd(), std::ptr::null::<libc::siginfo_t>());
        // SAFETY: the descriptor is open, and a null siginfo is what `kill(2)` would send.
        let result =
            unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd, signal as i32, null, 0) };
        // The process may have ended.
        assert!(
            Errno::result(result).is_ok() || Errno::last() == Errno::ESRCH,
            "cannot send {signal} to {}: {}",
            self.pid,
            Errno::last()
        );
    }

    /// Waits until the process has ended. Its status is known if it is a child of this process, as
    /// every daemon is after the end of its launcher (see `Scratch`).
    pub(crate) fn wait(&self) -> Option<ExitStatus> {
        self.wait_for_end();
        reap(self.pid)
    }

    /// Waits until the process has ended, and leaves its status to the caller.
    pub(crate) fn wait_for_end(&self) {
        let patience = PollTimeout::try_from(WAIT_TIMEOUT).expect("a timeout");
        assert!(self.ends_within(patience), "{} does not end", self.pid);
    }

    fn ends_within(&self, timeout: PollTimeout) -> bool {
        loop {
            let mut ended = [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)];
            match poll(&mut ended, timeout) {
                Err(Errno::EINTR) => {}
                result => return result.expect("poll a pidfd") > 0,
            }
        }
    }
}

/// Takes the status of an ended child, if it is one and has ended.
pub(crate) fn reap(pid: i32) -> Option<ExitStatus> {
    let mut status = 0;
    // SAFETY: the status is a valid place for an integer.
    let reaped = unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) };
    (reaped == pid).then(|| ExitStatus::from_raw(status))
}

/// Fields of `/proc/PID/stat`.
#[derive(Debug)]
pub(crate) struct Stat {
    pub(crate) state: char,
    pub(crate) ppid: i32,
    pub(crate) pgid: i32,
    pub(crate) sid: i32,
    pub(crate) tty: i32,
}

/// Zombies included.
pub(crate) fn stat(pid: i32) -> Option<Stat> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = String::from_utf8_lossy(&stat[end + 1..]).into_owned();
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let mut number = || fields.next()?.parse().ok();
    Some(Stat {
        state,
        ppid: number()?,
        pgid: number()?,
        sid: number()?,
        tty: number()?,
    })
}

/// A field of `/proc/PID/status`, as text.
pub(crate) fn status_field(pid: i32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let mut lines = status.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(value.trim().to_owned())
}

/// Whether a descriptor of the process refers to this path.
pub(crate) fn has_open(pid: i32, path: &Path) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .flatten();
    let mut targets = descriptors.filter_map(|descriptor| fs::read_link(descriptor.path()).ok());
    targets.any(|target| target == path)
}

/// The processor time that a process with one thread has used, see `proc_pid_schedstat(5)`.
pub(crate) fn cpu_time(pid: i32) -> Option<Duration> {
    let schedstat = fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    let nanoseconds = schedstat.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// Every live process that has this variable in the environment it was started with.
pub(crate) fn with_variable(name: &str, value: &str) -> Vec<i32> {
    all()
        .filter(|pid| has_variable(*pid, name, value))
        .collect()
}

/// Whether this process has it.
pub(crate) fn has_variable(pid: i32, name: &str, value: &str) -> bool {
    let Ok(mut environ) = File::open(format!("/proc/{pid}/environ")) else {
        return false;
    };
    let mut buffer = vec![0; 16 * 1024];
    let mut length = 0;
    while let Ok(more @ 1..) = environ.read(&mut buffer[length..]) {
        length += more;
        if length == buffer.len() {
            buffer.resize(2 * length, 0);
        }
    }
    contains(&buffer[..length], format!("{name}={value}\0").as_bytes())
}

/// In C, since Rust that is not optimized takes long for the environment of every process.
fn contains(bytes: &[u8], part: &[u8]) -> bool {
    let (start, part_start) = (bytes.as_ptr().cast(), part.as_ptr().cast());
    // SAFETY: both are read for as long as they are.
    let found = unsafe { libc::memmem(start, bytes.len(), part_start, part.len()) };
    !found.is_null()
}

/// Every process but the kernel's own.
pub(crate) fn all() -> impl Iterator<Item = i32> {
    // Those are in no process group, and neither is one whose group is of another PID namespace.
    let has_group = |pid| getpgid(Some(Pid::from_raw(pid))) != Ok(Pid::from_raw(0));
    let is_told = getpgrp() != Pid::from_raw(0);
    let processes = fs::read_dir("/proc").expect("list /proc");
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(move |pid| !is_told || has_group(*pid))
}
