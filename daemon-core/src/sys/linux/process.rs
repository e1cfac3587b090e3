//! What the system tells of a process that is not a child of this one.

use std::ffi::OsString;
use std::fs::{self, File, ReadDir};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::ptr;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::{Pid, SysconfVar, getpgid, getpid, sysconf};

use super::clock;
use crate::files::FileId;
use crate::number;
use crate::sys::read;

pub(crate) use super::pidfd::{duplicate, open, open_task, send_signal, send_signal_to_group};

/// Its directory in `/proc`.
///
/// In a container `/proc` may show another PID namespace, where the pid is another process's: then
/// the process is not found there, as if it had ended.
pub(crate) fn directory(pid: Pid) -> io::Result<PathBuf> {
    if fs::read_link("/proc/self")?.as_os_str() == &*format!("{}", getpid()) {
        Ok(format!("/proc/{pid}").into())
    } else {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Whether `/proc` is mounted, of whatever PID namespace.
pub(crate) fn has_proc() -> bool {
    fs::symlink_metadata("/proc/self").is_ok()
}

/// The pid by which `/proc` shows the process of a pidfd, if it can be told.
pub(crate) fn pid_in_proc(pidfd: BorrowedFd<'_>) -> Option<Pid> {
    let details = format!("/proc/thread-self/fdinfo/{}", pidfd.as_raw_fd());
    let details = read::text(details.as_ref()).ok()?;
    number::parse(value_of(&details, "Pid:")?, 10).map(Pid::from_raw)
}

/// The value of this line, as in `/proc/PID/status`.
fn value_of<'a>(lines: &'a str, name: &str) -> Option<&'a str> {
    let mut values = lines.lines().filter_map(|line| line.strip_prefix(name));
    values.next().map(str::trim_ascii)
}

/// Where its standard output leads, if that is a file with a path.
pub(crate) fn output_of(pid: Pid) -> Option<PathBuf> {
    let output = output_link(pid)?;
    let is_path = output.is_absolute() && !output.as_os_str().as_bytes().ends_with(DELETED);
    (is_path && output != Path::new("/dev/null")).then_some(output)
}

/// The name that the file of its standard output has, or had before it was deleted.
pub(crate) fn output_name_of(pid: Pid) -> Option<PathBuf> {
    let output = output_link(pid)?.into_os_string().into_vec();
    let name = output.strip_suffix(DELETED).unwrap_or(&output);
    Some(PathBuf::from(OsString::from_vec(name.to_vec())))
}

/// What the kernel appends to the path of a file that has no name any more.
const DELETED: &[u8] = b" (deleted)";

fn output_link(pid: Pid) -> Option<PathBuf> {
    // Not looked at: its file system may not answer any more.
    fs::read_link(directory(pid).ok()?.join("fd/1")).ok()
}

/// Whether its standard output is open as this library opens a log: to write to its end.
pub(crate) fn appends_output(pid: Pid) -> bool {
    output_flags(pid).is_some_and(|flags| {
        let writes = flags & (libc::O_WRONLY | libc::O_RDWR) != 0;
        writes && flags & libc::O_APPEND != 0 && flags & libc::O_PATH == 0
    })
}

/// The flags of its standard output, see `proc_pid_fdinfo(5)`.
fn output_flags(pid: Pid) -> Option<i32> {
    let details = read::text(&directory(pid).ok()?.join("fdinfo/1")).ok()?;
    number::parse(value_of(&details, "flags:")?, 8)
}

/// Whether standard output or standard error leads to this file, if that can be seen.
pub(crate) fn writes_to(pid: Pid, file: FileId) -> Option<bool> {
    let process = directory(pid).ok()?;
    let stream = |name| FileId::of_target(&process.join(name)).ok();
    let (output, error) = (stream("fd/1")?, stream("fd/2")?);
    Some(output == file || error == file)
}

/// Whether standard output or standard error leads to a regular file, if that can be seen.
pub(crate) fn writes_to_any_file(pid: Pid) -> Option<bool> {
    let process = directory(pid).ok()?;
    let is_file = |name| Some(fs::metadata(process.join(name)).ok()?.is_file());
    Some(is_file("fd/1")? || is_file("fd/2")?)
}

