//! A daemon that executes another program in its own place.

use std::convert::identity;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{self, Command};
use std::sync::{Mutex, OnceLock, PoisonError};

use nix::errno::Errno;
use nix::sys::signal::{SigmaskHow, Signal};

use crate::handoff::{self, Carried, Record};
use crate::listen_fds;
use crate::log_reopen;
use crate::readiness::notify;
use crate::running;
use crate::signals::IgnoreGuard;
use crate::sys;

static CONTINUATION: OnceLock<Continuation> = OnceLock::new();

/// Keeps what another program needs to continue as the daemon.
pub(crate) fn prepare(record: &'static Record) {
    let owner = process::id();
    // It is set once: the hand-off cannot be taken twice.
    drop(CONTINUATION.set(Continuation { record, owner }));
}

/// What a program needs to continue as the daemon that this process is.
#[derive(Debug)]
struct Continuation {
    record: &'static Record,
    /// The daemon's pid; its forked children have all this too.
    owner: u32,
}

impl Continuation {
    /// Without the steps that were taken, which no program takes again.
    fn record(&self) -> Record {
        let mut record = self.record.clone();
        let root = record.paths.chroot.take();
        let target = record.log_target.take();
        // As it is in the root directory that the daemon has now.
        record.log_target = target.map(|path| match root.map(|root| path.strip_prefix(root)) {
            Some(Ok(inside)) => ["/".as_ref(), inside].iter().collect(),
            _ => path,
        });
        record.paths.workdir = None;
        record.settings.identity = None;
        record.settings.umask = None;
        // What the program has closed or led elsewhere since stays as it is.
        record.passed.clear();
        record.buffers_output = running::is_output_buffered();
        record.pid_descriptor = running::lock_descriptor();
        // Another file may get the fd of a socket that the program has closed.
        let open = listen_fds::still_open();
        for (name, fd) in record.sockets.iter_mut().zip(listen_fds::FIRST..) {
            if !open.contains(&fd) {
                name.clear();
            }
        }
        record.carried = Some(Carried {
            launcher: notify::launcher_descriptor(),
            log_files: log_reopen::marks(),
        });
        record
    }
}

/// Executes a program in the place of this process, see `execve(2)`, and carries the daemon over:
/// the PID file and its lock, the log, the connection to a launcher or supervisor that waits, the
/// sockets of [`listen`](crate::Daemon::listen) and of `LISTEN_FDS` that are still open, and
/// [`is_daemon`](crate::is_daemon). In this way a daemon upgrades itself and keeps its pid.
///
/// The new program calls [`enter`](crate::Daemon::enter) or [`start`](crate::Daemon::start) as usual,
/// with the same version of this library. By another way, such as [`CommandExt::exec`], the lock of
/// the PID file is lost, and a second daemon can start beside this one. Privileges, root directory,
/// working directory and umask stay as they are. In the foreground it is [`CommandExt::exec`] with the
/// sockets of `LISTEN_FDS`. Files of [`Start::pass`](crate::Start::pass) are not carried over. Where
/// the new version does not name `log_reopen` any more, it does not reopen the log; without `listen`
/// it finds the sockets as those of `LISTEN_FDS`.
///
/// With another version of this library the new program continues as in the foreground. With
/// [`restart`](crate::Daemon::restart), the run after a crash is what the supervisor executes: the
/// version that it was started from. Use the verb `restart` to change the version for good.
///
/// No signal is blocked in the new program, but for one that has come and waits, and for that of
/// [`log_reopen`](crate::Daemon::log_reopen), which is blocked until the program enters. A child that
/// another thread starts during the call may get the lock too.
///
/// It returns only if the program could not be executed; the daemon then continues.
///
/// # Errors
///
/// The error that is returned is that of `execve(2)`, or of the system calls before it. `EPERM` also if
/// the effective, real and saved ids of this process differ, as after `seteuid(2)`.
///
/// ```no_run
/// use std::process::Command;
///
/// // Early in `main`: Linux names the file otherwise once another one is in its place.
/// let program = std::env::current_exe()?;
///
/// // When an upgrade has put a new version there.
/// let mut new = Command::new(program);
/// let error = daemon::exec(new.args(std::env::args_os().skip(1)));
/// eprintln!("cannot execute the new version: {error}");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn exec(command: &mut Command) -> io::Error {
    let continuation = CONTINUATION.get();
    let executed = match continuation.filter(|it| it.owner == process::id()) {
        Some(continuation) => hand_over(command, continuation),
        None => execute(command, Vec::new(), false),
    };
    executed.unwrap_or_else(identity)
}

/// The error of the exec, or of what comes before.
fn hand_over(command: &mut Command, continuation: &Continuation) -> io::Result<io::Error> {
    // One that fails closes on exec what another one hands over.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    // The new program would take this for a forged hand-off to a set-uid program.
    if !sys::ids::are_alike() {
        return Err(Errno::EPERM.into());
    }
    let pid = continuation.owner;
    let mut record = continuation.record();
    record.launcher = i32::try_from(pid).map_err(io::Error::other)?;
    // Another program gets the name of its process from its own file.
    if command.get_program() != sys::image::Image::NAME {
        record.comm.clear();
    }
    let (launcher_end, daemon_end) = handoff::pair()?;
    launcher_end.send(&mut record)?;
    // The program may have closed its standard streams. The next one would take it for one of them.
    let above_streams = libc::STDERR_FILENO + 1;
    let daemon_end = sys::descriptors::duplicate(daemon_end.as_raw_fd(), above_streams)?;
    let launcher = record.carried.as_ref().and_then(|it| it.launcher);
    let inherited = [
        Some(daemon_end.as_raw_fd()),
        record.pid_descriptor,
        launcher,
    ];
    let inherited = inherited.into_iter().flatten().collect();
    // The signal of `log_reopen` waits until the new program has its handler: it would end the program.
    // What has come, and is blocked, waits too: a program takes it by `sigwait(3)` or `signalfd(2)`.
    let mut held = sys::signals::pending()?;
    if let Some(signal) = record.settings.log_reopen {
        held.add(Signal::try_from(signal.as_raw())?);
    }
    let before = held.thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let marker = handoff::marker(daemon_end.as_fd());
    let value = marker.split_once('=').map_or("", |(_, value)| value);
    command.env(handoff::MARKER, format!("{value}{pid}"));
    let executed = execute(command, inherited, !record.settings.listen.is_empty());
    command.env_remove(handoff::MARKER);
    before.thread_set_mask()?;
    executed
}

/// Executes the program with these descriptors, and with the sockets that it finds again: by their names
/// in the record, or by the variables.
fn execute(
    command: &mut Command,
    mut inherited: Vec<RawFd>,
    are_named: bool,
) -> io::Result<io::Error> {
    if are_named || listen_fds::count() > 0 {
        inherited.extend(listen_fds::still_open());
    }
    // The standard library gives SIGPIPE its default action, also where the exec fails.
    let pipe = IgnoreGuard::begin(Signal::SIGPIPE)?;
    for fd in &inherited {
        sys::descriptors::keep_open(*fd)?;
    }
    let error = command.exec();
    drop(pipe);
    for fd in inherited {
        let _ = sys::descriptors::close_on_exec(fd);
    }
    Ok(error)
}
