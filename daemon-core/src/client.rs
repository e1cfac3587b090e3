//! A client of the daemon: it finds the daemon, waits for a start that is under way, or starts the
//! daemon itself.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::control::{Control, Status, Verdict};
use crate::daemon::Daemon;
use crate::error::{Error, ErrorKind};
use crate::files::NO_FOLLOW;
use crate::launcher::{self, LaunchConfig, Launched};
use crate::path_template::Resolved;
use crate::signals::Interrupts;

/// What a failing start may take after its timeout: the stop signal, SIGKILL, and the log.
const FAILURE_TIME: Duration = Duration::from_secs(15);

/// The pause after another start was faster, and has ended by now.
const RETRY_INTERVAL: Duration = Duration::from_millis(2);

/// How much of the log is shown, as in a start of this process.
const OUTPUT_MAX: u64 = 64 * 1024;

/// How the daemon came to run.
#[derive(Debug)]
pub(crate) enum Found {
    /// It ran already, or another process has started it during the wait.
    Running(Status),
    /// This process has started it. Signals stay caught until the guard is dropped.
    Launched(Launched, Interrupts),
}

/// Finds the daemon, or starts it once.
///
/// A start that another process has under way is waited for. If that start began before this call
/// and fails, this process starts the daemon itself. If it began after this call, its failure is the
/// result: of many clients of a daemon that cannot start, each waits for two failures at most.
pub(crate) fn find_or_start(
    settings: &Daemon,
    arguments: &[OsString],
    control: &Control,
) -> Result<Found, Error> {
    let ready_timeout = settings.settings.ready_timeout;
    let ready_timeout = ready_timeout.unwrap_or(settings.readiness.mode().default_timeout);
    // None is later than a clock can tell.
    let in_time = |time: Duration| Instant::now().checked_add(time);
    let longest_wait = ready_timeout.saturating_add(FAILURE_TIME);
    let give_up = in_time(longest_wait.saturating_mul(2));
    let mut prepared: Option<(LaunchConfig, LogEnd)> = None;
    loop {
        match control.await_verdict(in_time(longest_wait))? {
            Verdict::Up(status) => return Ok(Found::Running(status)),
            Verdict::Pending => return Err(Error::still_starting(control.pid_file())),
            Verdict::Failed(error) => {
                // The start has begun after the one that this process has tried.
                if let Some((_, log)) = &prepared {
                    return Err(error.with_output(log.output()));
                }
            }
            Verdict::Down => {}
        }
        let (config, _) = if let Some(prepared) = &prepared {
            prepared
        } else {
            let config = settings.clone().into_config(arguments.to_vec())?;
            let log = LogEnd::of(&config);
            prepared.insert((config, log))
        };
        let error = match launcher::launch(config.clone()) {
            Ok((launched, interrupts)) => return Ok(Found::Launched(launched, interrupts)),
            Err(error) => error,
        };
        // Another start is faster, or has the PID file at this moment.
        let is_beaten = matches!(error.kind(), ErrorKind::AlreadyRunning | ErrorKind::Busy);
        if !is_beaten || give_up.is_some_and(|give_up| Instant::now() >= give_up) {
            return Err(error);
        }
        thread::sleep(RETRY_INTERVAL);
    }
}

/// The log, and where it ended before the start of another process began.
#[derive(Debug)]
struct LogEnd {
    path: Option<PathBuf>,
    end: u64,
}

impl LogEnd {
    fn of(config: &LaunchConfig) -> Self {
        let path = config.paths.log.as_ref().map(Resolved::path);
        let end = path.and_then(|path| fs::metadata(path).ok());
        Self {
            end: end.map_or(0, |log| log.size()),
            path: path.map(Path::to_owned),
        }
    }

    /// What was written since, as far as this process may read it.
    fn output(&self) -> Vec<u8> {
        let read = |path: &PathBuf| -> io::Result<Vec<u8>> {
            let log = open(path)?;
            let end = log.metadata()?.len();
            let begin = self.end.max(end.saturating_sub(OUTPUT_MAX));
            let length = usize::try_from(end.saturating_sub(begin)).unwrap_or_default();
            let mut output = vec![0; length];
            log.read_exact_at(&mut output, begin)?;
            Ok(output)
        };
        let output = self.path.as_ref().map(read);
        output.and_then(Result::ok).unwrap_or_default()
    }
}

/// Opens a log to read it, if it is a file.
fn open(path: &Path) -> io::Result<File> {
    let path = fs::canonicalize(path)?;
    let mut options = OpenOptions::new();
    let log = options
        .read(true)
        .custom_flags(NO_FOLLOW.bits())
        .open(path)?;
    if !log.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(log)
}