/// Its name, see `proc_pid_comm(5)`.
pub(crate) fn name_of(pid: Pid) -> Option<OsString> {
    let mut name = read::content(&directory(pid).ok()?.join("comm")).ok()?;
    if name.last() == Some(&b'\n') {
        name.pop();
    }
    Some(OsString::from_vec(name))
}

/// The process that it is a child of.
pub(crate) fn parent_of(pid: Pid) -> Option<Pid> {
    i32::try_from(stat(pid, 4)?).ok().map(Pid::from_raw)
}

/// The processes that can be seen in `/proc`.
pub(super) fn all() -> Processes {
    Processes(fs::read_dir("/proc").ok())
}

#[derive(Debug)]
pub(super) struct Processes(Option<ReadDir>);

impl Iterator for Processes {
    type Item = Pid;

    fn next(&mut self) -> Option<Pid> {
        loop {
            let entry = self.0.as_mut()?.next()?;
            let pid = entry
                .ok()
                .and_then(|it| number::parse(it.file_name().to_str()?, 10));
            if pid.is_some() {
                return pid.map(Pid::from_raw);
            }
        }
    }
}

/// The processes of this process group, as far as they can be seen.
pub(crate) fn members_of(group: Pid) -> impl Iterator<Item = Pid> {
    all().filter(move |pid| getpgid(Some(*pid)) == Ok(group))
}

/// The words of its command line. `None` if they cannot be read, or have ended with the process.
pub(crate) fn arguments_of(pid: Pid) -> Option<Vec<OsString>> {
    let words = words_of(pid, "cmdline").ok()?;
    let words = words.strip_suffix(b"\0")?.split(|byte| *byte == 0);
    Some(
        words
            .map(|word| OsString::from_vec(word.to_vec()))
            .collect(),
    )
}

/// The first of them.
pub(crate) fn first_argument_of(pid: Pid) -> Option<OsString> {
    let words = words_of(pid, "cmdline").ok()?;
    let first = words.split(|byte| *byte == 0).next()?;
    Some(OsString::from_vec(first.to_vec()))
}

/// Whether it has no command line, as in the middle of an exec.
pub(crate) fn lacks_arguments(pid: Pid) -> bool {
    words_of(pid, "cmdline").is_ok_and(|words| words.is_empty())
}

/// What stands between the ends of its command line or its environment, each word with a NUL byte.
pub(crate) fn words_of(pid: Pid, file: &str) -> io::Result<Vec<u8>> {
    read::rest_of(&File::open(directory(pid)?.join(file))?, WORDS_MAX)
}

/// No exec takes more, see `execve(2)`. A process can move these ends, and so show all of its memory, see
/// `PR_SET_MM_MAP` in `prctl(2)`.
const WORDS_MAX: usize = 6 * 1024 * 1024;

/// The path of its program, or the one that this had before it was deleted.
pub(crate) fn program_of(pid: Pid) -> Option<PathBuf> {
    let path = fs::read_link(directory(pid).ok()?.join("exe")).ok()?;
    let path = path.into_os_string().into_vec();
    let path = path.strip_suffix(DELETED).unwrap_or(&path);
    Some(PathBuf::from(OsString::from_vec(path.to_vec())))
}

/// Its real, effective and saved uid.
pub(crate) fn users_of(pid: Pid) -> Option<[u32; 3]> {
    let status = read::text(&directory(pid).ok()?.join("status")).ok()?;
    let mut words = value_of(&status, "Uid:")?.split_ascii_whitespace();
    let mut users = [0; 3];
    for user in &mut users {
        *user = number::parse(words.next()?, 10)?;
    }
    Some(users)
}

