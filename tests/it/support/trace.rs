//! Stopping, holding and killing each process of a launch at each of its system calls.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, getpid, pipe2, read, write};

use crate::support::outcome::Outcome;
use crate::support::process;
use crate::support::start::Start;

/// The processes of a launch.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Role {
    Launcher,
    Intermediate,
    Daemon,
    /// Those of a launch by two forks, after the two clones did not do what they were to do.
    SecondIntermediate,
    SecondDaemon,
    /// A thread or a child of the daemon.
    Other,
}

/// A process of the launch has stopped, before or after a system call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    pub(crate) role: Role,
    pub(crate) pid: i32,
    /// Counts the stops of this process, from 1.
    pub(crate) number: usize,
}

impl Stop {
    /// The system call that it stops at, see `proc_pid_syscall(5)`.
    pub(crate) fn call(self) -> Option<i64> {
        let path = format!("/proc/{}/syscall", self.pid);
        let line = std::fs::read_to_string(path).ok()?;
        line.split_whitespace().next()?.parse().ok()
    }

    /// Whether it asks for the process group of a process, as the search for the members of a group does
    /// with each process of the machine. A sweep counts some of these calls only: each of its rounds
    /// leaves more than one process, which the next search asks for twice, so with all of them the end of
    /// the verb moves away faster than the rounds come near it.
    pub(crate) fn asks_for_group(self) -> bool {
        self.call() == Some(libc::SYS_getpgid)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Action {
    Go,
    Kill,
    /// It stays as it is until the launcher sleeps, waiting for it.
    Hold,
    /// It continues without the tracer, and so do all if it is the launcher.
    Leave,
}

/// Runs a start, asks `decide` at each stop what is to become of the process, and gives the outcome
/// of the launcher. Processes that outlive it go on untraced.
pub(crate) fn run(start: Start, decide: impl FnMut(Stop) -> Action + Send) -> Outcome {
    run_as(&[Role::Intermediate, Role::Daemon], start, decide)
}

/// The same with these roles for the processes that appear after the launcher, in this order.
pub(crate) fn run_as(
    roles: &[Role],
    start: Start,
    decide: impl FnMut(Stop) -> Action + Send,
) -> Outcome {
    let pipe = || pipe2(OFlag::O_CLOEXEC).expect("a pipe");
    let ((pid_reader, pid_writer), (go_reader, go_writer)) = (pipe(), pipe());
    // The launcher waits before its exec until it is traced.
    let start = start.before_exec(move || {
        write(&pid_writer, &getpid().as_raw().to_ne_bytes())?;
        read(&go_reader, &mut [0])?;
        Ok(())
    });
    let tracer = || {
        let mut pid = [0; 4];
        File::from(pid_reader)
            .read_exact(&mut pid)
            .expect("the launcher's pid");
        let mut tracer = Tracer::seize(Pid::from_raw(i32::from_ne_bytes(pid)), roles, decide);
        write(&go_writer, &[1]).expect("let the launcher go");
        tracer.follow(None);
    };
    // The tracer is a thread. When it ends, the kernel detaches it from all processes.
    let launch = thread::scope(|scope| {
        let tracer = scope.spawn(tracer);
        let launch = start.spawn();
        tracer.join().expect("trace a launch");
        launch
    });
    launch.wait()
}

/// Traces a process that runs already, as a launcher with these children, from `begin` until it has
/// ended, is left, or makes no call any more while `is_over`.
#[cfg_attr(
    daemon_fork,
    allow(dead_code, reason = "a supervisor that forks is not swept")
)]
pub(crate) fn attach(
    pid: i32,
    roles: &[Role],
    begin: impl FnOnce() + Send,
    decide: impl FnMut(Stop) -> Action + Send,
    is_over: impl Fn() -> bool + Sync,
) {
    let pid = Pid::from_raw(pid);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut tracer = Tracer::seize(pid, roles, decide);
            ptrace::interrupt(pid).expect("stop the process");
            begin();
            tracer.follow(Some(&is_over));
        });
    });
}

