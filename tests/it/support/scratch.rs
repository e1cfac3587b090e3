//! A directory for one test, and the end of every process of the test.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, thread};

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::geteuid;

use crate::support::bystanders::{Bystanders, VICTIM};
use crate::support::deadline::eventually;
use crate::support::failures::{self, FAILED_STEP};
use crate::support::lock;
use crate::support::process::{Process, has_variable, with_variable};
use crate::support::start::Start;

/// The variable by which a test finds its processes.
const MARK: &str = "TEST_MARK";

/// A scratch directory, with bystanders. Dropping it kills every process that was started in it by
/// pid, checks the conditions after every test, and removes the directory.
#[derive(Debug)]
pub(crate) struct Scratch {
    directory: PathBuf,
    mark: String,
    bystanders: Bystanders,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let (mark, directory) = new_directory();
        // Programs of other users must reach it under any umask.
        fs::set_permissions(&directory, Permissions::from_mode(0o755)).expect("chmod");
        // The directory of a report is not a symbolic link somewhere above.
        let directory = directory.canonicalize().expect("the scratch directory");
        // Orphans become children of this process instead of init. So a test learns how its daemon ended,
        // and an intermediate process that its launcher did not reap stays visible as a zombie.
        prctl::set_child_subreaper(true).expect("become a subreaper");
        let bystanders = Bystanders::new(&directory);
        failures::watch_directory(&directory);
        Self {
            directory,
            mark,
            bystanders,
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.directory
    }

    /// A process without relation to the test, which dies of any signal.
    pub(crate) fn canary(&self) -> u32 {
        self.bystanders.canary()
    }

    /// The value of `TEST_MARK`, for a start that clears the environment.
    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("write a file of the test");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.path(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// A start of an example or a test program, in this directory.
    pub(crate) fn start(&self, program: &str) -> Start {
        self.start_path(&crate::support::program::path(program))
    }

    /// A start of any program, in this directory.
    pub(crate) fn start_path(&self, program: &Path) -> Start {
        Start::new(program, self.dir())
            .env(MARK, &self.mark)
            .env("TEST_FAILED_STEP", self.path(FAILED_STEP))
    }

    /// `report -d` with a PID file and a log, which reports and stays.
    pub(crate) fn background(&self) -> Start {
        self.report().arg("-d")
    }

    /// `report` in the foreground, with the same options as [`Self::background`].
    pub(crate) fn report(&self) -> Start {
        self.start("report")
            .env("TEST_REPORT", self.path("report.json"))
            .options("pid=report.pid\nlog=report.log")
            .does("report stay")
    }

    /// How a panic ends the program: with 101, or with `panic = "abort"` by SIGABRT, as a shell
    /// says it.
    pub(crate) fn panic_status(&self) -> i32 {
        let status = self.report().does("panic:on-purpose").run().status;
        let by_signal = status.signal().map(|signal| 128 + signal);
        let status = status.code().or(by_signal).expect("an end");
        assert!([101, 134].contains(&status), "{status}");
        status
    }

    /// A copy of a program, to be deleted or replaced.
    ///
    /// `cp` makes it: a child that another test forks would inherit a descriptor that
    /// writes to the copy, and a program that is open for writing cannot be executed.
    pub(crate) fn copy_program(&self, program: &Path, name: &str) -> PathBuf {
        let copy = self.path(name);
        let status = Command::new("cp").arg(program).arg(&copy).status();
        assert!(status.expect("run cp").success());
        copy
    }

    /// The names of the files of the test and its programs.
    pub(crate) fn files(&self) -> Vec<OsString> {
        let all = fs::read_dir(&self.directory).expect("list");
        let mut names: Vec<_> = all.flatten().map(|file| file.file_name()).collect();
        names.retain(|name| name != VICTIM && name != FAILED_STEP);
        names.sort();
        names
    }

    /// The processes of this test that are alive.
    pub(crate) fn processes(&self) -> Vec<i32> {
        with_variable(MARK, &self.mark)
    }

    /// The processes of this test, once there are so many of them. In the middle of its exec a process
    /// has no environment to be found by, and another may be about to end.
    pub(crate) fn expect_processes(&self, count: usize) -> Vec<i32> {
        eventually("the test has the right number of processes", || {
            Some(self.processes()).filter(|pids| pids.len() == count)
        })
    }

    /// Fails the test if it has another process than this one.
    pub(crate) fn expect_only(&self, pid: i32) {
        eventually("there is the one process and no other", || {
            (self.processes() == [pid]).then_some(())
        });
    }

    /// Fails the test if a process of it is left.
    pub(crate) fn expect_nothing_left(&self) {
        eventually("no process of the test is left", || {
            self.processes().is_empty().then_some(())
        });
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        failures::unwatch_directory(&self.directory);
        self.kill_what_is_left();
        let order = if thread::panicking() {
            self.show_logs();
            Ok(())
        } else {
            panic::catch_unwind(AssertUnwindSafe(|| {
                self.bystanders.expect_untouched();
                self.expect_next_start();
            }))
        };
        self.kill_what_is_left();
        fs::remove_dir_all(&self.directory).ok();
        if let Err(disorder) = order {
            panic::resume_unwind(disorder);
        }
    }
}

impl Scratch {
    fn kill_what_is_left(&self) {
        // A process that is being killed may just have forked.
        loop {
            let left = self.processes();
            if left.is_empty() {
                break;
            }
            for process in left.into_iter().filter_map(Process::open) {
                // The pid may be another process's before the pidfd was open.
                if has_variable(process.pid(), MARK, &self.mark) {
                    process.signal(Signal::SIGKILL);
                    process.wait();
                }
            }
        }
    }

