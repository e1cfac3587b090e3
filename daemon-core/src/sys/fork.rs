//! The two forks. No process but its parent can learn how the daemon ended, so the intermediate
//! process stays until the launcher has seen the daemon ready. It tells the launcher the exact status,
//! keeps the zombie, and passes on the signals that the launcher asks for, since only a parent knows
//! for certain that the pid is still the daemon's.
//!
//! They talk through a socket pair. When either is killed, the other reads to its end.

mod child;
mod message;

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid, getsid, setpgid};

use super::child::{Failed, Plan, SpawnFailure};
use super::own_child::OwnChild;
use super::signals::{self, Blocked};
use super::socket;
use super::wait;
use child::DaemonPid;
use message::{CREATED, ENDED, EXECUTED, Message, PID_MISMATCH};

pub(crate) use child::ForkedChild;

/// Starts the daemon, detached; returns when it executes the program.
///
/// The intermediate process is a child of this one, which must not ignore SIGCHLD.
pub(crate) fn start(plan: &Plan) -> Result<ForkedChild, SpawnFailure> {
    let failed = |step| move |errno| SpawnFailure::Launcher(step, errno);
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
                    // The parent also differs when the launcher was killed, which then hears
                    // nothing.
                    let (word, value) = (PID_MISMATCH, 0);
                    Message { word, value }.send(&childrens);
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
        let Some(Message { word, value }) = Message::receive(&socket) else {
            let daemon = daemon.and_then(|pid| DaemonPid::open(pid, intermediate));
            daemon.inspect(DaemonPid::kill_orphan);
            break None;
        };
        match (word, daemon) {
            (CREATED, _) => daemon = Some(Pid::from_raw(value)),
            (PID_MISMATCH, _) => break Some(SpawnFailure::PidMismatch),
            // A daemon that was killed at once has not told its pid.
            (EXECUTED, _) => {
                let pid = Pid::from_raw(value);
                let daemon = DaemonPid::open(pid, intermediate);
                let daemon = daemon.unwrap_or(DaemonPid { pid, pidfd: None });
                return Ok(ForkedChild::new(daemon, intermediate, socket));
            }
            _ => {
                let step = usize::try_from(word).ok().and_then(|it| plan.step(it));
                break step.map(|step| SpawnFailure::Child(step, Errno::from_raw(value)));
            }
        }
    };
    // Both are on their way to their ends, or there already. The intermediate process reaps the
    // daemon first, and ends when this process hears no more.
    while Message::receive(&socket).is_some_and(|message| message.word != ENDED) {}
    drop(socket);
    let ended = wait::wait(intermediate);
    Err(failure.unwrap_or(SpawnFailure::Intermediate(ended)))
}

/// Starts the daemon as a child of this process, which stays; returns when it executes the program.
///
/// The daemon stays in the session of this process, which must have no terminal, and be one whose leader
/// has ended: so the daemon cannot get a terminal either.
pub(crate) fn start_own_child(plan: &Plan) -> Result<OwnChild, SpawnFailure> {
    let failed = |step| move |errno| SpawnFailure::Launcher(step, errno);
    let (socket, childs) = socket::pair().map_err(failed("make a socket pair"))?;
    let (socket, childs) = (UnixStream::from(socket), UnixStream::from(childs));
    let supervisor = getpid();
    let daemon = {
        // No handler of this process may run in the child.
        let _blocked = Blocked::all().map_err(failed("block signals"))?;
        // SAFETY: the child makes only async-signal-safe calls, and never returns.
        match unsafe { fork() }.map_err(failed("create the daemon"))? {
            ForkResult::Parent { child } => child,
            ForkResult::Child => {
                // The system refuses the call only to the leader of a session.
                let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
                // With another parent the supervisor was killed, and no daemon is wanted any more.
                if getppid() == supervisor {
                    if let Err(failed) = plan.take_steps_after_fork() {
                        Message::failed(failed).send(&childs);
                    }
                }
                exit_at_once()
            }
        }
    };
    drop(childs);
    // The connection ends when the daemon executes the program or dies.
    match Message::receive(&socket) {
        None => Ok(OwnChild::new(daemon, getsid(None).unwrap_or(daemon))),
        Some(Message { word, value }) => {
            let ended = wait::wait(daemon);
            let step = usize::try_from(word).ok().and_then(|it| plan.step(it));
            Err(match step {
                Some(step) => SpawnFailure::Child(step, Errno::from_raw(value)),
                None => SpawnFailure::Intermediate(ended),
            })
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
    signals::catch_unless_ignored(Signal::SIGCHLD).map_err(not_forked)?;
    // SAFETY: the child makes only async-signal-safe calls, and never returns.
    let daemon = match unsafe { fork() }.map_err(not_forked)? {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let word = CREATED;
            let value = getpid().as_raw();
            Message { word, value }.send(launcher);
            if let Err(failed) = plan.take_steps_after_fork() {
                Message::failed(failed).send(launcher);
            }
            exit_at_once()
        }
    };
    drop(executing);
    // Nothing is ever written there: it ends when the daemon executes the program or dies.
    while nix::unistd::read(&executed, &mut [0]) == Err(Errno::EINTR) {}
    let (word, value) = (EXECUTED, daemon.as_raw());
    Message { word, value }.send(launcher);
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
                let (word, value) = (ENDED, status.into_raw());
                Message { word, value }.send(launcher);
                has_ended = true;
            }
        }
        let mut sources = [launcher.as_fd(), ended].map(|it| PollFd::new(it, PollFlags::POLLIN));
        let _ = poll(&mut sources, PollTimeout::NONE);
        let _ = socket::receive(ended, &mut [0; 16], libc::MSG_DONTWAIT);
        let mut signal = [0];
        match socket::receive(launcher.as_fd(), &mut signal, libc::MSG_DONTWAIT) {
            Ok(1) => {
                let [signal] = signal;
                let _ = signals::send(daemon, i32::from(signal));
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
