//! A client of the daemon: it finds the daemon, waits for a start in progress, or starts the
//! daemon itself.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::unistd::geteuid;

use crate::command_line::Chosen;
use crate::control::{Control, Status, Verdict};
use crate::daemon::Daemon;
use crate::error::{CANNOT_START, Error, ErrorKind};
use crate::files::NO_FOLLOW;
use crate::handoff::{self, Outcome, StartStep};
use crate::launcher::{self, LaunchConfig, Launched, Signals, failure};
use crate::log_file;
use crate::path_template;
use crate::running;
use crate::settings::Object;
use crate::sys;
use crate::trust;

/// What a failing start may take after its timeout: the stop signal, SIGKILL, and the log.
const FAILURE_TIME: Duration = Duration::from_secs(15);

/// The pause before another start, after one that was faster has ended.
const RETRY_INTERVAL: Duration = Duration::from_millis(2);

/// How much of the log is shown, as in a start of this process.
const OUTPUT_MAX: u64 = 64 * 1024;

/// The daemon that [`Daemon::ensure`] has found or started.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Started {
    /// The pid of the daemon.
    pub pid: u32,
    /// Whether the daemon ran already, or another process has started it during the call.
    pub was_running: bool,
    /// What the daemon gave to [`announce`](crate::announce), if this call has started the daemon.
    pub announced: Vec<u8>,
}

impl Daemon {
    /// Starts the daemon if it does not run, waits until it is ready, and returns in this process: for a
    /// client that needs its daemon.
    ///
    /// It needs [`pid`](Self::pid) and [`args`](Self::args), the words with which this program reaches
    /// [`enter`](Self::enter) or [`start`](Self::start). If another process is starting the daemon, the
    /// call waits for the outcome. If that start fails, this process starts the daemon itself, unless
    /// the start began after the call; then its failure is the result. In the daemon itself the call
    /// returns at once, but not in another daemon, which has another PID file.
    ///
    /// A daemon that this call has started is a child of this process until this process ends: a wait
    /// for any child may return its pid.
    ///
    /// # Errors
    ///
    /// Of any kind that [`ErrorKind`] lists. [`Configuration`](ErrorKind::Configuration): no `args`, no
    /// `pid`, or the `args` lead the program to `ensure` again. [`Busy`](ErrorKind::Busy): the start of
    /// another process takes too long. [`EndedEarly`](ErrorKind::EndedEarly): the daemon exited with 0.
    /// [`Error::output`] is what the daemon wrote to the log. No process of a failed daemon is left.
    ///
    /// ```no_run
    /// use daemon::{Daemon, Readiness};
    ///
    /// let cache = Daemon::new().pid("/run/cache.pid").ready(Readiness::listening());
    /// let started = cache.args(["serve"]).ensure()?;
    /// println!("the cache has pid {}", started.pid);
    /// # Ok::<(), daemon::Error>(())
    /// ```
    pub fn ensure(mut self) -> Result<Started, Error> {
        if let Some(this) = this_daemon(&self) {
            return Ok(this);
        }
        refuse_handoff();
        self.complete(Chosen::default())?;
        // `configure` may have named its PID file. A daemon that waits for itself is never ready.
        if let Some(this) = this_daemon(&self) {
            return Ok(this);
        }
        if self.args.is_none() {
            let reason = "option args is missing: the words that make this program the daemon";
            return Err(Error::new(ErrorKind::Configuration, CANNOT_START, reason));
        }
        let argv0: Vec<OsString> = std::env::args_os().take(1).collect();
        let control = self.control()?;
        match find_or_start(&mut self, &argv0, &control, true)? {
            StartOutcome::Running(pid, _) => Ok(found(pid)),
            StartOutcome::Launched(launched, signals) => {
                signals.give_back();
                started(launched)
            }
        }
    }
}

/// This process, if it is the daemon of these settings.
fn this_daemon(settings: &Daemon) -> Option<Started> {
    let is_own = running::is_daemon() && is_of_this_daemon(settings);
    is_own.then(|| found(running::daemon_pid()))
}

/// Whether the settings are those of the daemon that this process is, by the PID file. Its launcher may have
/// been root, and in another directory.
fn is_of_this_daemon(settings: &Daemon) -> bool {
    let Some(source) = &settings.paths.pid else {
        return settings.configure.is_none();
    };
    let argv0 = std::env::args_os().next().unwrap_or_default();
    let is_own = |user: u32, directory: Option<PathBuf>| {
        let mut context = settings.path_context(&argv0);
        context.uid = user;
        if let Some(directory) = directory {
            context.start_dir = Ok(directory);
        }
        let resolved = path_template::resolve(Object::PidFile, source, &context);
        resolved.is_ok_and(|it| running::pid_file() == Some(&it.path))
    };
    let own = geteuid().as_raw();
    is_own(own, None) || is_own(own, running::start_dir()) || is_own(0, running::start_dir())
}

/// Ends a process that was started as the daemon: it has not come to `enter`.
fn refuse_handoff() {
    if let Some((_, launcher)) = handoff::take() {
        launcher.answer(Outcome::Failed(StartStep::WrongArguments, Errno::EINVAL));
        sys::exit::exit(failure::wrong_arguments().exit_status())
    }
}

