//! Starting a program in a caller's surroundings that are exactly so.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::ptr;
use std::time::Instant;

use nix::fcntl::{FcntlArg, fcntl};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, sigprocmask};
use nix::unistd::Pid;

use crate::support::outcome::{Launch, Outcome};

/// A program that is about to be started. By default it gets an empty standard input,
/// pipes as its outputs, and the environment of the test.
#[derive(Debug)]
pub(crate) struct Start {
    command: Command,
}

impl Start {
    pub(crate) fn new(program: &Path, directory: &Path) -> Self {
        let mut command = Command::new(program);
        command
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // The caller of the tests may have left descriptors open, and may ignore signals, as `nohup`
        // and a shell's `&` do. The program gets only what the test passes to it.
        Self { command }.before_exec(|| {
            for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT] {
                // SAFETY: the default action runs no code of this process.
                unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) }?;
            }
            let (call, flags) = (libc::SYS_close_range, libc::CLOSE_RANGE_CLOEXEC);
            // The crate has no function for it with musl.
            // SAFETY: what is marked here is open in the child, and nothing is closed yet.
            if unsafe { libc::syscall(call, 3, libc::c_uint::MAX, flags) } < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(())
        })
    }

    /// Starts this program instead, with the same environment; its arguments follow.
    pub(crate) fn via(self, program: &Path) -> Self {
        let directory = self.command.get_current_dir().expect("a directory");
        let mut start = Self::new(program, directory);
        for (name, value) in self.command.get_envs() {
            if let Some(value) = value {
                start.command.env(name, value);
            }
        }
        start
    }

    /// The program and its arguments.
    pub(crate) fn words(&self) -> impl Iterator<Item = &OsStr> {
        [self.command.get_program()]
            .into_iter()
            .chain(self.command.get_args())
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// The name in `argv[0]`, which may be false.
    pub(crate) fn arg0(mut self, name: impl AsRef<OsStr>) -> Self {
        self.command.arg0(name);
        self
    }

    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn env_clear(mut self) -> Self {
        self.command.env_clear();
        self
    }

    /// The options of the program `report`, one on a line.
    pub(crate) fn options(self, options: impl Into<OsString>) -> Self {
        self.env("TEST_OPTIONS", options.into())
    }

    /// The steps that the program `report` takes.
    pub(crate) fn does(self, steps: &str) -> Self {
        self.env("TEST_DOES", steps)
    }

    pub(crate) fn cwd(mut self, directory: impl AsRef<Path>) -> Self {
        self.command.current_dir(directory);
        self
    }

    pub(crate) fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.command.stdin(stdin);
        self
    }

    pub(crate) fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.command.stdout(stdout);
        self
    }

    pub(crate) fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.command.stderr(stderr);
        self
    }

    /// Starts without these descriptors.
    pub(crate) fn close(self, descriptors: &[i32]) -> Self {
        let descriptors = descriptors.to_vec();
        self.before_exec(move || {
            for descriptor in &descriptors {
                // SAFETY: what the child closes between fork and exec is the child's own copy.
                unsafe { libc::close(*descriptor) };
            }
            Ok(())
        })
    }

    /// Passes the file on as `count` descriptors from `first`, as a careless caller would.
    pub(crate) fn inherit(self, file: impl Into<OwnedFd>, first: i32, count: i32) -> Self {
        let file: OwnedFd = file.into();
        let end = first + count;
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit");
        // Room for the program's own.
        let limit = u64::from(end.unsigned_abs()) + 1000;
        let start = self.limit(Resource::RLIMIT_NOFILE, limit.min(hard));
        start.before_exec(move || {
            // The source itself may be where the copies go. A copy may also replace the
            // pipe by which std learns of a failed exec; then std takes it for a success.
            let source = fcntl(&file, FcntlArg::F_DUPFD_CLOEXEC(end))?;
            for fd in first..end {
                // SAFETY: the source is open, and the child uses no other descriptor of these values.
                if unsafe { libc::dup2(source, fd) } < 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(())
        })
    }

    pub(crate) fn ignore(self, signals: impl IntoIterator<Item = i32>) -> Self {
        let signals: Vec<_> = signals.into_iter().collect();
        self.before_exec(move || {
            for signal in &signals {
                ignore(*signal);
            }
            Ok(())
        })
    }

    pub(crate) fn block(self, signals: SigSet) -> Self {
        self.before_exec(move || Ok(sigprocmask(SigmaskHow::SIG_BLOCK, Some(&signals), None)?))
    }

    pub(crate) fn umask(self, mask: u32) -> Self {
        self.before_exec(move || {
            // SAFETY: the call takes an integer and cannot fail.
            unsafe { libc::umask(mask) };
            Ok(())
        })
    }

    /// Sets the soft limit and, if it is lower, the hard limit.
    pub(crate) fn limit(self, resource: Resource, limit: u64) -> Self {
        self.before_exec(move || {
            let (_, hard) = getrlimit(resource)?;
            Ok(setrlimit(resource, limit, hard.max(limit))?)
        })
    }

    /// The first processor alone runs it, and all that it starts.
    pub(crate) fn on_one_processor(self) -> Self {
        let mut processors = CpuSet::new();
        processors.set(0).expect("the first processor");
        self.before_exec(move || Ok(sched_setaffinity(Pid::from_raw(0), &processors)?))
    }

    /// Something that the child does just before it executes the program. It may use
    /// async-signal-safe calls only, since the test has more than one thread.
    pub(crate) fn before_exec(
        mut self,
        step: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        // SAFETY: the steps in this file make plain system calls, and the others promise to.
        unsafe { self.command.pre_exec(step) };
        self
    }

    /// Starts the program and goes on.
    pub(crate) fn spawn(mut self) -> Launch {
        let started = Instant::now();
        let child = self.command.spawn().expect("start a program");
        // Here the copies end which the command holds of the descriptors it handed on.
        drop(self);
        Launch::new(child, started)
    }

    /// Starts the program, and leaves its outputs to the caller.
    pub(crate) fn spawn_child(mut self) -> Child {
        self.command.spawn().expect("start a program")
    }

    /// Starts the program, waits until it has ended and its outputs are closed.
    pub(crate) fn run(self) -> Outcome {
        self.spawn().wait()
    }

    /// The same, but nothing if the system does not execute the program.
    pub(crate) fn try_run(mut self) -> Option<Outcome> {
        let started = Instant::now();
        let child = self.command.spawn().ok()?;
        drop(self);
        Some(Launch::new(child, started).wait())
    }
}

/// Ignores the signal, also one that the C library keeps for itself and refuses. What cannot be
/// ignored stays as it is.
fn ignore(signal: i32) {
    // The kernel's `struct sigaction` begins with the handler, except on MIPS.
    let mut action = [0_usize; 8];
    action[0] = libc::SIG_IGN;
    let (call, none) = (libc::SYS_rt_sigaction, ptr::null_mut::<usize>());
    // SAFETY: the array is larger than the kernel's structure, the old action is not asked for, and
    // an ignored signal runs no handler.
    unsafe { libc::syscall(call, signal, action.as_ptr(), none, 8_usize) };
}
