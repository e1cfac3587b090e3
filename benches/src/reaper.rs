//! Every process of a contestant becomes a child of the bench when its own parent leaves, so that it
//! can be killed by its pid and waited for: once it is reaped, its locks are free.

use std::fs;

use anyhow::{Result, ensure};
use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid};

use crate::run::now;
use crate::site::PATIENCE;

/// Makes this process the one that orphans come to.
pub(crate) fn adopt_orphans() -> Result<()> {
    Ok(set_child_subreaper(true)?)
}

/// Kills and reaps the daemon, if it is known, and whatever else was started and still is there.
pub(crate) fn kill_all(daemon: Option<Pid>) -> Result<()> {
    if let Some(daemon) = daemon {
        kill(daemon, Signal::SIGKILL)?;
        reap(daemon)?;
    }
    let deadline = now()? + PATIENCE;
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
            Ok(WaitStatus::StillAlive) => {
                for child in children()? {
                    // Gone in between is as good.
                    kill(child, Signal::SIGKILL).or_else(|errno| match errno {
                        Errno::ESRCH => Ok(()),
                        other => Err(other),
                    })?;
                }
                ensure!(now()? < deadline, "a process does not die");
            }
            Ok(_) => {}
        }
    }
}

/// Waits until a daemon is gone, and with it whoever stands between it and the bench: it becomes the
/// bench's child only when its own parent has left.
pub(crate) fn reap(daemon: Pid) -> Result<()> {
    loop {
        match waitpid(None, None) {
            Err(Errno::EINTR) => {}
            Ok(status) if status.pid() != Some(daemon) => {}
            other => return Ok(other.map(drop)?),
        }
    }
}

/// Waits for one daemon that is the bench's child already.
pub(crate) fn reap_one(daemon: Pid) -> Result<()> {
    loop {
        match waitpid(daemon, None) {
            Err(Errno::EINTR) => {}
            other => return Ok(other.map(drop)?),
        }
    }
}

/// The living children of this process, by a walk through `/proc`.
fn children() -> Result<Vec<Pid>> {
    let parent = getpid().to_string();
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        // The name, in parentheses, may hold anything; state and parent follow it.
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        if after_name.split_whitespace().nth(1) == Some(&parent) {
            children.push(Pid::from_raw(pid));
        }
    }
    Ok(children)
}
