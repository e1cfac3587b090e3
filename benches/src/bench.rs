//! What all tables share: the programs, where they run, and where the tables go.

use std::env;
use std::fmt::Display;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process;

use anyhow::Result;

use crate::Options;
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
    /// How many for the table "Scale".
    pub(crate) daemons: usize,
    only: Vec<String>,
    watchdog: Watchdog,
}

impl Bench {
    pub(crate) fn prepare(options: &Options) -> Result<Self> {
        reaper::adopt_orphans()?;
        let programs = Programs::build()?;
        let directory = options.directory.clone().unwrap_or_else(env::temp_dir);
        let directory = directory.join(format!("daemon-bench-{}", process::id()));
        fs::create_dir(&directory)?;
        Ok(Self {
            programs,
            directory,
            rounds: options.rounds,
            daemons: options.daemons,
            only: options.only.clone(),
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
        self.runner_at(contestant, "", &self.watchdog)
    }

    /// The same, in a directory of its own and with a watchdog of its own.
    pub(crate) fn runner_at<'a>(
        &self,
        contestant: &'static Contestant,
        place: &str,
        watchdog: &'a Watchdog,
    ) -> Result<Result<Runner<'a>, Missing>> {
        self.runner_of(
            contestant,
            self.programs.find(contestant.program),
            place,
            watchdog,
        )
    }

    /// The same, for a launch with a burden.
    pub(crate) fn burdened_runner(
        &self,
        contestant: &'static Contestant,
    ) -> Result<Result<Runner<'_>, Missing>> {
        let program = self.programs.find_preloadable(contestant.program);
        self.runner_of(contestant, program, "", &self.watchdog)
    }

    fn runner_of<'a>(
        &self,
        contestant: &'static Contestant,
        program: Result<PathBuf, Missing>,
        place: &str,
        watchdog: &'a Watchdog,
    ) -> Result<Result<Runner<'a>, Missing>> {
        let name = contestant
            .name
            .replace(|letter: char| !letter.is_alphanumeric(), "-");
        let directory = self.directory.join(name).join(place);
        let built = self.programs.directory.clone();
        program.map_or_else(
            |missing| Ok(Err(missing)),
            |program| Runner::new(contestant, program, built, watchdog, directory).map(Ok),
        )
    }

    /// The packages that would bring the contestants that are missing.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let mut packages: Vec<_> = self
            .contestants()
            .filter_map(|contestant| self.programs.find(contestant.program).err())
            .map(|Missing(package)| package)
            .collect();
        packages.sort_unstable();
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
