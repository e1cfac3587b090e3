//! Opening the log again by its path, after a rotation has moved it away.
//!
//! All of it but the preparation may run in a signal handler, on any thread and at any moment: it
//! allocates nothing, takes no lock and changes nothing but descriptors, see `signal-safety(7)`.

use std::borrow::Cow;
use std::ffi::CString;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::Signal;
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, lstat};
use nix::unistd::{dup2_stderr, dup2_stdout, geteuid};

use crate::error::shown;
use crate::files::{FileId, NO_FOLLOW, kind_of};
use crate::handoff::Record;
use crate::program_name;
use crate::sys;
use crate::trust;

/// What is needed to open the log again.
#[derive(Debug)]
struct Log {
    path: CString,
    /// For root: every directory on the way with its owner, outermost first, if another user could change
    /// the way once one of them is removed.
    way: Vec<(CString, libc::uid_t)>,
    mode: Mode,
    /// The device that it is: `/dev/null`, or none.
    device: Option<libc::dev_t>,
    /// Whether another user could put a file in its place.
    is_shared: bool,
    /// What is said before the reason, if it cannot be opened.
    complaint: Vec<u8>,
}

const FLAGS: OFlag = OFlag::O_WRONLY
    .union(OFlag::O_APPEND)
    .union(OFlag::O_CLOEXEC)
    .union(NO_FOLLOW);

static LOG: OnceLock<Log> = OnceLock::new();

/// Whether the log can be opened again: with the rights that the daemon has now, and in its root
/// directory. It is not created, since it is there.
pub(crate) fn check() -> Result<(), Errno> {
    match LOG.get() {
        Some(log) => nix::fcntl::open(&*log.path, FLAGS, Mode::empty()).map(drop),
        None => Ok(()),
    }
}

/// Opens the log of this daemon again by its path, for standard output and standard error, as after
/// a rotation that has renamed the old file. Where that fails, the old file stays in use. A stream that
/// the program has closed or led elsewhere stays as it is. In the foreground, and without a log, it does
/// nothing.
///
/// The option `log_reopen` calls it on a signal. A program that installs its own handler for that
/// signal by `sigaction(2)`, and does not call the previous handler, calls this function in
/// it: it is async-signal-safe, see `signal-safety(7)`. Libraries such as `tokio` and
/// `signal-hook` do call the previous handler.
///
/// # Errors
///
/// Those of `open(2)`: the directory is gone, or this process may not write to the file, for
/// example. `EPERM` also if the file belongs to another user or has more than one hard link, in a
/// directory where other users can write.
///
/// ```
/// // In the handler of a command of the program.
/// daemon::reopen_log()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn reopen_log() -> io::Result<()> {
    match LOG.get() {
        Some(log) => Ok(reopen(log)?),
        None => Ok(()),
    }
}

/// Prepares the log to be opened again, by a call or on a signal.
pub(crate) fn prepare(record: &Record) -> Result<(), Errno> {
    let Some(path) = &record.log_target else {
        return Ok(());
    };
    // After an exec of another program the record has no name.
    let name = program_name::of_this_process();
    let name = shown(name.as_ref());
    let from_root = from_root(path, record.paths.chroot.as_deref());
    let (from_root, way) = trust::exposed_way(&from_root);
    if let Some(carried) = &record.carried {
        for (place, mark) in LOG_FILES.iter().zip(&carried.log_files) {
            place.store(
                usize::try_from(*mark).unwrap_or_default(),
                Ordering::Relaxed,
            );
        }
    }
    // A program that executes itself may have led one of them to a file of its own.
    let is_log = |stream: &RawFd| match record.carried {
        Some(_) => is_log(*stream),
        None => sys::descriptors::appends(*stream),
    };
    let streams = [libc::STDOUT_FILENO, libc::STDERR_FILENO].into_iter();
    let logs = streams.filter(is_log);
    let logs: Vec<FileStat> = (logs.map(sys::descriptors::status)).collect::<Result<_, _>>()?;
    logs.iter().for_each(remember);
    let device = logs.first().and_then(device);
    LOG.get_or_init(|| Log {
        path: c_string(&from_root),
        way: (way.iter().map(|(path, owner)| (c_string(path), *owner))).collect(),
        mode: Mode::from_bits_truncate(record.settings.log_mode as libc::mode_t),
        device,
        is_shared: trust::is_shared(&from_root),
        complaint: format!("{name}: cannot reopen the log {}: ", shown(path)).into_bytes(),
    });
    Ok(())
}

/// A path with a NUL byte is refused long before.
fn c_string(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}

/// Reopens the log on each such signal.
pub(crate) fn reopen_on(signal: crate::Signal) -> Result<(), Errno> {
    // Beyond a limit on the size of files, complaining would end this process.
    sys::signals::install_noop_handler(Signal::SIGXFSZ)?;
    sys::signals::call_on(Signal::try_from(signal.as_raw())?, reopen_or_complain)
}

/// A path as it is in the daemon's root directory, if it leads into that.
fn from_root<'a>(path: &'a Path, root: Option<&Path>) -> Cow<'a, Path> {
    match root.and_then(|root| path.strip_prefix(root).ok()) {
        Some(inside) => Path::new("/").join(inside).into(),
        None => path.into(),
    }
}

