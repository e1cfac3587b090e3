//! The modes, and the policy of the launcher for each.

#[cfg(unix)]
use std::fs::File;
use std::time::Duration;

#[cfg(unix)]
use nix::errno::Errno;
#[cfg(unix)]
use nix::unistd::Pid;

#[cfg(unix)]
use super::address::{self, Address};
#[cfg(unix)]
use super::probe::{Probe, Target, Watch};
#[cfg(unix)]
use super::{exec, notify, observed};
#[cfg(unix)]
use crate::error::Error;
#[cfg(unix)]
use crate::path_template::PathContext;
#[cfg(unix)]
use crate::sys;

/// One readiness mode: the policy of the launcher, and how to watch the daemon.
#[derive(Debug)]
pub(crate) struct Mode {
    pub(super) name: &'static str,
    /// The longest wait, unless `ready_timeout` is set.
    pub(crate) default_timeout: Duration,
    /// A daemon that ends with status 0 before it is ready was a short job that succeeded.
    pub(crate) may_finish_first: bool,
    /// What the program says before it is ready is heard. Under `exec` it is ready before it can say
    /// anything.
    pub(crate) hears_program: bool,
    /// Without a log, the output is kept in such a file until the daemon is ready.
    #[cfg(unix)]
    pub(crate) buffer: Option<fn() -> Result<File, Errno>>,
    /// Makes the paths of its addresses absolute.
    #[cfg(unix)]
    pub(super) resolve: Option<ResolveAddresses>,
    #[cfg(unix)]
    pub(crate) watch: Watch,
    /// What takes the place of a condition that cannot be seen.
    #[cfg(unix)]
    pub(crate) fall_back: Option<FallBack>,
}

#[cfg(unix)]
type FallBack = fn(Pid) -> (&'static Mode, Box<dyn Probe>);

#[cfg(unix)]
type ResolveAddresses = fn(Vec<Address>, &PathContext) -> Result<Vec<Address>, Error>;

pub(super) static EXEC: Mode = Mode {
    name: "exec",
    default_timeout: Duration::from_secs(30),
    may_finish_first: true,
    hears_program: false,
    #[cfg(unix)]
    buffer: None,
    #[cfg(unix)]
    resolve: None,
    #[cfg(unix)]
    watch: Watch::Observed(exec::watch),
    #[cfg(unix)]
    fall_back: None,
};

pub(super) static SETTLED: Mode = Mode {
    name: "settled",
    default_timeout: Duration::from_secs(3),
    may_finish_first: true,
    hears_program: true,
    #[cfg(unix)]
    buffer: None,
    #[cfg(unix)]
    resolve: None,
    #[cfg(unix)]
    watch: Watch::Observed(observed::watch_settled),
    #[cfg(unix)]
    fall_back: None,
};

pub(super) static LISTENING: Mode = Mode {
    name: "listening",
    default_timeout: Duration::from_secs(30),
    may_finish_first: false,
    hears_program: true,
    #[cfg(unix)]
    buffer: None,
    #[cfg(unix)]
    resolve: None,
    #[cfg(unix)]
    watch: Watch::Observed(observed::watch_listening),
    #[cfg(unix)]
    fall_back: Some(settled),
};

pub(super) static NOTIFY: Mode = Mode {
    name: "notify",
    default_timeout: Duration::from_secs(30),
    may_finish_first: false,
    hears_program: true,
    #[cfg(unix)]
    buffer: Some(sys::files::in_memory),
    #[cfg(unix)]
    resolve: None,
    #[cfg(unix)]
    watch: Watch::Announced(notify::bind),
    #[cfg(unix)]
    fall_back: None,
};

pub(super) static ADDRESSES: Mode = Mode {
    name: "addresses",
    default_timeout: Duration::from_secs(30),
    may_finish_first: false,
    hears_program: true,
    #[cfg(unix)]
    buffer: None,
    #[cfg(unix)]
    resolve: Some(address::resolve),
    #[cfg(unix)]
    watch: Watch::Observed(observed::watch_listening),
    #[cfg(unix)]
    fall_back: Some(settled),
};

/// Sees the processes, where their sockets are hidden.
#[cfg(unix)]
fn settled(daemon: Pid) -> (&'static Mode, Box<dyn Probe>) {
    let target = Target {
        daemon,
        inherited: &[],
        addresses: &[],
    };
    (&SETTLED, observed::watch_settled(&target))
}
