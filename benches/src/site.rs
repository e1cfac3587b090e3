//! The files of one daemon under measurement.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
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

/// What a daemon says as its first act.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Announcement {
    pub(crate) daemon: Pid,
    /// On the monotonic clock.
    pub(crate) at: Duration,
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

    /// Replaces the words that stand for a file in a contestant's arguments.
    pub(crate) fn fill(&self, argument: &str, sleeper: &Path) -> String {
        argument
            .replace("{pid}", &self.pid_file.to_string_lossy())
            .replace("{log}", &self.log.to_string_lossy())
            .replace("{sleeper}", &sleeper.to_string_lossy())
    }

    /// Waits for the daemon's first act.
    pub(crate) fn wait_until_up(&self) -> Result<Announcement> {
        let mut polled = [PollFd::new(self.up.as_fd(), PollFlags::POLLIN)];
        if poll(&mut polled, PollTimeout::try_from(PATIENCE)?)? == 0 {
            bail!("no daemon came up");
        }
        let mut line = [0; 256];
        let length = (&self.up).read(&mut line)?;
        let line = str::from_utf8(&line[..length])?;
        let mut words = line.split_whitespace();
        let mut number =
            || -> Result<u64> { Ok(words.next().context("a word is missing")?.parse()?) };
        Ok(Announcement {
            daemon: Pid::from_raw(number()?.try_into()?),
            at: Duration::from_secs(number()?) + Duration::from_nanos(number()?),
        })
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
