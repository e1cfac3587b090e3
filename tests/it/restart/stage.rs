//! Starts of a supervised daemon.

use std::fs;
use std::os::unix::ffi::OsStrExt;

use nix::sys::signal::Signal;

use crate::support::deadline::eventually;
use crate::support::lock;
use crate::support::outcome::Outcome;
use crate::support::process::{self, Process};
use crate::support::scratch::Scratch;
use crate::support::start::Start;

/// Without a delay, and ready at once.
pub(super) const OPTIONS: &str = "pid=report.pid\nlog=report.log\nready=exec\ncontrol_flag=-s\n\
                                  stop_timeout=1\nrestart=on-failure\nrestart_delay=0..0";

/// With a delay that outlives the test.
pub(super) const LONG_DELAY: &str = "pid=report.pid\nlog=report.log\nready=exec\ncontrol_flag=-s\n\
                                     stop_timeout=1\nrestart=on-failure\n\
                                     restart_delay=600000..600000";

/// A supervisor and its run.
pub(super) struct Supervised {
    pub(super) supervisor: Process,
    pub(super) run: Process,
}

/// Whether the kernel sends signals to a process group by a pidfd, as Linux does since 6.9.
pub(super) fn pidfds_mean_groups() -> bool {
    let release = nix::sys::utsname::uname().expect("the system");
    let release = release.release().to_string_lossy().into_owned();
    let mut numbers = release.split('.').map_while(|part| part.parse().ok());
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version >= (6, 9)
}

/// Whether a core dump goes to the working directory, and to no other program.
#[cfg(not(daemon_fork))]
pub(super) fn dumps_core_here() -> bool {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    pattern.starts_with("core")
}

impl Scratch {
    pub(super) fn supervised(&self, options: &str, steps: &str) -> Start {
        self.background().options(options).does(steps)
    }

    /// Runs a start that must succeed.
    pub(super) fn up_supervised(&self, start: Start) -> Supervised {
        self.supervised_of(&start.run())
    }

    pub(super) fn supervised_of(&self, launch: &Outcome) -> Supervised {
        self.supervised_as("report", launch)
    }

    /// The same with a program of another name.
    #[cfg_attr(
        daemon_fork,
        allow(dead_code, reason = "its tests need what Linux shows")
    )]
    pub(super) fn up_supervised_as(&self, name: &str, start: Start) -> Supervised {
        self.supervised_as(name, &start.run())
    }

    fn supervised_as(&self, name: &str, launch: &Outcome) -> Supervised {
        assert_eq!(launch.code(), 0, "the start should succeed: {launch:?}");
        let run = self.named();
        let supervisor = process::stat(run).expect("a run").ppid;
        let supervised = Supervised {
            supervisor: Process::open(supervisor).expect("a supervisor"),
            run: Process::open(run).expect("a run"),
        };
        let arguments = fs::read(format!("/proc/{supervisor}/cmdline")).expect("arguments");
        let argv0 = arguments.split(|byte| *byte == 0).next().expect("a name");
        assert_eq!(argv0, format!("{name} [supervisor]").as_bytes());
        let holders = lock::holders(&self.path("report.pid"));
        assert!(
            holders.contains(&supervisor) && holders.contains(&run),
            "{holders:?}"
        );
        supervised
    }

    /// The pid in the PID file.
    pub(super) fn named(&self) -> i32 {
        let content = self.read("report.pid");
        let line = content.strip_suffix('\n').expect("a newline at the end");
        line.parse().expect("a pid in the PID file")
    }

    /// Waits until the file names another process than these.
    pub(super) fn next_named(&self, others: &[i32]) -> i32 {
        eventually("the PID file names another process", || {
            let content = self.read("report.pid");
            let pid = content.strip_suffix('\n')?.parse().ok()?;
            (!others.contains(&pid)).then_some(pid)
        })
    }

    /// Kills the run, and waits for the next one.
    pub(super) fn crash(&self, supervised: &mut Supervised) {
        let old = supervised.run.pid();
        supervised.run.signal(Signal::SIGKILL);
        let next = self.next_named(&[old, supervised.supervisor.pid()]);
        supervised.run = eventually("the next run is there", || {
            let run = Process::open(next)?;
            (process::stat(next)?.ppid == supervised.supervisor.pid()).then_some(run)
        });
    }

    /// Kills the run, and waits until the supervisor has taken its place in the file.
    pub(super) fn crash_before_delay(&self, supervised: &Supervised) {
        supervised.run.signal(Signal::SIGKILL);
        let named = self.next_named(&[supervised.run.pid()]);
        assert_eq!(named, supervised.supervisor.pid());
    }

    /// At most one daemon is left, and its lock is true.
    pub(super) fn expect_one_daemon_at_most(&self) {
        let path = self.path("report.pid");
        eventually("the processes hold the lock", || {
            let mut holders = lock::holders(&path);
            let mut processes = self.processes();
            holders.sort_unstable();
            processes.sort_unstable();
            (holders == processes && holders.len() <= 2).then_some(())
        });
    }

    /// As before, and a stop ends it.
    pub(super) fn expect_supervised_order(&self) {
        self.expect_one_daemon_at_most();
        // In the middle of its exec a process cannot be told from another one.
        eventually("the daemon is stopped", || {
            let stop = self.supervised_verb(OPTIONS, "stop").run();
            assert!([0, 4].contains(&stop.code()), "{stop:?}");
            (stop.code() == 0).then_some(())
        });
        self.expect_stopped();
    }

    pub(super) fn supervised_verb(&self, options: &str, verb: &str) -> Start {
        self.report()
            .options(options)
            .args(["-s", verb])
            .does("hang")
    }

    /// Nothing is left of the daemon, its supervisor and its PID file.
    pub(super) fn expect_stopped(&self) {
        self.expect_nothing_left();
        assert!(!lock::is_held(&self.path("report.pid")), "the lock is free");
        let is_left = |file: &std::ffi::OsString| file.as_bytes().starts_with(b"report.pid");
        assert!(!self.files().iter().any(is_left), "{:?}", self.files());
    }

    /// Waits for a line in the log that holds these words.
    pub(super) fn expect_line(&self, words: &str) -> String {
        eventually("the log has the line", || {
            let log = self.read("report.log");
            log.lines()
                .find(|line| line.contains(words))
                .map(str::to_owned)
        })
    }
}
