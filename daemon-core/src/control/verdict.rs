//! The verdict of a start that another process has begun.

use std::thread;
use std::time::{Duration, Instant};

use super::{Control, Status};
use crate::error::Error;
use crate::lock::{self, RunState};
use crate::pid_file;

/// How often the locks are looked at: at first, and later.
const POLL_INTERVAL_MIN: Duration = Duration::from_millis(1);
const POLL_INTERVAL_MAX: Duration = Duration::from_millis(20);

/// What came of the wait.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// A daemon runs, and its identity is proved.
    Up(u32, Status),
    /// No daemon runs, and none is being started.
    Down,
    /// The start in progress has failed.
    Failed(Error),
    /// The start has no verdict at the deadline.
    Pending,
}

impl Control {
    /// Waits for the verdict of a start in progress, and for the end of a daemon that is
    /// exiting. Without both it returns at once. It takes no lock.
    ///
    /// Where only `flock(2)` exists, a daemon that has its pid counts as up.
    ///
    /// A restart is waited for no longer than `restart_timeout`, and not at all while the supervisor is
    /// stopped.
    pub(crate) fn await_verdict(
        &self,
        mut deadline: Option<Instant>,
        restart_timeout: Duration,
    ) -> Result<Verdict, Error> {
        let mut was_restarting = false;
        let Some(file) = self.open()? else {
            return Ok(Verdict::Down);
        };
        // Otherwise the daemon of another user would pass for this one.
        pid_file::refuse_planted(self.pid_file(), &file)?;
        let mut interval = POLL_INTERVAL_MIN;
        loop {
            let state = lock::run_state(&file);
            let state =
                state.map_err(|errno| Error::pid_file_unread(self.pid_file(), errno.into()));
            let mut is_restarting = false;
            let is_starting = match state? {
                // A launcher that was killed leaves no failure.
                RunState::Over => {
                    let failure = pid_file::failure(&file);
                    return Ok(failure.map_or(Verdict::Down, Verdict::Failed));
                }
                RunState::Starting => true,
                RunState::Restarting(_) => {
                    is_restarting = true;
                    true
                }
                RunState::Up if lock::is_ending(&file) => false,
                RunState::Up => {
                    let status = self.status()?;
                    match status {
                        Status::Running { pid, .. } => return Ok(Verdict::Up(pid, status)),
                        // The daemon has ended since the locks were read.
                        Status::Restarting { .. } => is_restarting = true,
                        _ => return Ok(Verdict::Down),
                    }
                    true
                }
            };
            if is_restarting && !was_restarting {
                was_restarting = true;
                deadline = Instant::now().checked_add(restart_timeout);
                if self.supervisor_is_stopped() {
                    return Ok(Verdict::Pending);
                }
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                // A daemon that does not exit is the error of a start.
                return Ok(if is_starting {
                    Verdict::Pending
                } else {
                    Verdict::Down
                });
            }
            thread::sleep(interval);
            interval = (interval * 2).min(POLL_INTERVAL_MAX);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panic")]
mod tests {
    use std::fs;

    use super::*;
    use crate::pid_file::PidFile;

    #[test]
    fn start_that_takes_too_long_is_pending() {
        let path = std::env::temp_dir().join(format!("pending-{}", std::process::id()));
        let start = PidFile::create(&path, 0o600).unwrap();
        let deadline = Instant::now() + Duration::from_millis(5);
        let verdict = Control::new(&path)
            .await_verdict(Some(deadline), Duration::ZERO)
            .unwrap();
        assert!(matches!(verdict, Verdict::Pending), "{verdict:?}");
        start.remove();
        let verdict = Control::new(&path)
            .await_verdict(None, Duration::ZERO)
            .unwrap();
        assert!(matches!(verdict, Verdict::Down), "{verdict:?}");
        fs::remove_file(&path).unwrap_err();
    }
}
