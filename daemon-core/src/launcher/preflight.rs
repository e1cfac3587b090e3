//! Before a start: what is refused, what is warned of, and the exec in place that answers a question.

use std::borrow::Cow;
use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;

use nix::unistd::{getpid, getppid};

use super::config::LaunchConfig;
use crate::detach::image_unknown;
use crate::error::{CANNOT_START, Error, ErrorKind, shown};
use crate::readiness::notify::NOTIFY_SOCKET;
use crate::stdin::Stdin;
use crate::sys::child::{Plan, Strings};
use crate::sys::image::Image;
use crate::sys::{self, process};
use crate::systemd::{self, Unit};

/// Init programs of containers that end when their child ends, by the names of their processes.
const ENDING_INITS: [&str; 6] = [
    "tini",
    "tini-static",
    "docker-init",
    "podman-init",
    "dumb-init",
    "catatonit",
];

/// Refuses a start where a daemon could not work, or would be dangerous. A client of the daemon may be
/// a service itself, or the program of a container: it continues, and the container with it.
pub(crate) fn check(is_for_client: bool) -> Result<(), Error> {
    refuse_borrowed_rights()?;
    refuse_app_image()?;
    if is_for_client {
        return Ok(());
    }
    refuse_process_one()?;
    refuse_ending_init()?;
    refuse_notify_unit()
}

/// The daemon of a set-uid or set-gid program would keep rights that the caller does not have, and
/// use them on files that the caller names.
pub(crate) fn refuse_borrowed_rights() -> Result<(), Error> {
    if sys::ids::are_borrowed() {
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

/// The same with an init program, as in `tini -- hello -d`. A shell between them would wait.
fn refuse_ending_init() -> Result<(), Error> {
    let parent = process::name_of(getppid()).unwrap_or_default();
    if ENDING_INITS.iter().any(|init| parent == *init) {
        let parent = shown(parent.as_ref());
        let reason =
            format!("{parent} ends with this process and kills the daemon; run in the foreground");
        return Err(refused(ErrorKind::Configuration, reason));
    }
    Ok(())
}

/// The file system of an `AppImage` is unmounted when the process ends that mounted it.
fn refuse_app_image() -> Result<(), Error> {
    let below = |directory: OsString| {
        let directory = PathBuf::from(directory).canonicalize().ok()?;
        // The images of containers use this variable too.
        let is_mounted = env::var_os("APPIMAGE").is_some() || sys::files::is_fuse(&directory);
        Some(is_mounted && env::current_exe().ok()?.starts_with(directory))
    };
    if env::var_os("APPDIR").and_then(below) == Some(true) {
        let reason = "the file system of this AppImage is unmounted when this process exits; run \
                      in the foreground";
        return Err(refused(ErrorKind::Configuration, reason));
    }
    Ok(())
}

/// Under `Type=notify` systemd waits for the process that it started. Other types of unit look the
/// same from here when they have a watchdog, so the manager is asked.
fn refuse_notify_unit() -> Result<(), Error> {
    if env::var_os(NOTIFY_SOCKET).is_none() || !systemd::started_this_process() {
        return Ok(());
    }
    let unit = Unit::of(getpid()).and_then(|unit| unit.kind());
    match unit.as_ref().map(|(kind, _)| &**kind) {
        None | Some("notify" | "notify-reload") => {
            let reason = "systemd waits for this process (Type=notify); run in the foreground";
            Err(refused(ErrorKind::Usage, reason))
        }
        Some(_) => Ok(()),
    }
}

/// The file that is executed again, if it is this program.
#[inline(never)] // each use would have its own copy
pub(crate) fn own_image() -> Result<Image, Error> {
    let image = Image::of_this_process().map_err(image_unknown)?;
    image.ok_or_else(|| {
        let name = Image::NAME;
        let reason = format!("{name} is another program, possibly the dynamic loader");
        refused(ErrorKind::System, reason)
    })
}

fn refused(kind: ErrorKind, reason: impl Into<Cow<'static, str>>) -> Error {
    Error::new(kind, CANNOT_START, reason)
}

/// What the user of a start that succeeded should know: it is likely to be a mistake.
pub(super) fn warnings(config: &LaunchConfig) -> Vec<String> {
    let mut warnings = Vec::new();
    let ends = !config.is_for_client;
    if ends && is_child_of_supervisord() {
        let text = "supervisord watches the process that it starts, and this one exits now; run \
                    in the foreground";
        warnings.push(text.to_owned());
    }
    warnings.extend(wrong_unit(config).filter(|_| ends));
    // A client reads its input itself.
    warnings.extend(unread_input().filter(|_| ends && config.stdin == Stdin::Null));
    let identity = config.record.settings.identity.as_ref();
    let privileges = config.capabilities.privileges.zip(identity);
    warnings.extend(privileges.and_then(|(privileges, identity)| (privileges.warning)(identity)));
    warnings
}

/// The daemon has `/dev/null` for its standard input. Without input that waits to be read, as below
/// `ssh`, a caller can hardly mean it for the daemon.
fn unread_input() -> Option<String> {
    let input = File::from(io::stdin().as_fd().try_clone_to_owned().ok()?);
    let file = input.metadata().ok()?;
    let is_unread = if file.is_file() {
        (&input).stream_position().ok()? < file.len()
    } else {
        file.file_type().is_fifo() && sys::descriptors::unread_bytes(&input) > 0
    };
    let text = "standard input is not passed to the daemon, which reads /dev/null";
    is_unread.then(|| text.to_owned())
}

/// systemd watches the launcher as the service, unless the unit is of `Type=forking` and the PID file
/// names the daemon.
fn wrong_unit(config: &LaunchConfig) -> Option<String> {
    if !systemd::started_this_process() {
        return None;
    }
    let unit = Unit::of(getpid()).and_then(|unit| unit.kind());
    match unit.as_ref().map(|(kind, remains)| (&**kind, *remains)) {
        Some((kind @ ("simple" | "exec" | "idle" | "oneshot"), false)) => Some(format!(
            "systemd kills the daemon when this process exits (Type={kind}); run in the foreground, \
             or use Type=forking and a PID file"
        )),
        None | Some(("forking", _)) if config.record.paths.pid.is_none() => {
            let text = "systemd watches the process that it starts, and this one exits now; run in \
                        the foreground, or use Type=forking and a PID file";
            Some(text.to_owned())
        }
        _ => None,
    }
}

/// Whether supervisord started this very process, and not one of its ancestors.
pub(crate) fn is_child_of_supervisord() -> bool {
    env::var_os("SUPERVISOR_ENABLED").is_some()
        && process::name_of(getppid()).is_some_and(|parent| parent == "supervisord")
}

/// Executes this program again in its own place, with this command line. Returns only when that
/// failed. A question such as `--help` beside the switch is answered in the foreground.
pub(crate) fn exec_in_place(argv: Vec<OsString>) -> Error {
    let path = match own_image().and_then(|image| image.path().map_err(image_unknown)) {
        Ok(path) => path,
        Err(error) => return error,
    };
    let (mut arguments, mut environment) = (Strings::new(), Strings::new());
    for word in argv {
        arguments.push(word.into_vec());
    }
    for entry in sys::environment::entries() {
        environment.push(entry);
    }
    let plan = Plan::new(Vec::new(), path, arguments, environment);
    Error::step("execute this program again", plan.execute())
}
