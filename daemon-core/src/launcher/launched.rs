//! `Launched`, what a start that has succeeded reports.

use std::path::PathBuf;

use nix::unistd::Pid;

/// The start has succeeded.
#[derive(Debug)]
pub(crate) enum Launched {
    /// The daemon is up and ready.
    Up {
        pid: Pid,
        log: Option<PathBuf>,
        /// What it says about itself.
        status: Option<String>,
        /// Where it serves, if the launcher has waited for that.
        addresses: Option<String>,
        /// What it has for standard output.
        announced: Vec<u8>,
    },
    /// It was a short job, which ended with status 0 and wrote this.
    Finished { output: Vec<u8>, announced: Vec<u8> },
}
