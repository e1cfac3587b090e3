//! The two forks. No process but its parent can learn how the daemon ended, so the intermediate
//! process stays until the launcher has seen the daemon ready. It tells the launcher the exact status,
//! keeps the zombie, and passes on the signals that the launcher asks for, since only a parent knows
//! for certain that the pid is still the daemon's.
//!
//! They talk through a socket pair. When either is killed, the other reads to its end.

use std::cell::Cell;
use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::socket::{MsgFlags, recv, send};
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid, getsid};

use super::child::{Failed, Failure, Plan};
use super::platform::process;
use super::platform::socket::{self, NO_SIGNAL};
use super::signals::{self, Blocked};
use super::wait;

/// How long a process may take to end that got SIGKILL.
const KILL_TIMEOUT: Duration = Duration::from_secs(1);

/// How often its end is looked for.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// The daemon, a child of the intermediate process, until its end has been seen.
#[derive(Debug)]
pub(crate) struct Child {
    daemon: Daemon,
    intermediate: Pid,
    socket: UnixStream,
    is_orphan: Cell<bool>,
}

impl Child {
    pub(crate) fn pid(&self) -> Pid {
        self.daemon.pid
    }

    /// What is readable once it has ended.
    #[expect(clippy::unnecessary_wraps, reason = "not every Linux has it")]
    pub(crate) fn end(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }

    /// How it ended, if it has. The answer stays the same, and the zombie stays until the drop.
    pub(crate) fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        let mut bytes = [0; 8];
        let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
        let received = recv(self.socket.as_raw_fd(), &mut bytes, flags);
        let Message { word, number } = Message::from_bytes(bytes);
        match received {
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
            Ok(8) if word == ENDED => Ok(Some(ExitStatus::from_raw(number))),
            // It could not wait for the daemon.
            Ok(8) => Err(io::Error::from_raw_os_error(number)),
            _ => {
                if !self.is_orphan.replace(true) {
                    self.daemon.kill_orphan();
                }
                Err(io::Error::other("the intermediate process was killed"))
            }
        }
    }

    pub(crate) fn send(&self, signal: i32) {
        let [number, ..] = signal.to_le_bytes();
        // It may have ended, which is what is wanted.
        let _ = send(self.socket.as_raw_fd(), &[number], NO_SIGNAL);
    }
}

impl Drop for Child {
    /// The daemon goes to init: the intermediate process reads to the end, and ends.
    fn drop(&mut self) {
        self.socket.shutdown(Shutdown::Both).ok();
        let _ = wait::wait(self.intermediate);
    }
}

/// The daemon, as it is known without its parent.
#[derive(Debug)]
struct Daemon {
    pid: Pid,
    /// Where the system has it.
    pidfd: Option<OwnedFd>,
}

impl Daemon {
    /// In this session, which is the intermediate process's, no other process can have its pid.
    fn open(pid: Pid, session: Pid) -> Option<Self> {
        let pidfd = process::open(pid).ok();
        match getsid(Some(pid)) {
            Err(Errno::ESRCH) => None,
            Ok(its) if its != session => None,
            // Some systems do not tell it of another session.
            _ => Some(Self { pid, pidfd }),
        }
    }

    /// The intermediate process was killed, so what becomes of the daemon would never be known. To be
    /// called once: without a pidfd the pid may be another process's afterwards.
    fn kill_orphan(&self) {
        let send = |signal: Option<Signal>| match &self.pidfd {
            Some(pidfd) => {
                process::send_signal(pidfd.as_fd(), signal.map_or(0, |signal| signal as i32))
            }
            None => kill(self.pid, signal),
        };
        let deadline = Instant::now() + KILL_TIMEOUT;
        let mut answer = send(Some(Signal::SIGKILL));
        while answer.is_ok() && Instant::now() < deadline {
            thread::sleep(POLL_INTERVAL);
            answer = send(None);
        }
    }
}

/// Starts the daemon, detached; returns when it executes the program.
///
/// The intermediate process is a child of this one, which must not ignore SIGCHLD.
pub(crate) fn start(plan: &Plan) -> Result<Child, Failure> {
    let failed = |step| move |errno| Failure::Launcher(step, errno);
    let (socket, childrens) = socket::pair().map_err(failed("make a socket pair"))?;
    let (socket, childrens) = (UnixStream::from(socket), UnixStream::from(childrens));
    let launcher = getpid();
    let intermediate = {
        // No handler of the launcher's may run in a child.
        let _blocked = Blocked::all().map_err(failed("block signals"))?;
        // SAFETY: the child makes only async-signal-safe calls, and never returns.
        match unsafe { fork() }.map_err(failed("create the intermediate process"))? {
            ForkResult::Parent { child } => child,
            ForkResult::Child => {
                drop(socket);
                if getppid() != launcher {
                    // Also when the launcher was killed, and hears nothing.
                    let (word, number) = (STRANGE, 0);
                    Message { word, number }.send(&childrens);
                } else if let Err(failed) = intermediate(plan, &childrens) {
                    Message::failed(failed).send(&childrens);
                }
                exit_at_once()
            }
        }
    };
    drop(childrens);
    let mut daemon = None;
    let failure = loop {
        let Some(Message { word, number }) = Message::receive(&socket) else {
            let daemon = daemon.and_then(|pid| Daemon::open(pid, intermediate));
            daemon.inspect(Daemon::kill_orphan);
            break None;
        };
        match (word, daemon) {
            (CREATED, _) => daemon = Some(Pid::from_raw(number)),
            (STRANGE, _) => break Some(Failure::PidMismatch),
            // A daemon that was killed at once has not told its pid.
            (EXECUTED, _) => {
                let pid = Pid::from_raw(number);
                let daemon = Daemon::open(pid, intermediate);
                return Ok(Child {
                    daemon: daemon.unwrap_or(Daemon { pid, pidfd: None }),
                    intermediate,
                    socket,
                    is_orphan: Cell::new(false),
                });
            }
            _ => {
                let step = usize::try_from(word).ok().and_then(|it| plan.step(it));
                break step.map(|step| Failure::Child(step, Errno::from_raw(number)));
            }
        }
    };
    // Both are on their way to their ends, or there already. The intermediate process reaps the
    // daemon first, and ends when this process hears no more.
    while Message::receive(&socket).is_some_and(|message| message.word != ENDED) {}
    drop(socket);
    let fate = wait::wait(intermediate);
    Err(failure.unwrap_or(Failure::Intermediate(fate)))
}

