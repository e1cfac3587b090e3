//! `Running`, and the free functions that the program calls.

use std::io::{self, Write};
use std::os::fd::{AsFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::files::FileId;
use crate::readiness::notify;
use crate::standard_streams::BufferedOutput;
use crate::sys;

/// A mark that this process runs the program, in the foreground or as the daemon, and is not the
/// launcher. [`enter`](crate::Daemon::enter) and [`start`](crate::Daemon::start) return it.
///
/// It guards nothing: to drop it has no effect. The PID file is emptied at the exit of the process.
///
/// ```
/// let running: daemon::Running = daemon::Daemon::new().enter();
/// ```
#[derive(Debug)]
pub struct Running(());

impl Running {
    pub(crate) fn new() -> Self {
        Self(())
    }
}

/// What the daemon knows of its start.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) start_dir: Option<PathBuf>,
    pub(crate) log_file: Option<PathBuf>,
    /// Without a log: the output that is kept in memory until the daemon is ready.
    pub(crate) buffered_output: Option<BufferedOutput>,
}

/// The PID file of this process, and the descriptor that holds its lock, which is never closed.
#[derive(Debug)]
pub(crate) struct OwnPidFile {
    pub(crate) path: PathBuf,
    pub(crate) lock: RawFd,
    /// What that descriptor leads to, unless the program has closed it.
    pub(crate) id: Option<FileId>,
    /// The process whose pid it holds; its forked children have all this too.
    pub(crate) owner: u32,
    /// Whether a normal end of the process empties the file.
    pub(crate) is_emptied: bool,
}

static ORIGIN: OnceLock<Origin> = OnceLock::new();

/// What [`ready`] does first.
static BEFORE_READY: Mutex<Option<fn()>> = Mutex::new(None);

static PID_FILE: OnceLock<OwnPidFile> = OnceLock::new();

/// This process is the daemon from now on.
pub(crate) fn set_origin(origin: Origin) {
    // It is set once: the hand-off cannot be taken twice.
    ORIGIN.set(origin).ok();
}

/// Calls this function when the program is ready for the first time.
pub(crate) fn before_ready(function: fn()) {
    let mut before = BEFORE_READY.lock().unwrap_or_else(PoisonError::into_inner);
    *before = Some(function);
}

/// This process holds the lock of its PID file from now on.
pub(crate) fn set_pid_file(pid_file: OwnPidFile) {
    let is_emptied = pid_file.is_emptied;
    if PID_FILE.set(pid_file).is_ok() && is_emptied {
        sys::exit::at_exit(empty_pid_file);
    }
}

/// Empties the PID file at a normal end: no daemon crashed. The file stays, because its lock is held
/// until the process is gone; in a new file, a second daemon could run beside this one's destructors
/// and threads.
fn empty_pid_file() {
    let Some(pid_file) = PID_FILE.get() else {
        return;
    };
    if std::process::id() != pid_file.owner {
        return;
    }
    if let Some(lock) = lock_descriptor() {
        let _ = sys::descriptors::truncate(lock, 0);
    }
}

/// The descriptor that holds the lock of the PID file. A program that closes every descriptor has lost
/// the lock, and another file may have its fd.
pub(crate) fn lock_descriptor() -> Option<RawFd> {
    let pid_file = PID_FILE.get()?;
    let id = sys::descriptors::file_id(pid_file.lock)?;
    (pid_file.id == Some(id)).then_some(pid_file.lock)
}

/// The pid of the daemon, also in its forked children.
pub(crate) fn daemon_pid() -> u32 {
    PID_FILE.get().map_or_else(std::process::id, |it| it.owner)
}

fn origin() -> Option<&'static Origin> {
    ORIGIN.get()
}

/// Whether standard output still leads to the memory where it is kept until the daemon is ready.
pub(crate) fn is_output_buffered() -> bool {
    let buffer = origin().and_then(|origin| origin.buffered_output);
    buffer.is_some_and(|buffer| buffer.is_at(io::stdout().as_fd()))
}

/// Whether this process is the daemon, and not a program in the foreground.
///
/// ```
/// if !daemon::is_daemon() {
///     println!("press Ctrl-C to stop");
/// }
/// ```
#[must_use]
pub fn is_daemon() -> bool {
    origin().is_some()
}

