//! A daemon that is up, and the conditions after every start.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use nix::sys::signal::Signal;

use crate::support::deadline::eventually;
use crate::support::failures;
use crate::support::lock;
use crate::support::outcome::Outcome;
use crate::support::process::{self, Process};
use crate::support::report::Report;
use crate::support::scratch::Scratch;
use crate::support::start::Start;

/// A daemon whose launcher has exited with 0.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) process: Process,
    pub(crate) pid_file: PathBuf,
    pub(crate) launch: Outcome,
    report: PathBuf,
}

impl Scratch {
    /// Runs a start of `report -d` that must succeed.
    pub(crate) fn up(&self, start: Start) -> Daemon {
        self.daemon_of(start.run(), "report.pid")
    }

    /// The daemon of a launcher that must have succeeded, by its PID file.
    ///
    /// When the launcher exits with 0, a live process holds the lock alone, the file is exactly
    /// its pid and a newline, and there is no intermediate process, not even as a
    /// zombie.
    pub(crate) fn daemon_of(&self, launch: Outcome, pid_file: impl AsRef<Path>) -> Daemon {
        assert_eq!(launch.code(), 0, "the start should succeed: {launch:?}");
        let pid_file = self.path(pid_file);
        let content = fs::read_to_string(&pid_file).expect("read the PID file");
        let line = content.strip_suffix('\n').expect("a newline at the end");
        let pid: i32 = line.parse().expect("a pid in the PID file");
        assert_eq!(pid.to_string(), line, "nothing but the pid");

        let process = Process::open(pid).expect("a live daemon");
        let stat = process::stat(pid).expect("a live daemon");
        assert!(process.is_alive(), "a live daemon, not a zombie");
        assert!(lock::is_held(&pid_file), "the lock is held");
        // While a daemon puts its descriptors in order, a list of them may miss one; and a child of
        // its own has a copy until it executes something.
        eventually("the daemon alone holds the lock", || {
            (lock::holders(&pid_file) == [pid]).then_some(())
        });
        assert!(process::stat(launch.pid).is_none(), "the launcher is gone");
        // The intermediate process made the session, so its pid is the session id.
        assert!(
            process::stat(stat.sid).is_none(),
            "the intermediate process was reaped"
        );
        Daemon {
            process,
            pid_file,
            launch,
            report: self.path("report.json"),
        }
    }

    /// The conditions after a failed start: no process is left, and the PID file is not
    /// locked, so that the next start works without cleaning up.
    pub(crate) fn expect_failed_start(&self, launch: &Outcome, status: i32) {
        assert_eq!(launch.code(), status, "{launch:?}");
        self.expect_nothing_left();
        assert!(!lock::is_held(&self.path("report.pid")), "the lock is free");
    }

    /// The conditions after every fault, with a daemon or without.
    ///
    /// At most one process holds the lock; no other process is left, not even a zombie without a
    /// parent that reaps it; and the file names the holder. The holder is killed at the end.
    pub(crate) fn expect_order(&self) {
        let pid_file = self.path("report.pid");
        let holder = eventually("only the holder of the lock is left", || {
            let holders = lock::holders(&pid_file);
            (self.processes() == holders && holders.len() <= 1).then_some(holders)
        });
        match holder[..] {
            [holder] => {
                assert_eq!(self.read("report.pid"), format!("{holder}\n"));
                let options = "pid=report.pid\nlog=report.log\nready=exec";
                let next = self.background().options(options).run();
                assert_eq!(next.code(), 69, "{next:?}");
                let holder = Process::open(holder).expect("the holder of the lock");
                holder.signal(Signal::SIGKILL);
                holder.wait();
            }
            // A child that another test forks has a copy of a lock of this process until its exec.
            _ => eventually("the lock is free", || {
                (!lock::is_held(&pid_file)).then_some(())
            }),
        }
    }

    /// A failure of the library: no process is left, and one line gives the reason.
    pub(crate) fn expect_refusal(&self, launch: &Outcome, status: i32, words: &[&str]) {
        self.expect_failed_start(launch, status);
        expect_one_line(launch, words);
    }
}

/// No output, and one line `prog: STEP OBJECT: REASON` on standard error, with these words in it.
pub(crate) fn expect_one_line(launch: &Outcome, words: &[&str]) {
    assert_eq!(launch.out_text(), "", "{launch:?}");
    let line = launch.err_text();
    assert_eq!(line.matches('\n').count(), 1, "one line: {launch:?}");
    assert!(line.ends_with('\n'), "a whole line: {launch:?}");
    assert!(line.starts_with("report: "), "{launch:?}");
    for word in words {
        let word = in_this_c_library(word);
        assert!(line.contains(word), "{word:?} in {launch:?}");
    }
}

/// The tests have glibc's words for an error number; musl has others for some.
pub(crate) fn in_this_c_library(words: &str) -> &str {
    match words {
        _ if cfg!(not(target_env = "musl")) => words,
        "Address already in use" => "Address in use",
        "Accessing a corrupted shared library" => "No error information",
        "Cannot allocate memory" => "Out of memory",
        "Disk quota exceeded" => "Quota exceeded",
        "File name too long" => "Filename too long",
        "Input/output error" => "I/O error",
        "Too many levels of symbolic links" => "Symbolic link loop",
        "Too many open files" => "No file descriptors available",
        _ => words,
    }
}

impl Daemon {
    pub(crate) fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// The report of the daemon, after its step `report`.
    pub(crate) fn report(&self) -> Report {
        let report = read_report(&self.report);
        assert_eq!(report.pid, self.pid(), "the daemon's own report");
        assert!(report.is_daemon, "it knows that it is the daemon");
        report
    }

    /// Ends the daemon as an administrator would.
    pub(crate) fn stop(self) -> Option<ExitStatus> {
        self.process.signal(Signal::SIGTERM);
        self.process.wait()
    }
}

/// Waits for the report of a program and reads it.
pub(crate) fn read_report(path: &Path) -> Report {
    let report = eventually("the program has reported", || {
        let report = fs::read(path).ok();
        if report.is_none() {
            failures::expect_running_program();
        }
        report
    });
    serde_json::from_slice(&report).expect("a whole report")
}
