//! The two forks and the exec, seen from the launcher: what the children are to do. What runs in
//! the children stands in `sys::child`, and how they are made in `sys::launch`.

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::path::Path;
use std::process::ExitStatus;

use nix::errno::Errno;

use crate::error::{Error, ErrorKind, shown};
use crate::signal;
use crate::sys::child::{ExecStep, Plan, SpawnFailure, Strings};
use crate::sys::descriptors::FdsToClose;
use crate::sys::image::Image;
use crate::sys::launch::Child;

/// What the daemon is given.
#[derive(Debug)]
pub(crate) struct Program<'a> {
    pub(crate) image: &'a Image,
    pub(crate) arguments: Strings,
    pub(crate) environment: Strings,
    pub(crate) stdin: BorrowedFd<'a>,
    pub(crate) output: BorrowedFd<'a>,
    /// The descriptors that stay open.
    pub(crate) kept: Vec<RawFd>,
    /// Sockets, and their fds in the daemon.
    pub(crate) sockets: Vec<(BorrowedFd<'a>, RawFd)>,
    /// The PID file, its path, and the length of its old content.
    pub(crate) pid_file: Option<(BorrowedFd<'a>, &'a Path, u64)>,
}

/// How a process is started: [`launch::start`], or another way of that module.
pub(crate) type SpawnFn = fn(Plan) -> Result<Child, SpawnFailure>;

/// Starts the daemon, detached; returns when it executes the program.
pub(crate) fn detach(program: Program<'_>, start: SpawnFn) -> Result<Child, Error> {
    let pid_file = program.pid_file.map(|(_, path, _)| path);
    start(plan(program)?).map_err(|failure| not_created(&failure, pid_file))
}

fn plan(program: Program<'_>) -> Result<Plan, Error> {
    // The order matters: the streams are placed after everything is marked for closing, since
    // placing clears the mark; the PID is written last, when nothing but the exec can fail.
    let output = program.output.as_raw_fd();
    let mut steps = vec![
        ExecStep::NewSession,
        ExecStep::SecondFork,
        ExecStep::DefaultSignals,
        ExecStep::CloseOnExec(FdsToClose::by_this_process()),
        ExecStep::Place {
            from: program.stdin.as_raw_fd(),
            onto: libc::STDIN_FILENO,
        },
        ExecStep::Place {
            from: output,
            onto: libc::STDOUT_FILENO,
        },
        ExecStep::Place {
            from: output,
            onto: libc::STDERR_FILENO,
        },
    ];
    let sockets = program.sockets.iter();
    steps.extend(sockets.map(|(socket, onto)| ExecStep::Place {
        from: socket.as_raw_fd(),
        onto: *onto,
    }));
    steps.extend(program.kept.into_iter().map(ExecStep::KeepOpen));
    steps.push(ExecStep::StampPid);
    if let Some((file, _, old_length)) = program.pid_file {
        steps.push(ExecStep::WritePid {
            file: file.as_raw_fd(),
            old_length,
        });
    }
    steps.extend([ExecStep::EmptyMask, ExecStep::Execute]);
    let image = program.image.path().map_err(image_unknown)?;
    Ok(Plan::new(
        steps,
        image,
        program.arguments,
        program.environment,
    ))
}

/// There is no daemon.
fn not_created(failure: &SpawnFailure, pid_file: Option<&Path>) -> Error {
    match *failure {
        SpawnFailure::Launcher(step, cause) => Error::step(step, cause),
        SpawnFailure::Child(step, cause) => child_step_failed(step, pid_file, cause),
        SpawnFailure::PidMismatch => pid_mismatch(),
        SpawnFailure::Intermediate(outcome) => intermediate_ended(outcome),
    }
}

fn child_step_failed(step: ExecStep, pid_file: Option<&Path>, cause: Errno) -> Error {
    let step = match step {
        ExecStep::NewSession => "start a session in the intermediate process",
        ExecStep::SecondFork => "create the daemon",
        ExecStep::DefaultSignals => "reset the signals of the daemon",
        ExecStep::CloseOnExec(_) => "close the descriptors of the daemon",
        ExecStep::KeepOpen(_) => "keep a descriptor open for the daemon",
        ExecStep::Place { onto, .. } if onto > libc::STDERR_FILENO => {
            "place the sockets of the daemon"
        }
        ExecStep::Place { .. } => "redirect the standard streams of the daemon",
        ExecStep::StampPid => "set the environment of the daemon",
        ExecStep::WritePid { .. } => {
            let path = shown(pid_file.unwrap_or(Path::new("")));
            let what = format!("cannot write the PID file {path}");
            return Error::system(ErrorKind::CannotCreate, what, cause);
        }
        ExecStep::EmptyMask => "unblock the signals of the daemon",
        ExecStep::Execute => {
            return Error::step(
                &format!("execute the daemon through {}", Image::NAME),
                cause,
            );
        }
    };
    Error::step(step, cause)
}

fn pid_mismatch() -> Error {
    let reason = "children run in another PID namespace";
    Error::new(ErrorKind::System, "cannot create the daemon", reason)
}

fn intermediate_ended(outcome: Result<ExitStatus, Errno>) -> Error {
    let what = "cannot create the daemon";
    let ended = outcome.map_or("was lost".to_owned(), signal::describe_end);
    Error::new(
        ErrorKind::System,
        what,
        format!("the intermediate process {ended}"),
    )
}

pub(crate) fn image_unknown(cause: std::io::Error) -> Error {
    Error::step(&format!("find this program by {}", Image::NAME), cause)
}
