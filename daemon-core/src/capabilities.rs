//! What the builder methods install. A program links only the capabilities that it names: nothing
//! but the method points to their code.

use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{chdir, chroot};

use crate::error::Error;
use crate::handoff::Record;
use crate::identity::{self, CredStep, Identity, Variable};
use crate::listen::{self, RunSockets, StartSockets};
use crate::listen_address::{self, ListenAddress, Place, ResolvedSockets};
use crate::log_file::LogFile;
use crate::log_reopen;
use crate::log_rotation::{self, LogWatch, RotatedProcess, RotationConfig};
use crate::passed::{self, PassedFd};
use crate::path_source::PathSource;
use crate::path_template::{self, PathContext, Resolved};
use crate::pid_file::PidFile;
use crate::readiness::{self, ModeByName, Readiness};
use crate::settings::{ListenSocket, Object, Settings};
use crate::signal::Signal;
use crate::syslog::{self, Severity};
use crate::trust;

/// The capabilities of one builder.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Capabilities {
    /// Makes a path of the program absolute.
    pub(crate) resolve_path: Option<ResolvePath>,
    pub(crate) pid_file: Option<&'static PidFiles>,
    pub(crate) log: Option<&'static Logs>,
    pub(crate) privileges: Option<&'static Privileges>,
    /// Enters the root directory. In the daemon.
    pub(crate) chroot: Option<EnterRoot>,
    /// Reopens the log on this signal. In the daemon.
    pub(crate) log_reopen: Option<fn(Signal) -> Result<(), Errno>>,
    pub(crate) log_rotation: Option<&'static LogRotations>,
    /// Tells the system log what happens to the daemon.
    pub(crate) syslog: Option<fn(u32, Severity, &str)>,
    /// Keeps what `before_start` passed. In the daemon.
    pub(crate) keep_passed: Option<KeepPassed>,
    pub(crate) listen: Option<&'static Listens>,
    /// Finds the readiness that a function has chosen. In the supervisor.
    pub(crate) any_mode: Option<ModeByName>,
}

impl Capabilities {
    pub(crate) fn add_path(&mut self) {
        self.resolve_path = Some(path_template::resolve);
    }

    pub(crate) fn add_pid_file(&mut self) {
        self.add_path();
        self.pid_file = Some(&PID_FILES);
    }

    pub(crate) fn add_log(&mut self) {
        self.add_path();
        self.log = Some(&LOGS);
    }

    pub(crate) fn add_privileges(&mut self) {
        self.privileges = Some(&PRIVILEGES);
    }

    pub(crate) fn add_chroot(&mut self) {
        self.add_path();
        self.chroot = Some(enter_root);
    }

    pub(crate) fn add_log_reopen(&mut self) {
        self.log_reopen = Some(log_reopen::reopen_on);
    }

    pub(crate) fn add_log_rotation(&mut self) {
        self.log_rotation = Some(&LOG_ROTATIONS);
    }

    pub(crate) fn add_syslog(&mut self) {
        self.syslog = Some(syslog::tell);
    }

    pub(crate) fn add_passed_fds(&mut self) {
        self.keep_passed = Some(passed::keep);
    }

    pub(crate) fn add_listen(&mut self) {
        self.listen = Some(&LISTENS);
    }

    /// Tells the system log, if the program has named a facility.
    #[inline(never)] // each use would have its own copy
    pub(crate) fn tell(
        &self,
        facility: Option<u32>,
        severity: Severity,
        text: &dyn Fn() -> String,
    ) {
        if let Some((tell, facility)) = self.syslog.zip(facility) {
            tell(facility, severity, &text());
        }
    }

    /// What the daemon needs for any setting of a function that runs in the launcher alone.
    pub(crate) fn add_daemon_side(&mut self) {
        self.add_log();
        self.add_privileges();
        self.add_chroot();
        self.add_log_reopen();
        self.add_passed_fds();
        self.add_listen();
        // For the supervisor.
        self.add_log_rotation();
        self.add_syslog();
        self.any_mode = Some(readiness::any_mode);
    }

    /// Adds those of another builder.
    pub(crate) fn merge(&mut self, other: Self) {
        self.resolve_path = self.resolve_path.or(other.resolve_path);
        self.pid_file = self.pid_file.or(other.pid_file);
        self.log = self.log.or(other.log);
        self.privileges = self.privileges.or(other.privileges);
        self.chroot = self.chroot.or(other.chroot);
        self.log_reopen = self.log_reopen.or(other.log_reopen);
        self.log_rotation = self.log_rotation.or(other.log_rotation);
        self.syslog = self.syslog.or(other.syslog);
        self.keep_passed = self.keep_passed.or(other.keep_passed);
        self.listen = self.listen.or(other.listen);
        self.any_mode = self.any_mode.or(other.any_mode);
    }
}

