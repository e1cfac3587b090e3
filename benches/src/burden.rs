//! In which ways a launcher is made large before it starts a daemon; `peers/burden.c` does most of it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::site::Site;

/// One way to be large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Burden {
    Plain,
    Memory,
    Threads,
    Limit,
    Descriptors,
    Environment,
    StalePidFile,
}

impl Burden {
    pub(crate) const ALL: [Self; 7] = [
        Self::Plain,
        Self::Memory,
        Self::Threads,
        Self::Limit,
        Self::Descriptors,
        Self::Environment,
        Self::StalePidFile,
    ];

    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Memory => "1 GiB",
            Self::Threads => "64 threads",
            Self::Limit => "limit 10⁹",
            Self::Descriptors => "10 000 fds",
            Self::Environment => "100 KiB env",
            Self::StalePidFile => "stale PID file",
        }
    }

    /// What `peers/burden.c` calls it; it ignores what is not its own.
    fn word(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Threads => "threads",
            Self::Limit => "limit",
            Self::Descriptors => "descriptors",
            Self::Plain | Self::Environment | Self::StalePidFile => "none",
        }
    }
}

/// A burden, and the library that puts it onto a launcher. It is preloaded for the plain launch too,
/// so that the difference is the burden's alone.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) burden: Burden,
    pub(crate) library: PathBuf,
}

impl Load {
    pub(crate) fn put_on(&self, command: &mut Command, site: &Site) -> Result<()> {
        command
            .env("LD_PRELOAD", &self.library)
            .env("BENCH_BURDEN", self.burden.word())
            .env("BENCH_START", site.make_start()?);
        match self.burden {
            Burden::Environment => {
                command.envs(
                    (0..100).map(|number| (format!("BENCH_FILL_{number:02}"), "x".repeat(1010))),
                );
            }
            // A pid that is nobody's: the largest that a kernel gives out is 2²² - 1.
            Burden::StalePidFile => fs::write(&site.pid_file, "4194304\n")?,
            _ => {}
        }
        Ok(())
    }
}
