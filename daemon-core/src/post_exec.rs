//! The steps of the daemon after its exec and before user code.

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::{Mode, umask};
use nix::unistd::chdir;

use crate::capabilities::Capabilities;
use crate::handoff::{Record, StartStep};
use crate::sys;

const MISSING: (StartStep, Errno) = (StartStep::MissingCapability, Errno::ENOSYS);

/// Takes from the record of a daemon that has executed this program what the program does not name.
pub(crate) fn drop_unused(record: &mut Record, capabilities: &Capabilities) {
    if capabilities.listen.is_none() {
        record.settings.listen.clear();
    }
    if capabilities.log_reopen.is_none() {
        record.settings.log_reopen = None;
    }
}

/// Lets the signal in that the program before has held back until this one can handle it.
pub(crate) fn let_in(signal: Option<crate::Signal>) {
    let signal = signal.and_then(|signal| Signal::try_from(signal.as_raw()).ok());
    if let Some(signal) = signal {
        let _ = SigSet::from(signal).thread_unblock();
    }
}

/// Whether a step can fail, so that the launcher waits for the outcome.
pub(crate) fn can_fail(record: &Record) -> bool {
    record.paths.chroot.is_some()
        || record.settings.identity.is_some()
        || record.paths.workdir.is_some()
        || !record.passed.is_empty()
        || !record.settings.listen.is_empty()
        || reopens_log(record)
}

/// Takes the steps, in their order. Returns the error that keeps the daemon from reopening its log,
/// if there is one.
pub(crate) fn take_steps(
    record: &Record,
    capabilities: &Capabilities,
) -> Result<Option<Errno>, (StartStep, Errno)> {
    if !record.comm.is_empty() {
        sys::image::set_comm(&record.comm);
    }
    if !record.passed.is_empty() {
        let keep = capabilities.keep_passed.ok_or(MISSING)?;
        keep(&record.passed).map_err(|errno| (StartStep::Passed, errno))?;
    }
    if !record.settings.listen.is_empty() {
        let listens = capabilities.listen.ok_or(MISSING)?;
        (listens.expect)(&record.settings.listen, &record.sockets);
    }
    if let Some(root) = &record.paths.chroot {
        let enter_root = capabilities.chroot.ok_or(MISSING)?;
        enter_root(root).map_err(|errno| (StartStep::Chroot, errno))?;
    }
    if let Some(identity) = &record.settings.identity {
        let privileges = capabilities.privileges.ok_or(MISSING)?;
        (privileges.assume)(identity)
            .map_err(|(step, errno)| (StartStep::Privileges(step), errno))?;
    }
    if let Some(directory) = &record.paths.workdir {
        chdir(directory).map_err(|errno| (StartStep::Workdir, errno))?;
    }
    if let Some(mask) = record.settings.umask {
        umask(Mode::from_bits_truncate(mask as libc::mode_t));
    }
    prepare_log(record, capabilities)
}

/// The last step, after chroot and chdir: the path resolves as it will later.
fn prepare_log(
    record: &Record,
    capabilities: &Capabilities,
) -> Result<Option<Errno>, (StartStep, Errno)> {
    let log = match capabilities.log {
        Some(log) => log,
        None if reopens_log(record) => return Err(MISSING),
        None => return Ok(None),
    };
    let failed = |errno| (StartStep::LogReopen, errno);
    (log.prepare_reopen)(record).map_err(failed)?;
    if let Some(signal) = record.settings.log_reopen.filter(|_| reopens_log(record)) {
        let reopen_on = capabilities.log_reopen.ok_or(MISSING)?;
        reopen_on(signal).map_err(failed)?;
    }
    // Only with `log_reopen` does the daemon have to open the log again.
    Ok(reopens_log(record)
        .then(log.check_reopen)
        .and_then(Result::err))
}

fn reopens_log(record: &Record) -> bool {
    record.settings.log_reopen.is_some() && record.log_target.is_some()
}
