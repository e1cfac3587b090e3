//! What the daemon does after its exec and before user code, because it could not be done before.

use std::path::Path;

use nix::errno::Errno;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, chroot};

use crate::handoff::{Record, StartStep};
use crate::identity::{self, Identity};
use crate::log_reopen;
use crate::sys;

/// Whether there is something to do that can fail, so that the launcher waits for its outcome.
pub(crate) fn can_fail(record: &Record) -> bool {
    record.paths.chroot.is_some()
        || record.settings.identity.is_some()
        || record.paths.workdir.is_some()
        || (record.settings.log_reopen.is_some() && record.log_target.is_some())
}

/// Takes the steps, in their order. What comes back is the error that keeps the daemon from reopening
/// its log, if there is one.
pub(crate) fn take_steps(record: &Record) -> Result<Option<Errno>, (StartStep, Errno)> {
    sys::image::set_comm(&record.comm);
    if let Some(root) = &record.paths.chroot {
        enter_root(root).map_err(|errno| (StartStep::Chroot, errno))?;
    }
    if let Some(identity) = &record.settings.identity {
        assume(identity).map_err(|(step, errno)| (StartStep::Privileges(step), errno))?;
    }
    if let Some(directory) = &record.paths.workdir {
        chdir(directory).map_err(|errno| (StartStep::Workdir, errno))?;
    }
    if let Some(mask) = record.settings.umask {
        umask(Mode::from_bits_truncate(mask as libc::mode_t));
    }
    // At last, when the path leads where it will lead for ever.
    log_reopen::prepare(record).map_err(|errno| (StartStep::LogReopen, errno))?;
    // In another root directory it cannot be opened, and who does not ask for it need not know.
    let must_reopen = match record.paths.chroot {
        Some(_) => record.settings.log_reopen.is_some(),
        None => record.settings.identity.is_some(),
    };
    Ok(must_reopen.then(log_reopen::check).and_then(Result::err))
}

/// A working directory outside would be a way out.
fn enter_root(root: &Path) -> Result<(), Errno> {
    chroot(root)?;
    chdir("/")
}

/// The system takes a process that has changed its user for one that holds secrets of the former
/// one, and bars the new one from tracing it and from its core. This one has just begun.
fn assume(identity: &Identity) -> Result<(), (identity::CredStep, Errno)> {
    sys::ids::keep_dumpable(|| identity.assume())
}
