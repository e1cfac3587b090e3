//! How a process becomes a supervisor.

use std::ffi::OsString;
use std::os::fd::RawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use nix::sys::signal::Signal;

use super::channel::Channel;
use super::policy::Policy;
use super::runs::Runs;
use super::state::Supervisor;
use crate::capabilities::Capabilities;
use crate::descriptors::KeptFds;
use crate::error::{CANNOT_START, Error, ErrorKind};
use crate::handoff::{DaemonEnd, Record};
use crate::listen_fds;
use crate::pid_file::supervised::SupervisedFile;
use crate::readiness::Mode;
use crate::signals::Interrupts;
use crate::sys;

/// What the name of the process has behind the program's.
const COMM_SUFFIX: &[u8] = b"-sup";

/// How long the name of a process can be.
const COMM_MAX: usize = 15;

/// Supervises the daemon until it is stopped or its end was intended; then this process ends.
pub(super) fn become_supervisor(
    record: Record,
    end: DaemonEnd,
    named: (Capabilities, &'static Mode),
) -> ! {
    let mut channel = Channel::new(end, &record.settings);
    match set_up(record, named) {
        Ok(mut supervisor) => {
            supervisor.channel = Some(channel);
            supervisor.run();
        }
        Err(error) => {
            channel.push_verdict(&Err(error));
            channel.deliver();
        }
    }
    sys::exit::exit_at_once(0)
}

fn set_up(mut record: Record, named: (Capabilities, &'static Mode)) -> Result<Supervisor, Error> {
    let missing = || {
        Error::new(
            ErrorKind::System,
            CANNOT_START,
            "the hand-off is incomplete",
        )
    };
    let own = record.supervisor.take().ok_or_else(missing)?;
    // Before there is a descriptor that could get the fd of a declared one.
    let sockets = listen_fds::count().max(record.sockets.len());
    let kept = KeptFds::new(&record.settings.keep_fds, sockets);
    let take = |fd: Option<RawFd>| {
        let taken = sys::descriptors::take_over(fd.ok_or_else(missing)?);
        taken.map_err(|errno| Error::step("keep the PID file open", errno))
    };
    let lock = take(record.pid_descriptor)?;
    let bring_up = take(Some(own.bring_up))?;
    let path = record.paths.pid.clone().ok_or_else(missing)?;
    sys::image::set_comm(&name_of_process(&record.comm));
    let interrupts = Interrupts::catch_only(&[
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGCHLD,
    ]);
    let interrupts = interrupts.map_err(|error| Error::step("make a pipe for signals", error))?;
    let policy = Policy::new(&record.settings);
    let runs = Runs::new(record, own, named, kept)?;
    Ok(Supervisor {
        log_watch: runs.watch_log(),
        runs,
        file: SupervisedFile::new(lock.into(), bring_up.into(), path),
        interrupts,
        policy,
        channel: None,
        is_first_run: true,
        stop: None,
        first_failure: None,
    })
}

fn name_of_process(program: &OsString) -> OsString {
    let name = program.as_bytes();
    let length = name.len().min(COMM_MAX - COMM_SUFFIX.len());
    let name = name.get(..length).unwrap_or(name);
    OsString::from_vec([name, COMM_SUFFIX].concat())
}