/// A process that waits makes no call for so long.
const QUIET: Duration = Duration::from_millis(200);

struct Tracer<'a, D> {
    roles: &'a [Role],
    launcher: Pid,
    known: HashMap<Pid, (Role, usize)>,
    held: Vec<Pid>,
    decide: D,
}

impl<'a, D: FnMut(Stop) -> Action> Tracer<'a, D> {
    fn seize(launcher: Pid, roles: &'a [Role], decide: D) -> Self {
        // The first stop is the end of the exec.
        let options = Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACEFORK
            | Options::PTRACE_O_TRACEVFORK
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_TRACEEXEC;
        ptrace::seize(launcher, options).expect("trace the launcher");
        Self {
            roles,
            launcher,
            known: HashMap::from([(launcher, (Role::Launcher, 0))]),
            held: Vec::new(),
            decide,
        }
    }

    /// Follows the processes until the launcher is left or has ended, and leaves its status to be taken.
    fn follow(&mut self, is_over: Option<&dyn Fn() -> bool>) {
        let mut last_stop = Instant::now();
        loop {
            // Only what this thread has started or traces: other tests have children too.
            let mut flags = WaitPidFlag::__WALL
                | WaitPidFlag::__WNOTHREAD
                | WaitPidFlag::WEXITED
                | WaitPidFlag::WSTOPPED;
            let polls = is_over.is_some() || !self.held.is_empty();
            flags.set(WaitPidFlag::WNOHANG, polls);
            let peeked = waitid(Id::All, flags | WaitPidFlag::WNOWAIT).expect("wait");
            match peeked {
                WaitStatus::StillAlive => {
                    let is_quiet = last_stop.elapsed() >= QUIET;
                    if is_quiet && is_over.is_some_and(|is_over| is_over()) {
                        return;
                    }
                    self.release_held();
                }
                WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)
                    if pid == self.launcher =>
                {
                    return;
                }
                status => {
                    last_stop = Instant::now();
                    let pid = status.pid().expect("a process");
                    let status = waitpid(pid, Some(WaitPidFlag::__WALL)).expect("wait");
                    let action = self.stopped(pid, status);
                    if pid == self.launcher && action == Some(Action::Leave) {
                        return;
                    }
                }
            }
        }
    }

    fn stopped(&mut self, pid: Pid, status: WaitStatus) -> Option<Action> {
        let role = self.roles.get(self.known.len() - 1);
        let role = *role.unwrap_or(&Role::Other);
        let (role, number) = self.known.entry(pid).or_insert((role, 0));
        let signal = match status {
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) => return None,
            WaitStatus::Stopped(_, signal) => Some(signal),
            _ => None,
        };
        *number += 1;
        let stop = Stop {
            role: *role,
            pid: pid.as_raw(),
            number: *number,
        };
        let action = match stop.role {
            Role::Other => Action::Leave,
            _ => (self.decide)(stop),
        };
        let result = match action {
            Action::Go => ptrace::syscall(pid, signal),
            Action::Kill => nix::sys::signal::kill(pid, Signal::SIGKILL),
            Action::Leave => ptrace::detach(pid, signal),
            Action::Hold => {
                self.held.push(pid);
                Ok(())
            }
        };
        // A process that is being killed has nothing to go on with.
        assert!(matches!(result, Ok(()) | Err(Errno::ESRCH)), "{result:?}");
        Some(action)
    }

    /// Nothing happens: if that is because the launcher sleeps, those it waits for go on.
    fn release_held(&mut self) {
        let sleeps = process::stat(self.launcher.as_raw()).is_some_and(|stat| stat.state == 'S');
        if sleeps {
            for pid in self.held.drain(..) {
                ptrace::syscall(pid, None).ok();
            }
        }
        thread::sleep(Duration::from_micros(200));
    }
}
