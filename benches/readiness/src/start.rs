//! One start of one program in the background, from the command to the prompt.

use std::fs::{File, OpenOptions, read_dir, read_to_string};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, Flock, FlockArg, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::programs::{Needs, Program};
use crate::services::{SILENCE, Services, full_queue};

/// When a listener with a full queue is closed: its clients try again a second after they began.
const LATE_CLOSE: Duration = Duration::from_millis(500);

/// What came of a start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) status: i32,
    pub(crate) time: Duration,
    /// Processor time of the launcher, and of a daemon that has failed.
    pub(crate) cpu: Duration,
}

/// Starts the program, and kills what is left of it.
pub(crate) fn run(program: &Program, services: &Services) -> Start {
    run_with(program, services, None)
}

fn run_with(program: &Program, services: &Services, ready: Option<&str>) -> Start {
    run_command(command(program, services), program.needs, services, ready)
}

fn run_command(
    mut command: Command,
    needs: Needs,
    services: &Services,
    ready: Option<&str>,
) -> Start {
    command.envs(
        services
            .variables
            .iter()
            .map(|(name, value)| (*name, value)),
    );
    command.envs(ready.map(|ready| ("ZOO_READY", ready)));
    prepare(needs, services, &mut command);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let begin = Instant::now();
    #[allow(clippy::zombie_processes, reason = "it is waited for by its pid")]
    let launcher = command.spawn().expect("a launcher");
    let (status, cpu) = wait_with_usage(launcher.id());
    let time = begin.elapsed();
    kill_orphans();
    Start { status, time, cpu }
}

/// Starts that wait for nothing: what the launch itself takes.
pub(crate) fn baseline(services: &Services) -> Vec<Start> {
    let program = Program {
        name: "std-tcp",
        binary: "zoo",
        arguments: &["std-tcp"],
        fails: false,
        starts: 20,
        needs: Needs::Nothing,
    };
    let start = |_| run_with(&program, services, Some("exec"));
    (0..program.starts).map(start).collect()
}

/// Runs of the program that do nothing, in the foreground: what any start of it takes.
pub(crate) fn own_starts(services: &Services) -> Vec<Start> {
    let start = |_| {
        let mut command = Command::new(sibling("zoo"));
        command.arg("nothing");
        run_command(command, Needs::Nothing, services, None)
    };
    (0..20).map(start).collect()
}

fn sibling(name: &str) -> PathBuf {
    let program = std::env::current_exe().expect("this program");
    program.with_file_name(name)
}

fn command(program: &Program, services: &Services) -> Command {
    let path = sibling(program.binary);
    let Needs::Resolver(configuration) = program.needs else {
        let mut command = Command::new(path);
        command.arg("-d").args(program.arguments);
        return command;
    };
    let script = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script]);
    command
        .arg(services.directory.join(configuration))
        .arg(path);
    command.arg("-d").args(program.arguments);
    command
}

/// What the program waits for comes to an end by itself.
fn prepare(needs: Needs, services: &Services, command: &mut Command) {
    let file = |name| {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        options.open(services.directory.join(name)).expect("a file")
    };
    match needs {
        Needs::Nothing | Needs::Resolver(_) => {}
        Needs::LargeFile => services.forget_large_file(),
        Needs::Flock => {
            let lock = Flock::lock(file("lock"), FlockArg::LockExclusive);
            let lock = lock.map_err(|(_, errno)| errno).expect("a lock");
            let_go_after(SILENCE, lock);
        }
        Needs::RecordLock => let_go_after(SILENCE, record_lock(file("lock"))),
        Needs::Fifo => let_go_after(SILENCE, file("fifo")),
        Needs::LateRefusal => {
            let (address, sockets) = full_queue();
            command.env("ZOO_LATE", address.to_string());
            let_go_after(LATE_CLOSE, sockets);
        }
    }
}

fn record_lock(file: File) -> File {
    let lock = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(&file, FcntlArg::F_SETLK(&lock)).expect("a lock");
    file
}

fn let_go_after(time: Duration, what: impl Send + 'static) {
    spawn(move || {
        sleep(time);
        drop(what);
    });
}

fn wait_with_usage(pid: u32) -> (i32, Duration) {
    let pid = pid.try_into().expect("a pid");
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both are written during the call.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()) };
    assert_eq!(waited, pid, "the launcher's end");
    // SAFETY: all bits of it may be zero.
    let usage = unsafe { usage.assume_init() };
    let time = |value: libc::timeval| {
        Duration::from_secs(value.tv_sec.unsigned_abs())
            + Duration::from_micros(value.tv_usec.unsigned_abs())
    };
    let status = if libc::WIFEXITED(status) {
        libc::WEXITSTATUS(status)
    } else {
        128 + libc::WTERMSIG(status)
    };
    (status, time(usage.ru_utime) + time(usage.ru_stime))
}

/// Daemons come to this process when their launcher has ended, their children when they have.
fn kill_orphans() {
    loop {
        let orphans = children();
        if orphans.is_empty() {
            return;
        }
        for orphan in orphans {
            kill(orphan, Signal::SIGKILL).ok();
            waitpid(orphan, Some(WaitPidFlag::empty())).ok();
        }
    }
}

/// Without the load.
fn children() -> Vec<Pid> {
    let mut children = Vec::new();
    for thread in read_dir("/proc/self/task").expect("the threads").flatten() {
        let text = read_to_string(thread.path().join("children")).unwrap_or_default();
        let pids = text.split_whitespace().filter_map(|pid| pid.parse().ok());
        children.extend(pids.map(Pid::from_raw).filter(|pid| !is_load(*pid)));
    }
    children
}

fn is_load(pid: Pid) -> bool {
    let line = read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.ends_with("\0stress\0")
}
