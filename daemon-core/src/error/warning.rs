//! What is worth a line on the terminal though the start goes on.

use std::path::Path;

use nix::errno::Errno;

use super::shown;
use crate::identity::Identity;

/// The daemon, with other rights or in another root directory than the launcher, could not reopen
/// its log.
pub(crate) fn log_stays(log: &Path, cause: Errno) -> String {
    let log = shown(log);
    let reason = cause.desc();
    format!("the daemon cannot reopen the log {log}: {reason}; rotate it by copying (copytruncate)")
}

pub(crate) fn under_supervisord() -> &'static str {
    "supervisord watches the process that it starts, and this one exits now; omit the switch"
}

pub(crate) fn under_systemd() -> &'static str {
    "systemd watches the process that it starts, and this one exits now; omit the switch, or \
     use Type=forking and a PID file"
}

/// The program that root starts can be replaced by the user that the daemon becomes.
pub(crate) fn replaceable_program(program: &Path, identity: &Identity) -> String {
    let (program, user) = (shown(program), shown(identity.to_string().as_ref()));
    format!("user {user} can replace {program} and thereby gain root at the next start")
}