/// What the children tell the launcher.
#[derive(Clone, Copy)]
struct Message {
    word: i32,
    number: i32,
}

/// The daemon's side has begun, with this pid.
const CREATED: i32 = -1;
/// The daemon, with this pid, has executed the program, or was killed before.
const EXECUTED: i32 = -2;
/// The daemon has ended, with this status of `waitpid(2)`.
const ENDED: i32 = -3;
/// The intermediate process does not see the launcher, and so has another pid in its own eyes.
const STRANGE: i32 = -4;

impl Message {
    /// Every other word is the index of a step, which failed with this errno.
    fn failed(failed: Failed) -> Self {
        Self {
            word: i32::try_from(failed.step).unwrap_or(i32::MAX),
            number: failed.errno as i32,
        }
    }

    /// A launcher that was killed is not missed.
    fn send(self, socket: &UnixStream) {
        let mut bytes = [0; 8];
        let (word, number) = bytes.split_at_mut(4);
        word.copy_from_slice(&self.word.to_ne_bytes());
        number.copy_from_slice(&self.number.to_ne_bytes());
        let _ = send(socket.as_raw_fd(), &bytes, NO_SIGNAL);
    }

    /// The next one; nothing at the end.
    fn receive(mut socket: &UnixStream) -> Option<Self> {
        let mut bytes = [0; 8];
        socket.read_exact(&mut bytes).ok()?;
        Some(Self::from_bytes(bytes))
    }

    fn from_bytes([a, b, c, d, number @ ..]: [u8; 8]) -> Self {
        Self {
            word: i32::from_ne_bytes([a, b, c, d]),
            number: i32::from_ne_bytes(number),
        }
    }
}

/// All that the intermediate process does. The other threads of the program do not exist in it and
/// may have held any lock: from here on only async-signal-safe calls, as `sys::child` says.
fn intermediate(plan: &Plan, launcher: &UnixStream) -> Result<(), Failed> {
    plan.take_steps_before_fork()?;
    let not_forked = |errno| plan.not_forked(errno);
    let (executed, executing) = socket::pair().map_err(not_forked)?;
    let (ended, on_end) = socket::pair().map_err(not_forked)?;
    signals::write_interrupts_to(on_end.as_fd());
    signals::set_interrupt_handler(Signal::SIGCHLD).map_err(not_forked)?;
    // SAFETY: the child makes only async-signal-safe calls, and never returns.
    let daemon = match unsafe { fork() }.map_err(not_forked)? {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let word = CREATED;
            let number = getpid().as_raw();
            Message { word, number }.send(launcher);
            if let Err(failed) = plan.take_steps_after_fork() {
                Message::failed(failed).send(launcher);
            }
            exit_at_once()
        }
    };
    drop(executing);
    // Nothing is ever written there: it ends when the daemon executes the program or dies.
    while nix::unistd::read(&executed, &mut [0]) == Err(Errno::EINTR) {}
    let (word, number) = (EXECUTED, daemon.as_raw());
    Message { word, number }.send(launcher);
    SigSet::from(Signal::SIGCHLD)
        .thread_unblock()
        .and_then(|()| attend(daemon, launcher, ended.as_fd()))
        .map_err(|errno| {
            // What becomes of it would never be known, and its pid is certain only here.
            let _ = kill(daemon, Signal::SIGKILL);
            not_forked(errno)
        })
}

/// Until the launcher has no more use for this process. A daemon that has ended stays a zombie until
/// then, so that no other process gets its pid or its process group.
fn attend(daemon: Pid, launcher: &UnixStream, ended: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut has_ended = false;
    loop {
        if !has_ended {
            if let Some(status) = wait::peek(daemon)? {
                let (word, number) = (ENDED, status.into_raw());
                Message { word, number }.send(launcher);
                has_ended = true;
            }
        }
        let mut sources = [launcher.as_fd(), ended].map(|it| PollFd::new(it, PollFlags::POLLIN));
        let _ = poll(&mut sources, PollTimeout::NONE);
        let _ = recv(ended.as_raw_fd(), &mut [0; 16], MsgFlags::MSG_DONTWAIT);
        let mut number = [0];
        match recv(launcher.as_raw_fd(), &mut number, MsgFlags::MSG_DONTWAIT) {
            Ok(1) => {
                let [number] = number;
                let _ = signals::send(daemon, i32::from(number));
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Ok(_) | Err(_) => {
                // No zombie stays.
                return wait::try_wait(daemon).map(drop);
            }
        }
    }
}

/// Ends a child, whose exit handlers are the launcher's.
fn exit_at_once() -> ! {
    // SAFETY: the call takes an integer.
    unsafe { libc::_exit(0) }
}
