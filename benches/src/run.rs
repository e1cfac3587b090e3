//! One launch: started, timed, checked, and cleaned away.

use std::fs::{self, File, OpenOptions};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

use crate::contestants::{Contestant, Outcome};
use crate::programs::{Missing, Program, Programs};
use crate::reaper;
use crate::site::Site;
use crate::watchdog::Watchdog;

/// How long a launch took, counted from just before the launcher was started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// Until the launcher had ended: the prompt is back.
    pub(crate) prompt: Duration,
    /// Until the daemon ran user code.
    pub(crate) up: Option<Duration>,
}

/// A contestant with its files.
#[derive(Debug)]
pub(crate) struct Runner<'a> {
    pub(crate) contestant: &'a Contestant,
    pub(crate) site: Site,
    program: PathBuf,
    sleeper: PathBuf,
    watchdog: &'a Watchdog,
    null: File,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(
        contestant: &'a Contestant,
        programs: &Programs,
        watchdog: &'a Watchdog,
        directory: &Path,
    ) -> Result<Result<Self, Missing>> {
        let (program, sleeper) = match (
            programs.find(contestant.program),
            programs.find(Program::Rust("sleeper")),
        ) {
            (Ok(program), Ok(sleeper)) => (program, sleeper),
            (Err(missing), _) | (_, Err(missing)) => return Ok(Err(missing)),
        };
        Ok(Ok(Self {
            contestant,
            site: Site::new(directory.to_owned())?,
            program,
            sleeper,
            watchdog,
            null: OpenOptions::new()
                .read(true)
                .write(true)
                .open("/dev/null")?,
        }))
    }

    /// Launches once, and leaves nothing behind.
    pub(crate) fn launch_and_kill(&self) -> Result<Times> {
        self.site.reset()?;
        let result = self.launch();
        reaper::kill_all(result.as_ref().ok().and_then(|(_, daemon)| *daemon))?;
        Ok(result?.0)
    }

    /// Launches once, and checks that what came up is what was promised.
    pub(crate) fn launch(&self) -> Result<(Times, Option<Pid>)> {
        let mut command = self.command()?;
        let start = now()?;
        let mut launcher = command.spawn()?;
        let pid = Pid::from_raw(launcher.id().try_into()?);
        self.watchdog.watch(pid);
        // It stays a zombie until the watchdog looks away, so that its pid is nobody else's.
        waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)?;
        let prompt = now()?.saturating_sub(start);
        self.watchdog.look_away();
        let status = launcher.wait()?;
        ensure!(status.success(), "{}{}", describe(status), self.complaint());

        if self.contestant.outcome == Outcome::Nothing {
            return Ok((Times { prompt, up: None }, None));
        }
        let announcement = self.site.wait_until_up()?;
        if self.contestant.outcome == Outcome::PidFile {
            let recorded = self.site.recorded_pid()?;
            if recorded != announcement.daemon {
                bail!("the PID file names {recorded}, not {}", announcement.daemon);
            }
        }
        let up = announcement
            .at
            .checked_sub(start)
            .context("up before it was started")?;
        Ok((
            Times {
                prompt,
                up: Some(up),
            },
            Some(announcement.daemon),
        ))
    }

    fn command(&self) -> Result<Command> {
        let mut command = Command::new(&self.program);
        command
            .args(
                self.contestant
                    .arguments
                    .iter()
                    .map(|word| self.site.fill(word, &self.sleeper)),
            )
            .env("BENCH_PID", &self.site.pid_file)
            .env("BENCH_LOG", &self.site.log)
            .env("BENCH_UP", &self.site.up_path)
            .current_dir(&self.site.directory)
            .stdin(self.null.try_clone()?)
            .stdout(self.null.try_clone()?)
            .stderr(Stdio::from(File::create(&self.site.complaints)?));
        Ok(command)
    }

    /// The last line of what the launcher said.
    fn complaint(&self) -> String {
        let said = fs::read(&self.site.complaints).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        said.lines()
            .last()
            .map(|line| format!(": {line}"))
            .unwrap_or_default()
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// The monotonic clock, the same for all processes.
pub(crate) fn now() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_MONOTONIC)?.into())
}
