//! What the daemon does after its exec and before user code, because it could not be done before.

use nix::errno::Errno;
use nix::sys::stat::{Mode, umask};

use crate::handoff::Record;
use crate::log_reopen;
use crate::sys;

/// A step that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Step {
    Workdir = 1,
    LogReopen = 2,
}

impl Step {
    const ALL: [Self; 2] = [Self::Workdir, Self::LogReopen];

    /// The step of this number.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|step| *step as u8 == number)
    }
}

/// Whether there is something to do that can fail, so that the launcher waits for its outcome.
pub(crate) fn can_fail(record: &Record) -> bool {
    record.workdir.is_some() || record.log_reopen.is_some()
}

/// Takes the steps, in their order.
pub(crate) fn take_steps(record: &Record) -> Result<(), (Step, Errno)> {
    sys::image::set_comm(&record.comm);
    if let Some(directory) = &record.workdir {
        nix::unistd::chdir(directory).map_err(|errno| (Step::Workdir, errno))?;
    }
    if let Some(mask) = record.umask {
        umask(Mode::from_bits_truncate(mask as libc::mode_t));
    }
    // At last, when the path leads where it will lead for ever.
    log_reopen::prepare(record).map_err(|errno| (Step::LogReopen, errno))?;
    Ok(())
}
