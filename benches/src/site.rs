//! The files of one daemon under measurement.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, mkfifo};

/// Longer than any launch; whoever takes that long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A directory with a PID file, a log and a FIFO through which the daemon says that it is up.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) directory: PathBuf,
    pub(crate) pid_file: PathBuf,
    pub(crate) log: PathBuf,
    /// What the launcher says, to explain a failure.
    pub(crate) complaints: PathBuf,
    pub(crate) up_path: PathBuf,
    up: File,
}

/// What was said through the FIFO about one launch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heard {
    /// The daemon, and when it ran user code, on the monotonic clock.
    pub(crate) up: Option<(Pid, Duration)>,
    /// When a launcher with a burden had taken it on.
    pub(crate) started: Option<Duration>,
    /// When it left; the C library has a way to leave in silence.
    pub(crate) left: Option<Duration>,
}

impl Site {
    pub(crate) fn new(directory: PathBuf) -> Result<Self> {
        fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
        let up_path = directory.join("up");
        if !up_path.exists() {
            mkfifo(&up_path, Mode::S_IRUSR | Mode::S_IWUSR)?;
        }
        // Open at both ends, so that neither a read nor a daemon's open ever blocks.
        let up = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(&up_path)?;
        Ok(Self {
            pid_file: directory.join("pid"),
            log: directory.join("log"),
            complaints: directory.join("complaints"),
            up_path,
            up,
            directory,
        })
    }

    /// The state of a first start: no PID file, an empty log.
    pub(crate) fn reset(&self) -> Result<()> {
        match fs::remove_file(&self.pid_file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut unread = [0; 256];
        while (&self.up).read(&mut unread).is_ok_and(|length| length > 0) {}
        File::create(&self.log)?;
        Ok(())
    }

    /// The FIFO on which a launcher with a burden waits; a new one for each launch.
    pub(crate) fn make_start(&self) -> Result<PathBuf> {
        let path = self.directory.join("start");
        if !path.exists() {
            mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)?;
        }
        Ok(path)
    }

    /// Lets the launcher start, as soon as it has taken on its burden.
    pub(crate) fn start(&self, launcher: Pid) -> Result<()> {
        let path = self.directory.join("start");
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(OFlag::O_NONBLOCK.bits());
        loop {
            match options.open(&path) {
                Ok(_closed_at_once) => return Ok(()),
                Err(error) if error.raw_os_error() == Some(Errno::ENXIO as i32) => {}
                Err(error) => return Err(error.into()),
            }
            let state = waitid(
                Id::Pid(launcher),
                WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG,
            )?;
            if state != WaitStatus::StillAlive {
                // Why it ended is for the caller to find out.
                return Ok(());
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Replaces the words that stand for a file in a contestant's arguments.
    pub(crate) fn fill(&self, argument: &str, built: &Path) -> String {
        argument
            .replace("{pid}", &self.pid_file.to_string_lossy())
            .replace("{log}", &self.log.to_string_lossy())
            .replace("{built}", &built.to_string_lossy())
    }

    /// Takes what was said about this launch. The launcher has said all, and the daemon is waited
    /// for, if there is to be one.
    pub(crate) fn hear(&self, daemon: bool) -> Result<Heard> {
        let mut heard = Heard::default();
        let mut lines = [0; 256];
        loop {
            let waits = daemon && heard.up.is_none();
            let patience = if waits {
                PollTimeout::try_from(PATIENCE)?
            } else {
                PollTimeout::ZERO
            };
            let mut polled = [PollFd::new(self.up.as_fd(), PollFlags::POLLIN)];
            if poll(&mut polled, patience)? == 0 {
                ensure!(!waits, "no daemon came up within {PATIENCE:?}");
                return Ok(heard);
            }
            // Each writer writes its line at once, so that none is torn.
            let length = (&self.up).read(&mut lines)?;
            for line in str::from_utf8(&lines[..length])?.lines() {
                heard.take(line)?;
            }
        }
    }

    /// The pid in the PID file.
    pub(crate) fn recorded_pid(&self) -> Result<Pid> {
        let content = fs::read_to_string(&self.pid_file).context("the PID file")?;
        Ok(Pid::from_raw(
            content
                .trim()
                .parse()
                .with_context(|| format!("{content:?}"))?,
        ))
    }
}

impl Heard {
    fn take(&mut self, line: &str) -> Result<()> {
        let mut words = line.split_whitespace();
        let tag = words.next();
        let mut number =
            || -> Result<u64> { Ok(words.next().context("a number is missing")?.parse()?) };
        match tag {
            Some("up") => {
                let daemon = Pid::from_raw(number()?.try_into()?);
                self.up = Some((daemon, moment(number()?, number()?)));
            }
            Some("started") => self.started = Some(moment(number()?, number()?)),
            Some("left") => self.left = Some(moment(number()?, number()?)),
            _ => bail!("{line:?} says nothing"),
        }
        Ok(())
    }
}

fn moment(seconds: u64, nanos: u64) -> Duration {
    Duration::from_secs(seconds) + Duration::from_nanos(nanos)
}
