//! `LaunchConfig`, the start as `enter` hands it to the launcher.

use std::ffi::OsString;

use crate::before_start::BeforeStart;
use crate::capabilities::Capabilities;
use crate::env_changes::EnvChanges;
use crate::path_template::Resolved;
use crate::readiness::Readiness;
use crate::settings::{Paths, Settings};
use crate::stdin::Stdin;

/// What the launcher has decided: every path absolute, every default filled in.
#[derive(Clone, Debug)]
pub(crate) struct LaunchConfig {
    /// The daemon's argv, without the words that this library removes.
    pub(crate) arguments: Vec<OsString>,
    pub(crate) paths: Paths<Resolved>,
    pub(crate) settings: Settings,
    pub(crate) readiness: Readiness,
    pub(crate) before_start: Option<BeforeStart>,
    pub(crate) capabilities: Capabilities,
    pub(crate) env: EnvChanges,
    pub(crate) stdin: Stdin,
    /// The launcher is a client that goes on. It waits until the daemon has taken the hand-off, in every
    /// mode.
    pub(crate) is_for_client: bool,
}