static LOG_ROTATIONS: LogRotations = LogRotations {
    rotate: log_rotation::rotate,
    watch: log_rotation::watch,
    refuse_shared_log: log_rotation::refuse_shared_log,
};

/// `log_rotate`.
#[derive(Debug)]
pub(crate) struct LogRotations {
    /// Rotates the log at once. For the verb.
    pub(crate) rotate: fn(RotationConfig, &mut dyn RotatedProcess) -> Result<Option<String>, Error>,
    /// For a supervisor.
    pub(crate) watch: fn(RotationConfig) -> Box<dyn LogWatch>,
    /// For a program with several instances.
    pub(crate) refuse_shared_log: fn(&PathSource, instance: &str) -> Result<(), Error>,
}

type ResolvePath = fn(Object, &PathSource, &PathContext) -> Result<Resolved, Error>;

type ResolveSockets =
    fn(Vec<(String, ListenAddress)>, &PathContext) -> Result<ResolvedSockets, Error>;
type PlanSockets = fn(&Settings, bool) -> Result<Box<dyn StartSockets>, Error>;

static LISTENS: Listens = Listens {
    resolve: listen_address::resolve,
    meet: Readiness::is_met_by_any,
    plan: listen::plan,
    watch: listen::watch,
    expect: listen::expect,
};

/// `listen`.
#[derive(Debug)]
pub(crate) struct Listens {
    /// What the program gives, as the launch knows it.
    pub(crate) resolve: ResolveSockets,
    /// Whether one of them is what the readiness waits for.
    pub(crate) meet: fn(&Readiness, &mut dyn Iterator<Item = &Place>) -> bool,
    /// In the launcher, before it opens a file.
    pub(crate) plan: PlanSockets,
    /// In the supervisor.
    pub(crate) watch: fn(&Settings, &[String]) -> Box<dyn RunSockets>,
    /// In the daemon.
    pub(crate) expect: fn(&[ListenSocket], &[String]),
}

type KeepPassed = fn(&[PassedFd]) -> Result<(), Errno>;

static PID_FILES: PidFiles = PidFiles {
    create: PidFile::create,
    hand_over: PidFile::hand_over,
    remove: PidFile::remove,
    fail: PidFile::fail,
};

static LOGS: Logs = Logs {
    open: LogFile::open,
    prepare_reopen: log_reopen::prepare,
    check_reopen: log_reopen::check,
};

static PRIVILEGES: Privileges = Privileges {
    look_up: identity::look_up,
    assume: identity::assume_at_start,
    not_assumed: identity::not_assumed,
    variables: Identity::variables,
    warning: trust::replaceable_program,
};

/// `pid`, `pid_flag`.
#[derive(Debug)]
pub(crate) struct PidFiles {
    pub(crate) create: fn(&Path, u32) -> Result<PidFile, Error>,
    /// Gives the file to the daemon.
    pub(crate) hand_over: fn(PidFile),
    pub(crate) remove: fn(PidFile),
    /// Removes the file of a start that failed.
    pub(crate) fail: fn(PidFile, &Error),
}

/// `log`, `log_flag`.
#[derive(Debug)]
pub(crate) struct Logs {
    pub(crate) open: fn(&Path, u32, Option<&Identity>) -> Result<LogFile, Error>,
    /// Prepares [`reopen_log`](crate::reopen_log). In the daemon.
    pub(crate) prepare_reopen: fn(&Record) -> Result<(), Errno>,
    /// Whether the daemon can open its log again. In the daemon.
    pub(crate) check_reopen: fn() -> Result<(), Errno>,
}

/// `user`, `group`.
#[derive(Debug)]
pub(crate) struct Privileges {
    pub(crate) look_up: LookUp,
    /// Becomes the user. In the daemon.
    pub(crate) assume: fn(&Identity) -> Result<(), (CredStep, Errno)>,
    pub(crate) not_assumed: fn(CredStep, &Identity, Errno) -> Error,
    /// The variables that change with the user.
    pub(crate) variables: fn(&Identity) -> Vec<Variable<'_>>,
    /// What root should know of a start as this user.
    pub(crate) warning: fn(&Identity) -> Option<String>,
}

type EnterRoot = fn(&Path) -> Result<(), Errno>;

/// From the names of a user and a group.
pub(crate) type LookUp = fn(Option<&str>, Option<&str>) -> Result<Option<Identity>, Error>;

/// A working directory outside of the root directory would be a way out.
fn enter_root(root: &Path) -> Result<(), Errno> {
    chroot(root)?;
    chdir("/")
}
