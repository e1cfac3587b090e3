//! Surroundings in which a start in the background would be wrong.

use nix::unistd::{getegid, geteuid, getgid, getpid, getuid};

use crate::error::Error;
use crate::sys::image::Image;

/// Refuses a start where it would be wrong.
pub(crate) fn check() -> Result<(), Error> {
    refuse_borrowed_rights()?;
    refuse_process_one()?;
    refuse_notify_unit()
}

/// A set-uid or set-gid program would be started for ever with rights that its caller does not
/// have, in files that its caller names.
fn refuse_borrowed_rights() -> Result<(), Error> {
    if getuid() != geteuid() || getgid() != getegid() {
        return Err(Error::borrowed_rights());
    }
    Ok(())
}

/// When process 1 of a container ends, so does the container with all that is in it.
fn refuse_process_one() -> Result<(), Error> {
    if getpid().as_raw() == 1 {
        return Err(Error::process_one());
    }
    Ok(())
}

/// Under `Type=notify` the manager waits for the process it started.
fn refuse_notify_unit() -> Result<(), Error> {
    if is_started_by_systemd() && std::env::var_os("NOTIFY_SOCKET").is_some() {
        return Err(Error::notify_unit());
    }
    Ok(())
}

/// Whether systemd started this very process, and not one that has started it: see
/// `SYSTEMD_EXEC_PID` in `systemd.exec(5)`.
pub(super) fn is_started_by_systemd() -> bool {
    let pid = std::env::var_os("SYSTEMD_EXEC_PID");
    pid.is_some_and(|pid| pid.to_str() == Some(&getpid().to_string()))
}

/// What is executed again, if it is this program.
pub(super) fn own_image() -> Result<Image, Error> {
    Image::of_this_process()
        .map_err(Error::image_unknown)?
        .ok_or_else(Error::foreign_image)
}