/// Whether it was executed with more rights than its caller had, see `AT_SECURE` in `getauxval(3)`;
/// `None` if that cannot be read.
pub(crate) fn is_secure(pid: Pid) -> Option<bool> {
    let vector = read::content(&directory(pid).ok()?.join("auxv")).ok()?;
    let mut words = vector
        .chunks_exact(size_of::<libc::c_ulong>())
        .map(|word| word.try_into().map_or(0, libc::c_ulong::from_ne_bytes));
    while let (Some(key), Some(value)) = (words.next(), words.next()) {
        if key == libc::AT_SECURE {
            return Some(value != 0);
        }
    }
    // Of a program with words of another size.
    None
}

/// The path of its working directory, unless that was deleted.
pub(crate) fn directory_of(pid: Pid) -> Option<PathBuf> {
    let path = fs::read_link(directory(pid).ok()?.join("cwd")).ok()?;
    (!path.as_os_str().as_bytes().ends_with(DELETED)).then_some(path)
}

/// Makes its working directory the one of this process, even if it was deleted.
pub(crate) fn enter_directory_of(pid: Pid) -> io::Result<()> {
    let cwd = directory(pid)?.join("cwd");
    // Both processes may have been started in a directory that their user may not enter.
    std::env::set_current_dir(&cwd).or_else(|error| {
        let is_there = FileId::of_target(&cwd)? == FileId::of_target(Path::new("/proc/self/cwd"))?;
        is_there.then_some(()).ok_or(error)
    })
}

/// Whether it has no terminal and is in a session whose leader has ended, as a daemon has; `None` if
/// that cannot be read.
pub(crate) fn is_detached(pid: Pid) -> Option<bool> {
    let stat = Stat::read(pid)?;
    let session = i32::try_from(stat.number(6)?).ok()?;
    let has_terminal = stat.number(7)? != 0;
    let has_leader = session <= 0
        || session == pid.as_raw()
        || kill(Pid::from_raw(session), None) != Err(Errno::ESRCH);
    Some(!has_terminal && !has_leader)
}

/// Whether the start of a process can be known on this system.
pub(crate) const STARTS_ARE_KNOWN: bool = true;

/// When it started, in clock ticks since the system started. With this beside it, a pid names one
/// process only.
pub(crate) fn start_of(pid: Pid) -> Option<u64> {
    stat(pid, 22)
}

/// Whether it has ended with all its threads, and its parent has not reaped it yet.
pub(crate) fn is_zombie(pid: Pid) -> bool {
    let Ok(process) = directory(pid) else {
        return false;
    };
    let has_ended = |task: PathBuf| matches!(state(&task), None | Some(b'Z' | b'X' | b'x'));
    tasks(&process).is_ok_and(|mut tasks| tasks.all(has_ended)) && state(&process) == Some(b'Z')
}

/// The directory of a task of this process that has memory, and so its descriptors, given the directory
/// of the process: that one, unless the first thread has ended before the others. `None` when the
/// process is ending.
///
/// Of a thread that has ended `/proc` shows no descriptors, and its files belong to root.
pub(crate) fn living_task(process: &Path) -> io::Result<Option<PathBuf>> {
    if has_memory(process) {
        return Ok(Some(process.to_owned()));
    }
    Ok(tasks(process)?.find(|task| has_memory(task)))
}

fn tasks(process: &Path) -> io::Result<impl Iterator<Item = PathBuf> + use<>> {
    let tasks = fs::read_dir(process.join("task"))?;
    Ok(tasks.filter_map(|task| Some(task.ok()?.path())))
}

fn has_memory(task: &Path) -> bool {
    read::content(&task.join("statm")).is_ok_and(|sizes| !sizes.starts_with(b"0 "))
}

/// The letter of the state of a task, see `proc_pid_stat(5)`.
fn state(task: &Path) -> Option<u8> {
    Stat::of(task)?.field(3)?.first().copied()
}

/// Whether it has executed a program since it was forked; where that is not to be known, it has.
pub(crate) fn has_executed(pid: Pid) -> bool {
    /// `PF_FORKNOEXEC` in the kernel's `sched.h`.
    const FORKED_ONLY: u64 = 0x40;
    stat(pid, 9).is_none_or(|flags| flags & FORKED_ONLY == 0)
}

