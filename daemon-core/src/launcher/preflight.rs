//! Before a start: what is refused, what is warned of, and the exec in place that answers a question.

use std::convert::Infallible;
use std::env;
use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;

use nix::errno::Errno;
use nix::unistd::{getegid, geteuid, getgid, getpid, getuid};

use super::LaunchConfig;
use crate::detach::image_unknown;
use crate::error::{Error, ErrorKind, shown};
use crate::sys;
use crate::sys::image::Image;
use crate::trust;

/// Refuses a start where a daemon could not work, or would be dangerous.
pub(crate) fn check() -> Result<(), Error> {
    refuse_borrowed_rights()?;
    refuse_process_one()?;
    refuse_notify_unit()
}

/// The daemon of a set-uid or set-gid program would keep rights that the caller does not have, and
/// use them on files that the caller names.
fn refuse_borrowed_rights() -> Result<(), Error> {
    if getuid() != geteuid() || getgid() != getegid() {
        let reason = "set-uid and set-gid programs cannot be run in the background";
        return Err(refused(ErrorKind::Permission, reason));
    }
    Ok(())
}

/// When process 1 of a container ends, the container ends with all its processes.
fn refuse_process_one() -> Result<(), Error> {
    if getpid().as_raw() == 1 {
        let reason = "this is PID 1: its children are killed when it exits; run in the foreground";
        return Err(refused(ErrorKind::Configuration, reason));
    }
    Ok(())
}

/// Under `Type=notify` systemd waits for the process that it started.
fn refuse_notify_unit() -> Result<(), Error> {
    if is_started_by_systemd() && env::var_os("NOTIFY_SOCKET").is_some() {
        let reason = "systemd waits for this process (Type=notify); omit the switch";
        return Err(refused(ErrorKind::Usage, reason));
    }
    Ok(())
}

/// Whether systemd started this very process, and not one of its ancestors: see
/// `SYSTEMD_EXEC_PID` in `systemd.exec(5)`.
fn is_started_by_systemd() -> bool {
    let pid = env::var_os("SYSTEMD_EXEC_PID");
    pid.is_some_and(|pid| pid.to_str() == Some(&getpid().to_string()))
}

/// The file that is executed again, if it is this program.
pub(super) fn own_image() -> Result<Image, Error> {
    let image = Image::of_this_process().map_err(image_unknown)?;
    image.ok_or_else(|| {
        let name = Image::NAME;
        let reason = format!("{name} is another program, the dynamic loader perhaps");
        refused(ErrorKind::System, &reason)
    })
}

fn refused(kind: ErrorKind, reason: &str) -> Error {
    Error::words(kind, super::CANNOT_START, reason)
}

/// What the user of a start that succeeded should know: it is likely to be a mistake.
pub(super) fn warnings(config: &LaunchConfig) -> Vec<String> {
    let mut warnings = Vec::new();
    if env::var_os("SUPERVISOR_ENABLED").is_some() {
        let text = "supervisord watches the process that it starts, and this one exits now; omit \
                    the switch";
        warnings.push(text.to_owned());
    }
    // The launcher cannot tell the types of unit apart. `Type=forking` is right, and has a PID file.
    if is_started_by_systemd() && config.pid_file.is_none() {
        let text = "systemd watches the process that it starts, and this one exits now; omit the \
                    switch, or use Type=forking and a PID file";
        warnings.push(text.to_owned());
    }
    warnings.extend(replaceable_program(config));
    warnings
}

/// A user that can replace the program becomes root as soon as root starts the program again.
fn replaceable_program(config: &LaunchConfig) -> Option<String> {
    let identity = config.identity.as_ref()?;
    let program = env::current_exe().ok()?;
    if !trust::can_be_replaced(&program, identity) {
        return None;
    }
    let (program, user) = (shown(&program), shown(identity.to_string().as_ref()));
    Some(format!(
        "user {user} can replace {program} and thereby gain root at the next start"
    ))
}

/// Executes this program again in its own place, with this command line. Returns only when that
/// failed. A question such as `--help` beside the switch is answered in the foreground.
pub(crate) fn exec_in_place(argv: Vec<OsString>) -> Error {
    let image = match own_image() {
        Ok(image) => image,
        Err(error) => return error,
    };
    let execute = || -> io::Result<Infallible> {
        let strings = |list: Vec<Vec<u8>>| -> Result<Vec<CString>, Errno> {
            list.into_iter()
                .map(|bytes| CString::new(bytes).map_err(|_| Errno::EINVAL))
                .collect()
        };
        let argv = strings(argv.into_iter().map(OsString::into_vec).collect())?;
        let environment = strings(sys::environment::entries())?;
        Ok(nix::unistd::execve(&image.path()?, &argv, &environment)?)
    };
    match execute() {
        Err(error) => Error::step("execute this program again", error),
        Ok(never) => match never {},
    }
}
