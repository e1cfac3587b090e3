//! Whether the daemon is started again after an end, and when.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use crate::restart::Restart;
use crate::settings::Settings;
use crate::signal::Signal;

/// A daemon that was ready for this long, and for as long as the last delay, has recovered.
const RECOVERED_AFTER: Duration = Duration::from_secs(60);

/// What follows a delay of nothing, where the longest delay is longer.
const DOUBLED_DELAY_MIN: Duration = Duration::from_millis(100);

/// Statuses that a new start would not change: the command line or the configuration is wrong.
const HOPELESS: [i32; 2] = [64, 78];

/// How a run ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// By itself, or by a signal from elsewhere.
    Own {
        status: ExitStatus,
        /// It was ready, or a short job.
        was_ready: bool,
    },
    /// The supervisor has stopped it, or it never began.
    Failed,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    RestartIn(Duration),
    /// The end was intended.
    Finish,
    /// There were too many restarts.
    GiveUp,
}

/// The rule of `restart`, `restart_delay` and `restart_limit`.
#[derive(Debug)]
pub(super) struct Policy {
    restart: Restart,
    stop_signal: Signal,
    first_delay: Duration,
    longest_delay: Duration,
    limit: Option<u32>,
    last_delay: Duration,
    /// Since the daemon has recovered.
    restarts: u32,
}

impl Policy {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            restart: settings.restart.unwrap_or(Restart::OnFailure),
            stop_signal: settings.stop_signal,
            first_delay: settings.restart_delay,
            longest_delay: settings.restart_delay_max,
            limit: settings.restart_limit,
            last_delay: Duration::ZERO,
            restarts: 0,
        }
    }

    /// After an end that no stop has asked for. `ready_for` is how long the run was ready.
    pub(super) fn decide(&mut self, end: End, ready_for: Duration) -> Decision {
        if ready_for >= RECOVERED_AFTER.max(self.last_delay) {
            self.restarts = 0;
        }
        if self.restart == Restart::OnFailure && self.is_intended(end) {
            return Decision::Finish;
        }
        if self.limit.is_some_and(|limit| self.restarts >= limit) {
            return Decision::GiveUp;
        }
        self.last_delay = if self.restarts == 0 {
            self.first_delay
        } else {
            let doubled = self.last_delay.saturating_mul(2);
            doubled.max(DOUBLED_DELAY_MIN).min(self.longest_delay)
        };
        self.restarts = self.restarts.saturating_add(1);
        Decision::RestartIn(self.last_delay)
    }

    fn is_intended(&self, end: End) -> bool {
        let End::Own { status, was_ready } = end else {
            return false;
        };
        let is_a_stop = |signal: i32| {
            let signal = Signal::from_raw(signal);
            signal == self.stop_signal
                || [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].contains(&signal)
        };
        match (status.code(), status.signal()) {
            (Some(0), _) => was_ready,
            (Some(code), _) => HOPELESS.contains(&code) || is_a_stop(code - 128),
            (None, Some(signal)) => is_a_stop(signal),
            (None, None) => false,
        }
    }
}