/// The directory that the program was started in: that of the launcher if this process is the daemon,
/// else the working directory. `None` if that directory was deleted.
///
/// ```
/// let start_dir = daemon::start_dir().unwrap_or_else(|| "/".into());
/// let config = start_dir.join("hello.toml");
/// ```
#[must_use]
pub fn start_dir() -> Option<PathBuf> {
    if let Some(origin) = origin() {
        return origin.start_dir.clone();
    }
    std::env::current_dir().ok()
}

/// The PID file of this process, if it is a daemon that has one, or a program in the foreground with
/// [`pid_in_foreground`](crate::Daemon::pid_in_foreground).
///
/// ```
/// if let Some(path) = daemon::pid_file() {
///     println!("the pid is in {}", path.display());
/// }
/// ```
#[must_use]
pub fn pid_file() -> Option<&'static Path> {
    Some(&PID_FILE.get()?.path)
}

/// The log of this process, if it is a daemon that has one.
///
/// ```
/// if let Some(path) = daemon::log_file() {
///     println!("this line is in {}", path.display());
/// }
/// ```
#[must_use]
pub fn log_file() -> Option<&'static Path> {
    origin()?.log_file.as_deref()
}

/// Reports that this program is ready: to the launcher, under
/// [`Readiness::notify`](crate::Readiness::notify), or to a service manager such as systemd. See
/// `READY=1` in `sd_notify(3)`.
///
/// It never fails, and does nothing without a receiver. So it can be called in the foreground too,
/// twice, and from any thread.
///
/// Under [`Readiness::notify`](crate::Readiness::notify) without a log, standard output and
/// standard error lead to `/dev/null` from here on. Until then the launcher keeps what is written
/// to them, and shows it if the start fails.
///
/// ```
/// use std::net::TcpListener;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// daemon::ready();
/// println!("clients can connect to {}", listener.local_addr()?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn ready() {
    let before = BEFORE_READY
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(function) = before {
        function();
    }
    if let Some(output) = origin().and_then(|origin| origin.buffered_output) {
        output.let_go();
    }
    notify::send(notify::READY);
}

/// Sets the status line that the launcher or a service manager shows, see `STATUS=` in
/// `sd_notify(3)`.
///
/// The launcher shows it on a terminal after a second of waiting, whatever it waits for. The last text
/// before the daemon is ready begins the line that reports that the daemon is up.
///
/// It never fails, and does nothing without a receiver.
///
/// ```
/// for percent in [10, 50, 90] {
///     daemon::status(format_args!("reading the index, {percent} %"));
/// }
/// ```
pub fn status(text: impl std::fmt::Display) {
    notify::send_if_there_is_room(&notify::status_assignment(text));
}

/// Hands bytes to the launcher, which writes them to its standard output when it exits with 0: a port,
/// a token, or text for `eval "$(hello -d)"`. A start that fails prints nothing. A client that calls
/// [`Daemon::ensure`](crate::Daemon::ensure) gets them in [`Started`](crate::Started).
///
/// The bytes arrive for certain under [`Readiness::notify`](crate::Readiness::notify), if this is
/// called before [`ready`]; under the other modes the launcher may have exited before. The launcher
/// takes 64 KiB in all and drops what comes after. A later run of
/// [`restart`](crate::Daemon::restart) has no launcher, and what it announces is dropped. In the
/// foreground the bytes go to standard output at once. It never fails.
///
/// ```
/// use std::net::TcpListener;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// daemon::announce(format!("{}\n", listener.local_addr()?.port()));
/// daemon::ready();
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn announce(bytes: impl AsRef<[u8]>) {
    let bytes = bytes.as_ref();
    if is_daemon() {
        notify::announce(bytes);
    } else {
        let mut out = io::stdout();
        out.write_all(bytes).and_then(|()| out.flush()).ok();
    }
}

/// Asks the launcher or a service manager for this much time, counted from now, see
/// `EXTEND_TIMEOUT_USEC=` in `sd_notify(3)`. The launcher grants up to a day, whatever it waits for.
///
/// It never fails, and does nothing without a receiver.
///
/// ```
/// use std::time::Duration;
///
/// daemon::extend_timeout(Duration::from_secs(60));
/// ```
pub fn extend_timeout(time: Duration) {
    notify::send(&notify::extend_timeout_assignment(time));
}

/// Tells a service manager that this program is about to end, see `STOPPING=1` in `sd_notify(3)`.
///
/// It never fails, and does nothing without a receiver.
///
/// ```
/// daemon::stopping();
/// ```
pub fn stopping() {
    notify::send("STOPPING=1");
}