fn found(pid: u32) -> Started {
    Started {
        pid,
        was_running: true,
        announced: Vec::new(),
    }
}

fn started(launched: Launched) -> Result<Started, Error> {
    match launched {
        Launched::Up { pid, announced, .. } => Ok(Started {
            pid: pid.as_raw().unsigned_abs(),
            was_running: false,
            announced,
        }),
        Launched::Finished { output, .. } => {
            let reason = "the daemon ended with status 0";
            let error = Error::new(ErrorKind::EndedEarly, CANNOT_START, reason);
            Err(error.with_output(output))
        }
    }
}

/// How the daemon came to run.
#[derive(Debug)]
pub(crate) enum StartOutcome {
    /// It ran already, or another process has started it during the wait.
    Running(u32, Status),
    /// This process has started it. Signals stay caught until the guard is dropped.
    Launched(Launched, Box<Signals>),
}

/// Finds the daemon, or starts it once.
///
/// It waits for a start of another process. If that start began before this call
/// and fails, this process starts the daemon itself. If it began after this call, its failure is the
/// result: of many clients of a daemon that cannot start, each waits for two failures at most.
pub(crate) fn find_or_start(
    settings: &mut Daemon,
    arguments: &[OsString],
    control: &Control,
    is_for_client: bool,
) -> Result<StartOutcome, Error> {
    let ready_timeout = settings.settings.ready_timeout;
    let ready_timeout = ready_timeout.unwrap_or(settings.readiness.mode().default_timeout);
    // `None` is a time that the clock cannot show.
    let in_time = |time: Duration| Instant::now().checked_add(time);
    let longest_wait = ready_timeout.saturating_add(FAILURE_TIME);
    let give_up = in_time(longest_wait.saturating_mul(2));
    // Before the look for the daemon, so that no start writes anything in between.
    let log = LogEnd::of(settings, arguments);
    let mut prepared: Option<LaunchConfig> = None;
    loop {
        match control.await_verdict(in_time(longest_wait), ready_timeout)? {
            Verdict::Up(pid, status) => return Ok(StartOutcome::Running(pid, status)),
            Verdict::Pending => return Err(Error::still_starting(control.pid_file())),
            // The start has begun after the one that this process has tried.
            Verdict::Failed(error) => {
                if let Some(config) = &prepared {
                    let identity = config.record.settings.identity.as_ref();
                    return Err(error.with_output(log.output(identity.map(|user| user.uid))));
                }
            }
            // The other start has ended and left no word of it.
            Verdict::Down if prepared.is_some() => thread::sleep(RETRY_INTERVAL),
            Verdict::Down => {}
        }
        let config = if let Some(config) = &mut prepared {
            config
        } else {
            let mut config = settings.take_config(arguments.to_vec())?;
            config.is_for_client = is_for_client;
            prepared.insert(config)
        };
        let error = match launcher::launch(config) {
            Ok((launched, signals)) => {
                return Ok(StartOutcome::Launched(launched, Box::new(signals)));
            }
            Err(error) => error,
        };
        // Another start is faster, or has the PID file at this moment.
        let is_beaten = matches!(error.kind(), ErrorKind::AlreadyRunning | ErrorKind::Busy);
        if !is_beaten || give_up.is_some_and(|give_up| Instant::now() >= give_up) {
            return Err(error);
        }
    }
}

/// The log, and where it ended before this process looked for the daemon.
#[derive(Debug)]
struct LogEnd {
    path: Option<PathBuf>,
    end: u64,
}

impl LogEnd {
    fn of(settings: &Daemon, arguments: &[OsString]) -> Self {
        let argv0 = arguments.first().cloned().unwrap_or_default();
        let context = settings.path_context(&argv0);
        let resolve = |source| path_template::resolve(Object::Log, source, &context);
        let path = settings.paths.log.as_ref().map(resolve);
        let path = path.and_then(Result::ok).map(|resolved| resolved.path);
        let log = path.as_ref().and_then(|path| fs::metadata(path).ok());
        Self {
            end: log.map_or(0, |log| log.size()),
            path,
        }
    }

    /// What was written since, as far as this process may read it. The log may belong to the user
    /// `daemon`.
    fn output(&self, daemon: Option<u32>) -> Vec<u8> {
        let read = |path: &PathBuf| -> io::Result<Vec<u8>> {
            let log = open(path, daemon).ok_or(io::ErrorKind::InvalidInput)?;
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

/// Opens a log to read it, if it is a file to which no other user can have led this process.
fn open(path: &Path, daemon: Option<u32>) -> Option<File> {
    let path = log_file::target_of(path).ok()?;
    trust::check_way(&path, daemon).ok()?;
    let mut options = OpenOptions::new();
    let options = options.read(true).custom_flags(NO_FOLLOW.bits());
    let log = options.open(&path).ok()?;
    let metadata = log.metadata().ok()?;
    let is_log = metadata.is_file() && trust::check_opened(&path, &metadata, daemon) == Ok(true);
    is_log.then_some(log)
}