/// How a process ended, as a line in the log says it: `killed by SIGSEGV (core dumped)`.
pub(super) struct Ended(pub(super) ExitStatus);

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(status) = self;
        match (status.code(), status.signal()) {
            (Some(code), _) => write!(f, "ended with status {code}"),
            (None, Some(signal)) => {
                write!(f, "killed by {}", Signal::from_raw(signal))?;
                if status.core_dumped() {
                    f.write_str(" (core dumped)")?;
                }
                Ok(())
            }
            (None, None) => f.write_str("lost"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a test may fail by panic")]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn policy(change: impl FnOnce(&mut Settings)) -> Policy {
        let mut settings = Settings {
            restart: Some(Restart::OnFailure),
            ..Settings::default()
        };
        change(&mut settings);
        Policy::new(&settings)
    }

    fn exited(code: i32) -> End {
        End::Own {
            status: ExitStatus::from_raw(code << 8),
            was_ready: true,
        }
    }

    fn killed(signal: i32) -> End {
        End::Own {
            status: ExitStatus::from_raw(signal),
            was_ready: true,
        }
    }

    #[test]
    fn only_an_end_that_was_not_intended_is_a_failure() {
        let is_restarted = |end| {
            let mut policy = policy(|settings| settings.stop_signal = Signal::SIGUSR2);
            policy.decide(end, Duration::ZERO) != Decision::Finish
        };
        for code in [0, 64, 78, 129, 130, 143, 128 + libc::SIGUSR2] {
            assert!(!is_restarted(exited(code)), "{code}");
        }
        for code in [1, 70, 75, 101, 128, 137, 139, 255] {
            assert!(is_restarted(exited(code)), "{code}");
        }
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGUSR2] {
            assert!(!is_restarted(killed(signal)), "{signal}");
        }
        for signal in [libc::SIGSEGV, libc::SIGKILL, libc::SIGABRT, libc::SIGQUIT] {
            assert!(is_restarted(killed(signal)), "{signal}");
        }
        let status = ExitStatus::from_raw(0);
        let was_ready = false;
        assert!(is_restarted(End::Own { status, was_ready }));
        assert!(is_restarted(End::Failed));
    }

    #[test]
    fn always_restarts_after_any_end() {
        let always = |settings: &mut Settings| settings.restart = Some(Restart::Always);
        for end in [exited(0), exited(64), killed(libc::SIGTERM), End::Failed] {
            let decision = policy(always).decide(end, Duration::ZERO);
            assert!(matches!(decision, Decision::RestartIn(_)), "{end:?}");
        }
    }

    #[test]
    fn delay_doubles_until_the_daemon_has_recovered() {
        let mut policy = policy(|_| {});
        let mut delay = |ready_for| match policy.decide(exited(1), ready_for) {
            Decision::RestartIn(delay) => delay.as_millis(),
            other => panic!("{other:?}"),
        };
        let delays = [(); 9].map(|()| delay(Duration::ZERO));
        assert_eq!(
            delays,
            [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]
        );
        assert_eq!(delay(Duration::from_secs(59)), 60_000);
        assert_eq!(delay(Duration::from_secs(60)), 500);
    }

    #[test]
    fn long_delay_takes_as_long_to_recover_from() {
        let mut policy = policy(|settings| {
            settings.restart_delay = DAY / 2;
            settings.restart_delay_max = DAY;
        });
        let mut decide = |ready_for| policy.decide(exited(1), ready_for);
        assert_eq!(decide(Duration::ZERO), Decision::RestartIn(DAY / 2));
        assert_eq!(decide(DAY / 3), Decision::RestartIn(DAY));
        assert_eq!(decide(DAY), Decision::RestartIn(DAY / 2));
    }

    #[test]
    fn no_delay_stays_none_only_if_it_is_the_longest() {
        for (longest, second) in [(0, 0), (50, 50), (60_000, 100)] {
            let mut policy = policy(|settings| {
                settings.restart_delay = Duration::ZERO;
                settings.restart_delay_max = Duration::from_millis(longest);
            });
            let first = policy.decide(exited(1), Duration::ZERO);
            assert_eq!(first, Decision::RestartIn(Duration::ZERO));
            let second = Decision::RestartIn(Duration::from_millis(second));
            assert_eq!(policy.decide(exited(1), Duration::ZERO), second);
        }
    }

    #[test]
    fn limit_counts_restarts_since_the_recovery() {
        let mut policy = policy(|settings| settings.restart_limit = Some(2));
        let mut gives_up = |seconds| {
            let decision = policy.decide(exited(1), Duration::from_secs(seconds));
            decision == Decision::GiveUp
        };
        assert_eq!(
            [0, 0, 60, 0, 0].map(&mut gives_up),
            [false, false, false, false, true]
        );
    }
}