/// Whether a signal has stopped it. A debugger that has stopped it is another state.
pub(crate) fn is_stopped(pid: Pid) -> bool {
    Stat::read(pid).is_some_and(|stat| stat.field(3) == Some(b"T"))
}

/// A number in `/proc/PID/stat`: the field that `proc_pid_stat(5)`, which counts from 1, gives it.
fn stat(pid: Pid, field: usize) -> Option<u64> {
    Stat::read(pid)?.number(field)
}

/// `/proc/PID/stat`, which takes the kernel longer than most of its files.
#[derive(Debug)]
struct Stat(Vec<u8>);

impl Stat {
    fn read(pid: Pid) -> Option<Self> {
        Self::of(&directory(pid).ok()?)
    }

    /// Of a process or a task, by its directory.
    fn of(task: &Path) -> Option<Self> {
        // More than its numbers and a name of 64 bytes can fill.
        let mut stat = vec![0; 2048];
        let length = File::open(task.join("stat"))
            .and_then(|mut file| file.read(&mut stat))
            .ok()?;
        stat.truncate(length);
        Some(Self(stat))
    }

    fn field(&self, field: usize) -> Option<&[u8]> {
        // The second field is in parentheses and may hold anything, also parentheses.
        let end_of_name = self.0.iter().rposition(|byte| *byte == b')')?;
        let rest = self.0.get(end_of_name + 1..)?;
        let mut rest = rest
            .split(u8::is_ascii_whitespace)
            .filter(|field| !field.is_empty());
        rest.nth(field.checked_sub(3)?)
    }

    fn number(&self, field: usize) -> Option<u64> {
        number::parse(std::str::from_utf8(self.field(field)?).ok()?, 10)
    }
}

/// How long after the start of the system such a start was.
pub(crate) fn since_boot(start: u64) -> Option<Duration> {
    let ticks_per_second = u64::try_from(sysconf(SysconfVar::CLK_TCK).ok()??).ok()?;
    let milliseconds = start.checked_mul(1000)?.checked_div(ticks_per_second)?;
    Some(Duration::from_millis(milliseconds))
}

/// The time of such a start.
pub(crate) fn time_of(start: u64) -> Option<SystemTime> {
    let age = clock::since_boot().ok()?.saturating_sub(since_boot(start)?);
    SystemTime::now().checked_sub(age)
}

/// Its memory from this address on, see `process_vm_readv(2)`: how many bytes were read.
pub(crate) fn read_memory(pid: Pid, address: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
    let address = usize::try_from(address).map_err(|_| Errno::EFAULT)?;
    let local = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    let remote = libc::iovec {
        iov_base: ptr::without_provenance_mut(address),
        iov_len: buffer.len(),
    };
    let (local, remote) = (&raw const local, &raw const remote);
    // Each function of the C library costs the dynamic linker some 700 instructions in every run.
    let call = libc::SYS_process_vm_readv;
    // SAFETY: the local part is the buffer; the kernel checks the remote one.
    let read =
        unsafe { libc::syscall(call, pid.as_raw(), local, 1_usize, remote, 1_usize, 0_usize) };
    let read = Errno::result(read)?;
    usize::try_from(read).map_err(|_| Errno::EFAULT)
}

/// Whether it has crashed, and its memory is written to a core dump. Linux before 4.15 does not tell.
pub(crate) fn dumps_core(pid: Pid) -> bool {
    let status = directory(pid).and_then(|directory| read::text(&directory.join("status")));
    status.is_ok_and(|status| value_of(&status, "CoreDumping:") == Some("1"))
}

/// Whether it has a handler for this signal, if that is known.
pub(crate) fn catches(pid: Pid, signal: i32) -> Option<bool> {
    let status = read::text(&directory(pid).ok()?.join("status")).ok()?;
    let caught: u64 = number::parse(value_of(&status, "SigCgt:")?, 16)?;
    let bit = u32::try_from(signal.checked_sub(1)?).ok()?;
    Some(caught & 1_u64.checked_shl(bit)? != 0)
}
