//! `LaunchConfig`, the start as `enter` hands it to the launcher.

use std::ffi::OsString;
use std::path::Path;

use super::launched::Launched;
use super::passed_files::PassedFiles;
use crate::before_start::BeforeStart;
use crate::capabilities::Capabilities;
use crate::descriptors::KeptFds;
use crate::env_changes::EnvChanges;
use crate::error::Error;
use crate::handoff::{DaemonEnd, Record};
use crate::path_template::NewDirectories;
use crate::pid_file::PidFile;
use crate::readiness::{Mode, Readiness};
use crate::signals::Interrupts;
use crate::stdin::Stdin;
use crate::sys::image::Image;

/// What the launcher has decided: every path absolute, every default filled in.
#[derive(Debug)]
pub(crate) struct LaunchConfig {
    /// The daemon's argv, without the words that this library removes.
    pub(crate) arguments: Vec<OsString>,
    /// What the daemon learns. The launch completes it.
    pub(crate) record: Record,
    /// Those that the launcher creates if they are missing.
    pub(crate) directories: Vec<NewDirectories>,
    pub(crate) readiness: Readiness,
    pub(crate) before_start: Option<BeforeStart>,
    pub(crate) capabilities: Capabilities,
    pub(crate) env: EnvChanges,
    pub(crate) stdin: Stdin,
    /// The launcher is a client that continues. It waits until the daemon has taken the hand-off, in every
    /// mode.
    pub(crate) is_for_client: bool,
    /// The code of the supervisor, with `restart`.
    pub(crate) supervision: Option<&'static SupervisorCode>,
}

impl LaunchConfig {
    /// Whether this is missing, and `before_start` may make it.
    pub(super) fn makes_later(&self, path: &Path) -> bool {
        self.before_start.is_some() && matches!(path.try_exists(), Ok(false))
    }
}

/// How a daemon is started whose supervisor starts it again.
#[derive(Debug)]
pub(crate) struct SupervisorCode {
    /// Refuses what no supervisor can do.
    pub(crate) check: fn(&LaunchConfig) -> Result<(), Error>,
    /// Starts the supervisor, and waits for what it reports of the first run.
    pub(crate) launch: Launch,
    /// Becomes the supervisor, in the process that was started for that.
    pub(crate) become_supervisor: BecomeSupervisor,
}

/// With what the program names: its capabilities and its readiness.
type BecomeSupervisor = fn(Record, DaemonEnd, (Capabilities, &'static Mode)) -> !;

type Launch = fn(
    &mut LaunchConfig,
    (&Image, &KeptFds),
    &PidFile,
    PassedFiles,
    &Interrupts,
) -> Result<Launched, Error>;