    /// The next start works without cleaning up, once the obstacles of the test itself are removed.
    /// After a killed daemon that is left out: `pid_file::crash_leaves_an_unlocked_file` shows it.
    fn expect_next_start(&self) {
        let path = self.path("report.pid");
        eventually("the killed processes have released the lock", || {
            let is_free = !lock::is_held(&path);
            if !is_free {
                // In the middle of its exec a process has no environment to be found by.
                self.kill_what_is_left();
            }
            is_free.then_some(())
        });
        if self.is_as_after_a_crash() {
            return;
        }
        fs::create_dir_all(&self.directory).expect("the directory");
        fs::set_permissions(&self.directory, Permissions::from_mode(0o755)).expect("chmod");
        let us = geteuid().as_raw();
        chown(&self.directory, Some(us), None).expect("chown");
        if let Ok(file) = fs::symlink_metadata(&path) {
            let is_trusted = file.uid() == us && file.mode() & 0o022 == 0;
            if file.is_dir() {
                fs::remove_dir_all(&path).expect("remove");
            } else if !file.is_file() || file.nlink() > 1 || !is_trusted {
                fs::remove_file(&path).expect("remove");
            }
        }
        let next = self.background().options("pid=report.pid\nready=exec");
        let daemon = self.daemon_of(next.does("hang").run(), "report.pid");
        // By its pid: just after its exec it has no environment to be found by.
        daemon.process.signal(Signal::SIGKILL);
        daemon.process.wait();
    }

    /// Whether the PID file is missing, or holds a pid and a newline with the usual owner and mode.
    fn is_as_after_a_crash(&self) -> bool {
        let us = geteuid().as_raw();
        let is_ours = |path: &Path, mode| {
            fs::symlink_metadata(path)
                .is_ok_and(|file| file.uid() == us && file.mode() & 0o7777 == mode)
        };
        if !is_ours(&self.directory, 0o755) || self.path("report.pid.new").exists() {
            return false;
        }
        let path = self.path("report.pid");
        let Ok(file) = fs::symlink_metadata(&path) else {
            return true;
        };
        let content = fs::read(&path).unwrap_or_default();
        let pid = content.strip_suffix(b"\n").unwrap_or_default();
        file.is_file()
            && file.nlink() == 1
            && is_ours(&path, lock::PID_MODE)
            && !pid.is_empty()
            && pid.iter().all(u8::is_ascii_digit)
    }

    fn show_logs(&self) {
        for entry in fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = entry.path();
            // The open of a FIFO would wait.
            let is_file = fs::metadata(&path).is_ok_and(|log| log.is_file());
            if is_file && path.extension().is_some_and(|extension| extension == "log") {
                let log = fs::read(&path).unwrap_or_default();
                let shown = String::from_utf8_lossy(&log[..log.len().min(4096)]).into_owned();
                eprintln!("--- {}\n{shown}", path.display());
            }
        }
    }
}

/// A directory that no other test has, and its mark. A run that was killed may have left directories,
/// and its pid is used again.
fn new_directory() -> (String, PathBuf) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("daemon-test-{}-{number}", process::id());
        let directory = env::temp_dir().join(&mark);
        match fs::create_dir(&directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => {
                made.expect("make a scratch directory");
                return (mark, directory);
            }
        }
    }
}
