//! One launch: started, timed, checked, and cleaned away.

use std::fs::{self, File, OpenOptions};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

use crate::burden::Load;
use crate::contestants::{Contestant, Outcome};
use crate::reaper;
use crate::site::Site;
use crate::watchdog::Watchdog;

/// How long a launch took, counted from just before the launcher was started, or from when it had
/// taken on its burden.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// Until the launcher left: all of its own work, but not what the kernel does to end a process.
    /// Known only of a launcher with a burden.
    pub(crate) left: Option<Duration>,
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
    built: PathBuf,
    watchdog: &'a Watchdog,
    null: File,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(
        contestant: &'a Contestant,
        program: PathBuf,
        built: PathBuf,
        watchdog: &'a Watchdog,
        directory: PathBuf,
    ) -> Result<Self> {
        Ok(Self {
            contestant,
            site: Site::new(directory)?,
            program,
            built,
            watchdog,
            null: OpenOptions::new()
                .read(true)
                .write(true)
                .open("/dev/null")?,
        })
    }

    /// Launches once, and leaves nothing behind.
    pub(crate) fn launch_and_kill(&self, load: Option<&Load>) -> Result<Times> {
        self.site.reset()?;
        let result = self.launch(load);
        reaper::kill_all(result.as_ref().ok().and_then(|(_, daemon)| *daemon))?;
        Ok(result?.0)
    }

    /// Launches once, and checks that what came up is what was promised.
    pub(crate) fn launch(&self, load: Option<&Load>) -> Result<(Times, Option<Pid>)> {
        let mut command = self.command()?;
        if let Some(load) = load {
            load.put_on(&mut command, &self.site)?;
        }
        let start = now()?;
        let mut launcher = command.spawn()?;
        let pid = Pid::from_raw(launcher.id().try_into()?);
        self.watchdog.watch(pid);
        if load.is_some() {
            self.site.start(pid)?;
        }
        // It stays a zombie until the watchdog looks away, so that its pid is nobody else's.
        waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)?;
        let end = now()?;
        self.watchdog.look_away();
        let status = launcher.wait()?;
        ensure!(status.success(), "{}{}", describe(status), self.complaint());

        let outcome = self.contestant.outcome;
        let heard = self.site.hear(outcome != Outcome::Nothing)?;
        if let (Outcome::PidFile, Some((daemon, _))) = (outcome, heard.up) {
            let recorded = self.site.recorded_pid()?;
            ensure!(
                recorded == daemon,
                "the PID file names {recorded}, not {daemon}"
            );
        }
        let start = heard.started.unwrap_or(start);
        let times = Times {
            left: heard.left.map(|left| left.saturating_sub(start)),
            prompt: end.saturating_sub(start),
            up: heard.up.map(|(_, at)| at.saturating_sub(start)),
        };
        Ok((times, heard.up.map(|(daemon, _)| daemon)))
    }

    fn command(&self) -> Result<Command> {
        let mut command = Command::new(&self.program);
        command
            .args(
                self.contestant
                    .arguments
                    .iter()
                    .map(|word| self.site.fill(word, &self.built)),
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

    /// What the launcher said, in one line.
    fn complaint(&self) -> String {
        let said = fs::read(&self.site.complaints).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        // Without the directories, which are nobody's business.
        let words: Vec<_> = said
            .split_whitespace()
            .map(|word| word.rsplit('/').next().unwrap_or(word))
            .collect();
        let line: String = words.join(" ").chars().take(160).collect();
        if line.is_empty() {
            line
        } else {
            format!(": {line}")
        }
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
