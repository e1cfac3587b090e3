//! The environment of the launcher, and what the daemon gets of it.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::unistd::getpid;

use crate::detach::EnvEntry;
use crate::env_changes::EnvChanges;
use crate::handoff;
use crate::identity::Variable;
use crate::readiness::notify::NOTIFY_SOCKET;
use crate::sys;
use crate::systemd;

/// The number of sockets that were handed over to this process, see `sd_listen_fds(3)`.
pub(crate) fn listen_fds() -> usize {
    let count = |text: OsString| text.to_str()?.parse().ok();
    match std::env::var_os("LISTEN_PID") {
        Some(pid) if pid == *own_pid() => std::env::var_os("LISTEN_FDS").and_then(count),
        _ => None,
    }
    .unwrap_or_default()
}

/// As a variable names this process.
fn own_pid() -> String {
    getpid().to_string()
}

/// Variables that name the process that they are meant for.
const NAMES_A_PROCESS: [&str; 3] = ["LISTEN_PID", "WATCHDOG_PID", systemd::EXEC_PID];

/// Names a process too, by the inode of its pidfd, which the daemon does not have yet. Without it
/// `LISTEN_PID` counts alone.
const LISTEN_PIDFDID: &str = "LISTEN_PIDFDID";

/// The daemon's environment: this one, with the variables of the hand-off, of the notification socket
/// and of another user. A variable that names this process names the daemon instead.
pub(super) fn for_daemon(
    handoff: &OwnedFd,
    (is_announced, notify_socket): (bool, Option<&OsStr>),
    of_identity: Vec<Variable<'_>>,
    changes: &EnvChanges,
) -> Vec<EnvEntry> {
    let own_pid = own_pid();
    let mut ours = of_identity;
    ours.retain(|(name, _)| !changes.change(name));
    // Whatever its value was, and set below.
    ours.push((handoff::MARKER, None));
    // systemd hears the daemon of a service that it started. Another address is the caller's.
    if is_announced || !systemd::started_this_process() {
        ours.push((NOTIFY_SOCKET, notify_socket));
    }
    if std::env::var_os("LISTEN_PID").is_some_and(|pid| pid == *own_pid) {
        ours.push((LISTEN_PIDFDID, None));
    }
    let mut inherited = sys::environment::entries();
    changes.apply(&mut inherited);
    let inherited = inherited.into_iter();
    let inherited =
        inherited.filter(|entry| !ours.iter().any(|(name, _)| value(entry, name).is_some()));
    let inherited = inherited.map(|entry| {
        let names_us = |name: &&str| value(&entry, name) == Some(own_pid.as_bytes());
        match NAMES_A_PROCESS.into_iter().find(names_us) {
            Some(name) => EnvEntry::PidStamped(format!("{name}=").into_bytes()),
            None => EnvEntry::Copied(entry),
        }
    });
    let set = ours.iter().filter_map(|(name, value)| {
        let entry = [name.as_bytes(), b"=", (*value)?.as_bytes()].concat();
        Some(EnvEntry::Copied(entry))
    });
    let marker = EnvEntry::PidStamped(handoff::marker(handoff.as_fd()).into_bytes());
    inherited.chain(set).chain([marker]).collect()
}

/// What a variable is set to, if the entry is that variable's.
fn value<'a>(entry: &'a [u8], name: &str) -> Option<&'a [u8]> {
    entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}
