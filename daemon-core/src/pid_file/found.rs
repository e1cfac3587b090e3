//! What is at the path of a PID file, and whether a daemon runs by it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::failure::{already_running, failed, irregular, not_locked, untrusted};
use crate::error::Error;
use crate::files::NO_FOLLOW;
use crate::lock::{self, RunState};
use crate::trust;

/// How long a PID file may be locked before it has a pid, while a daemon starts.
pub(crate) const PID_WRITE_TIMEOUT: Duration = Duration::from_millis(100);

const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// Opens the file at the path to inspect it; `None` if there is none.
pub(super) fn find(path: &Path) -> Result<Option<File>, Error> {
    let mut options = OpenOptions::new();
    let options = options.read(true).custom_flags(NO_FOLLOW.bits());
    let file = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|cause| failed("open", path, cause))?,
    };
    let metadata = file
        .metadata()
        .map_err(|cause| failed("open", path, cause))?;
    if metadata.is_dir() {
        return Err(failed("open", path, Errno::EISDIR.into()));
    }
    if !metadata.is_file() {
        return Err(irregular(path));
    }
    trust::check_pid_file(path, &metadata).map_err(|reason| untrusted(path, &reason))?;
    Ok(Some(file))
}

/// Refuses a file that another user could have planted, with a daemon of that user.
pub(crate) fn refuse_planted(path: &Path, file: &File) -> Result<(), Error> {
    let metadata = file
        .metadata()
        .map_err(|cause| failed("open", path, cause))?;
    trust::check_way(path, None)
        .and_then(|()| trust::check_pid_file(path, &metadata))
        .map_err(|reason| untrusted(path, &reason))
}

/// Refuses the start if a daemon runs or is being started.
///
/// Where the lock is held and the file has no pid, a daemon starts or ends at this moment, so
/// the file is looked at again for a while.
pub(super) fn refuse_running(path: &Path) -> Result<(), Error> {
    let deadline = Instant::now() + PID_WRITE_TIMEOUT;
    loop {
        let Some(file) = find(path)? else {
            return Ok(());
        };
        let state = lock::run_state(&file).map_err(|errno| not_locked(path, errno))?;
        if state == RunState::Over {
            return Ok(());
        }
        let pid = lock::holder(&file);
        if pid.is_some() || Instant::now() >= deadline {
            return Err(already_running(path, &file, state, pid));
        }
        thread::sleep(POLL_INTERVAL);
    }
}
