//! The environment of the launcher, and what the daemon gets of it.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::unistd::getpid;

use crate::env_changes::EnvChanges;
use crate::handoff;
use crate::identity::Variable;
use crate::listen_fds;
use crate::readiness::notify::NOTIFY_SOCKET;
use crate::sys;
use crate::sys::child::Strings;
use crate::systemd;

/// Variables that name the process that they are meant for.
const NAMES_A_PROCESS: [&str; 3] = [listen_fds::PID, "WATCHDOG_PID", systemd::EXEC_PID];

/// What a service manager gives to a service, and not to the daemon that it needs.
const OF_A_SERVICE: [&str; 7] = [
    listen_fds::PID,
    listen_fds::PIDFDID,
    listen_fds::COUNT,
    listen_fds::NAMES,
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    systemd::EXEC_PID,
];

/// The daemon's environment: this one, with the variables of the hand-off, of the notification socket,
/// of another user, and of sockets with these names. A variable that names this process names the daemon
/// instead.
pub(super) fn for_daemon(
    handoff: &OwnedFd,
    (is_announced, notify_socket, is_for_client): (bool, Option<&OsStr>, bool),
    of_identity: Vec<Variable<'_>>,
    sockets: &[String],
    changes: &EnvChanges,
) -> Strings {
    let own_pid = format!("{}", getpid());
    let mut ours = of_identity;
    ours.retain(|(name, _)| !changes.change(name));
    // An inherited value is dropped here, and the new one is set below.
    ours.push((handoff::MARKER, None));
    // systemd hears the daemon of a service that it started. Another address is the caller's.
    if is_announced || is_for_client || !systemd::started_this_process() {
        ours.push((NOTIFY_SOCKET, notify_socket));
    }
    if is_for_client {
        let of_service = OF_A_SERVICE.iter().filter(|name| !changes.change(name));
        ours.extend(of_service.map(|name| (*name, None)));
    }
    if std::env::var_os(listen_fds::PID).is_some_and(|pid| pid == *own_pid) {
        ours.push((listen_fds::PIDFDID, None));
    }
    let count = format!("{}", sockets.len());
    let mut names = String::new();
    for name in sockets {
        if !names.is_empty() {
            names.push(':');
        }
        names.push_str(name);
    }
    if !sockets.is_empty() {
        ours.push((listen_fds::PIDFDID, None));
        // The new value is set below.
        ours.push((listen_fds::PID, None));
        ours.push((listen_fds::COUNT, Some(count.as_ref())));
        ours.push((listen_fds::NAMES, Some(names.as_ref())));
    }
    let mut inherited = sys::environment::entries();
    changes.apply(&mut inherited);
    let mut entries = Strings::new();
    for entry in inherited {
        if ours.iter().any(|(name, _)| value(&entry, name).is_some()) {
            continue;
        }
        let names_us = |name: &&&str| value(&entry, name) == Some(own_pid.as_bytes());
        match NAMES_A_PROCESS.iter().find(names_us) {
            Some(name) => entries.push_with_pid(format!("{name}=").into_bytes()),
            None => entries.push(entry),
        }
    }
    for (name, value) in ours {
        if let Some(value) = value {
            entries.push([name.as_bytes(), b"=", value.as_bytes()].concat());
        }
    }
    if !sockets.is_empty() {
        let pid = format!("{}=", listen_fds::PID);
        entries.push_with_pid(pid.into_bytes());
    }
    let marker = handoff::marker(handoff.as_fd()).into_bytes();
    entries.push_with_pid(marker);
    entries
}

/// What a variable is set to, if the entry is that variable's.
fn value<'a>(entry: &'a [u8], name: &str) -> Option<&'a [u8]> {
    entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}
