//! The start of a supervised daemon, in the launcher: it starts the supervisor, which starts the daemon.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use super::channel::time_after;
use super::verdict;
use crate::control::{Control, DaemonUser};
use crate::descriptors::KeptFds;
use crate::error::{CANNOT_START, Error, ErrorKind};
use crate::handoff::SupervisorRecord;
use crate::launcher::attempt::{Attempt, ProcessKind};
use crate::launcher::drive;
use crate::launcher::outcome::WaitOutcome;
use crate::launcher::preflight::is_child_of_supervisord;
use crate::launcher::resources::Resources;
use crate::launcher::{LaunchConfig, Launched, PassedFiles};
use crate::lock;
use crate::pid_file::PidFile;
use crate::program_name::{self, SUPERVISOR_SUFFIX};
use crate::readiness::Readiness;
use crate::settings::Settings;
use crate::signal;
use crate::signals::Interrupts;
use crate::stdin::Stdin;
use crate::sys::image::Image;
use crate::systemd;

/// Refuses what no supervisor can do, and what two would do at once.
pub(super) fn check(config: &LaunchConfig) -> Result<(), Error> {
    let refused = |kind, reason: &'static str| Err(Error::new(kind, CANNOT_START, reason));
    if config.record.paths.pid.is_none() {
        return refused(
            ErrorKind::Configuration,
            "`restart` needs a PID file; set `pid`",
        );
    }
    if config.stdin == Stdin::Keep {
        let reason = "`restart` cannot keep standard input, which the first run would use up";
        return refused(ErrorKind::Configuration, reason);
    }
    // A client continues, and its daemon is another process than the one that is watched.
    if config.is_for_client {
        return Ok(());
    }
    if systemd::started_this_process() {
        let reason = "systemd starts this program again by itself; use Restart= in its unit, and \
                      run in the foreground";
        return refused(ErrorKind::Usage, reason);
    }
    if is_child_of_supervisord() {
        let reason = "supervisord starts this program again by itself; run in the foreground";
        return refused(ErrorKind::Usage, reason);
    }
    Ok(())
}

/// Starts the supervisor, and waits for its verdict on the first run.
pub(super) fn launch(
    config: &mut LaunchConfig,
    (image, kept): (&Image, &KeptFds),
    pid_file: &PidFile,
    passed: PassedFiles,
    interrupts: &Interrupts,
) -> Result<Launched, Error> {
    let (readiness, watch) = Readiness::reported();
    let resources = Resources::for_supervisor(kept, pid_file, passed, watch)?;
    let process = ProcessKind {
        argv0: Some(name_of_supervisor()),
        readiness: Some(readiness),
        pid_file_length: None,
        supervisor: Some(SupervisorRecord {
            readiness: config.readiness.to_names(),
            bring_up: resources.bring_up().unwrap_or(-1),
            argv0: config.arguments.first().cloned().unwrap_or_default(),
        }),
        verdict_timeout: Some(verdict_timeout(config)),
        ..ProcessKind::daemon()
    };
    let mut attempt = Attempt::begin(config, resources, (image, kept), process)?;
    attempt.wait.expect_verdict();
    let (waited, end) = drive::until_decided(attempt.wait, interrupts);
    if let Ok(WaitOutcome::Judged {
        verdict, output, ..
    }) = waited
    {
        let log = config.record.paths.log.clone();
        let read = verdict::read(&verdict, output, end.announced, log);
        let launched = read.unwrap_or_else(|_| Err(lost("was lost")));
        // The run may have survived: it is blocked in I/O, or this process may not signal it.
        if launched.is_err() && lock::holder(pid_file.file()).is_some() {
            pid_file.leave_to_daemon();
        }
        return launched;
    }
    // The supervisor has ended, and may have left its daemon.
    stop_daemon(pid_file, &config.record.settings);
    match waited? {
        WaitOutcome::Ended { status, .. } => {
            let error = lost(&signal::describe_end(status));
            let signal = status
                .signal()
                .and_then(|signal| u8::try_from(128 + signal).ok());
            Err(match signal {
                Some(status) => error.with_status(status),
                None => error,
            })
        }
        other => attempt.judge.judge(config, other, end.mode, Vec::new()),
    }
}

/// How long the supervisor may take to tell how the first run has started: it may have been stopped.
fn verdict_timeout(config: &LaunchConfig) -> Duration {
    let settings = &config.record.settings;
    let ready_timeout = settings.ready_timeout;
    let ready_timeout = ready_timeout.unwrap_or(config.readiness.mode().default_timeout);
    ready_timeout.saturating_add(time_after(settings))
}

/// By this name users and the verbs know the supervisor.
fn name_of_supervisor() -> OsString {
    let mut name = program_name::of_this_process();
    name.push(SUPERVISOR_SUFFIX);
    name
}

fn lost(how: &str) -> Error {
    let reason = format!("the supervisor {how} before the daemon was ready");
    Error::new(ErrorKind::System, CANNOT_START, reason)
}

fn stop_daemon(pid_file: &PidFile, settings: &Settings) {
    let user = settings.identity.as_ref().map(|user| user.uid);
    let control = Control::new(pid_file.path())
        .stop_signal(settings.stop_signal)
        .kill_mode(settings.kill_mode)
        .run_by(user.map_or(DaemonUser::Own, DaemonUser::Uid));
    if control.end_process(settings.stop_timeout).is_err() {
        // The next start finds the lock held, and says so.
        pid_file.leave_to_daemon();
    }
}