fn reopen_or_complain() {
    if let Some(log) = LOG.get() {
        if let Err(errno) = reopen(log) {
            complain(log, errno);
        }
    }
}

fn reopen(log: &Log) -> Result<(), Errno> {
    let file = open(log)?;
    // Before a stream leads there: this function may run on another thread as well.
    remember(&fstat(&file)?);
    // A program may have closed a stream, and one of its own files may have the fd.
    if is_log(libc::STDOUT_FILENO) {
        while_busy(|| dup2_stdout(&file))?;
    }
    if is_log(libc::STDERR_FILENO) {
        while_busy(|| dup2_stderr(&file))?;
    }
    Ok(())
}

/// The last files that were the log of this process, see [`mark`].
static LOG_FILES: [AtomicUsize; 8] = [const { AtomicUsize::new(0) }; 8];

/// The marks of these files.
pub(crate) fn marks() -> Vec<u64> {
    LOG_FILES
        .iter()
        .map(|place| place.load(Ordering::Relaxed) as u64)
        .collect()
}

fn remember(file: &FileStat) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed) % LOG_FILES.len();
    if let Some(place) = LOG_FILES.get(next) {
        place.store(mark(file), Ordering::Relaxed);
    }
}

fn is_log(stream: RawFd) -> bool {
    let is_known = |file: FileStat| {
        let known = |place: &AtomicUsize| place.load(Ordering::Relaxed) == mark(&file);
        LOG_FILES.iter().any(known)
    };
    sys::descriptors::status(stream).is_ok_and(is_known)
}

/// The file in one word.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of it is enough"
)]
fn mark(file: &FileStat) -> usize {
    (file.st_ino as usize) ^ (file.st_dev as usize).rotate_left(usize::BITS / 2)
}

/// As the launcher opens it, but by calls that allocate nothing.
fn open(log: &Log) -> Result<OwnedFd, Errno> {
    for (directory, owner) in &log.way {
        trust::check_status(&lstat(&**directory)?, *owner)?;
    }
    let create = |more| nix::fcntl::open(&*log.path, FLAGS | OFlag::O_CREAT | more, log.mode);
    let file = match create(OFlag::O_EXCL) {
        Ok(file) => {
            // The mode holds whatever the umask is.
            fchmod(&file, log.mode)?;
            file
        }
        // The next rotation may remove the log in between, so this creates it too.
        Err(Errno::EEXIST) => create(OFlag::empty())?,
        Err(errno) => return Err(errno),
    };
    let found = fstat(&file)?;
    // A terminal, for example, was put in the place of the log.
    if device(&found) != log.device {
        return Err(Errno::EINVAL);
    }
    // This may be the file of another user, or a second name for a file that this user may not
    // write to. The path decides, since the second name may be gone by now.
    if log.is_shared {
        let there = lstat(&*log.path)?;
        let is_ours = there.st_uid == 0 || there.st_uid == geteuid().as_raw();
        if !is_ours || there.st_nlink > 1 || FileId::from(&there) != FileId::from(&found) {
            return Err(Errno::EPERM);
        }
    }
    // Opening was not to wait for the reader of a FIFO, but writing may.
    fcntl(&file, FcntlArg::F_SETFL(OFlag::O_APPEND))?;
    Ok(file)
}

fn device(file: &FileStat) -> Option<libc::dev_t> {
    let kind = kind_of(file);
    let is_device = kind == SFlag::S_IFCHR || kind == SFlag::S_IFBLK;
    is_device.then_some(file.st_rdev)
}

/// `dup2(2)` may meet another thread that just opens a file, or be interrupted.
fn while_busy(place: impl Fn() -> Result<(), Errno>) -> Result<(), Errno> {
    loop {
        match place() {
            Err(Errno::EBUSY | Errno::EINTR) => {}
            other => return other,
        }
    }
}

/// One line in the log as it is.
fn complain(log: &Log, reason: Errno) {
    let line = [&log.complaint, description(reason).as_bytes(), b"\n"];
    sys::descriptors::write_parts(io::stderr().as_fd(), &line.map(IoSlice::new));
}

/// The errors of `open(2)` and its companions. `strerror(3)` is not for a signal handler, and the
/// whole table would be linked.
fn description(errno: Errno) -> &'static str {
    match errno {
        Errno::EPERM => "Operation not permitted",
        Errno::ENOENT => "No such file or directory",
        Errno::EACCES => "Permission denied",
        Errno::ENOTDIR => "Not a directory",
        Errno::EISDIR => "Is a directory",
        Errno::EINVAL => "Invalid argument",
        Errno::EMFILE | Errno::ENFILE => "Too many open files",
        Errno::ENOSPC => "No space left on device",
        Errno::EDQUOT => "Disk quota exceeded",
        Errno::EROFS => "Read-only file system",
        Errno::ENXIO => "No such device or address",
        Errno::ELOOP => "Too many levels of symbolic links",
        Errno::EIO => "Input/output error",
        _ => "the system refused it",
    }
}
