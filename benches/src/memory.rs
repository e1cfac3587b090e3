//! What a process occupies, as `/proc` tells.

use std::fs;

use anyhow::{Context as _, Result};
use nix::unistd::Pid;

/// One process at rest; memory in KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occupied {
    /// All pages that are there.
    pub(crate) resident: u64,
    /// The same, each page divided by the number of processes that share it.
    pub(crate) proportional: u64,
    /// Written by this process, and by no other.
    pub(crate) private_dirty: u64,
    pub(crate) threads: u64,
    pub(crate) descriptors: usize,
}

impl Occupied {
    pub(crate) fn by(process: Pid) -> Result<Self> {
        let memory = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        Ok(Self {
            resident: number(&memory, "Rss:")?,
            proportional: number(&memory, "Pss:")?,
            private_dirty: number(&memory, "Private_Dirty:")?,
            threads: number(&status, "Threads:")?,
            descriptors: fs::read_dir(format!("/proc/{process}/fd"))?.count(),
        })
    }
}

fn number(list: &str, field: &str) -> Result<u64> {
    let value = list.lines().find_map(|line| line.strip_prefix(field));
    let value = value.with_context(|| format!("no {field}"))?;
    Ok(value
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .parse()?)
}
