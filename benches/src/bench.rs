//! What all tables share: the programs, where they run, and where the tables go.

use std::env;
use std::fmt::Display;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process;

use anyhow::Result;

use crate::contestants::{CONTESTANTS, Contestant};
use crate::programs::{Missing, Programs};
use crate::reaper;
use crate::run::Runner;
use crate::watchdog::Watchdog;

/// A benchmark in progress.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) programs: Programs,
    pub(crate) directory: PathBuf,
    pub(crate) rounds: usize,
    only: Vec<String>,
    watchdog: Watchdog,
}

impl Bench {
    pub(crate) fn prepare(
        directory: Option<&Path>,
        rounds: usize,
        only: Vec<String>,
    ) -> Result<Self> {
        reaper::adopt_orphans()?;
        let programs = Programs::build()?;
        let directory = directory.map_or_else(env::temp_dir, Path::to_owned);
        let directory = directory.join(format!("daemon-bench-{}", process::id()));
        fs::create_dir_all(&directory)?;
        Ok(Self {
            programs,
            directory,
            rounds,
            only,
            watchdog: Watchdog::start(),
        })
    }

    /// All, or those that were asked for.
    pub(crate) fn contestants(&self) -> impl Iterator<Item = &'static Contestant> {
        let wanted = |contestant: &&Contestant| {
            self.only.is_empty()
                || self
                    .only
                    .iter()
                    .any(|part| contestant.name.contains(part.as_str()))
        };
        CONTESTANTS.iter().filter(wanted)
    }

    /// A contestant with files of its own.
    pub(crate) fn runner(
        &self,
        contestant: &'static Contestant,
    ) -> Result<Result<Runner<'_>, Missing>> {
        let name = contestant
            .name
            .replace(|letter: char| !letter.is_alphanumeric(), "-");
        Runner::new(
            contestant,
            &self.programs,
            &self.watchdog,
            &self.directory.join(name),
        )
    }

    /// The packages that would bring the contestants that are missing.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let mut packages: Vec<_> = self
            .contestants()
            .filter_map(|contestant| self.programs.find(contestant.program).err())
            .map(|Missing(package)| package)
            .collect();
        packages.dedup();
        packages
    }

    #[expect(
        clippy::unused_self,
        reason = "a table is the bench's, wherever it goes"
    )]
    pub(crate) fn print(&self, text: &impl Display) -> Result<()> {
        Ok(writeln!(io::stdout().lock(), "{text}")?)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // What cannot be removed from a directory for temporary files is no reason to fail.
        drop(fs::remove_dir_all(&self.directory));
    }
}
