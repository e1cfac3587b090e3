//! What the program does: the steps in a variable, one word after the other.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::hint::black_box;
use std::io::{self, Write};
use std::os::fd::IntoRawFd;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{SigHandler, SigSet, Signal, raise};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{ForkResult, fork};

use crate::{locks, measure, output, privileges, processes, readiness, starts};

pub(crate) fn take(variable: &str) -> ExitCode {
    let steps = env::var(variable).unwrap_or_default();
    let steps: Vec<_> = steps
        .split_whitespace()
        .map(|step| (step, step.split_once(':').unwrap_or((step, ""))))
        .collect();
    for (index, (step, (verb, object))) in steps.iter().enumerate() {
        let mut later = steps[index + 1..].iter().map(|(_, (verb, _))| *verb);
        let is_sign = |verb| ["note", "create", "ready"].contains(&verb);
        let stays = later.find(|verb| !is_sign(*verb)) == Some("stay");
        // A test may send the signal as soon as it sees a sign of the program that stays.
        if stays && is_sign(*verb) {
            SigSet::from(Signal::SIGTERM).thread_block().ok();
        }
        if let Some(end) = take_one(verb, object, stays).unwrap_or_else(|error| {
            let words = format!("{step}: {error}");
            eprintln!("{words}");
            if let Some(path) = env::var_os("TEST_FAILED_STEP") {
                fs::write(path, words).ok();
            }
            Some(ExitCode::from(99))
        }) {
            return end;
        }
    }
    ExitCode::SUCCESS
}

/// Takes one step; gives the exit status if it is the last one.
pub(crate) fn take_one(verb: &str, object: &str, stays: bool) -> io::Result<Option<ExitCode>> {
    let number = || object.parse::<u64>().expect("a number");
    match verb {
        "report" => report(object, stays)?,
        // A program that handles SIGTERM and ends as programs should.
        "stay" => {
            let term = SigSet::from(Signal::SIGTERM);
            term.thread_block()?;
            term.wait()?;
        }
        // A program that has no handler.
        "hang" => loop {
            thread::park();
        },
        "sleep" => thread::sleep(Duration::from_millis(number())),
        "busy" if object.is_empty() => busy(Duration::MAX),
        "busy" => busy(Duration::from_millis(number())),
        "busy-until" => pass_until(object, || busy(Duration::from_millis(1))),
        "start-waits" => starts::wait(object)?,
        "say" => println!("{object}"),
        "complain" => eprintln!("{object}"),
        "print" => output::print(number())?,
        "bytes" => output::bytes(number())?,
        // A writer that never stops but for SIGTERM, each line with its number.
        "count" => output::count()?,
        // The same in several threads at full rate: the thread, a space and the number.
        "count-in-threads" => output::count_in_threads(number())?,
        // Lines of a kilobyte, as programs print them and through the writer that never fails.
        "flood" => (0..number()).for_each(|line| println!("{line:1023}")),
        "flood-lossy" => output::flood_lossy(number())?,
        "say-lossy" => writeln!(daemon::log_writer(), "{object}")?,
        "note-dropped" => note(object, &daemon::log_writer().dropped().to_string())?,
        "reopen" => daemon::reopen_log()?,
        // Waits until the file is there.
        "wait" => pass_until(object, || thread::sleep(Duration::from_millis(1))),
        // Only the first process that comes here goes on with the steps that follow.
        "first" => {
            if File::create_new(object).is_err() {
                return Ok(Some(ExitCode::SUCCESS));
            }
        }
        // One line in a file that every process which comes here shares.
        "note" => note(object, &process::id().to_string())?,
        "note-passed" => note_passed(object)?,
        "fail-to-start" => fail_to_start(),
        "create" => drop(File::create(object)?),
        // As a daemon that does not keep the directory of its start busy.
        "enter" => env::set_current_dir(object)?,
        "make-directory" => fs::create_dir_all(object)?,
        "remove" => fs::remove_file(object)?,
        "drop" | "chroot" | "regain" | "hide-root" | "lower" | "drop-ids" | "own-ids"
        | "keep-caps" | "no-key" => {
            privileges::take(verb, object)?;
        }
        "ready" => daemon::ready(),
        // What a careless program does that wants to be a daemon by itself.
        "close-streams" => (0..=2).for_each(close),
        // The first thread ends, and another one continues.
        "end-first-thread" => end_first_thread(),
        // Opens a terminal as a careless program would, without O_NOCTTY.
        "open" => drop(File::open(object)?.into_raw_fd()),
        "append-to" => drop(OpenOptions::new().append(true).open(object)?.into_raw_fd()),
        // Any file that exists can be opened so.
        "stdout" => {
            let file = nix::fcntl::open(object, OFlag::O_PATH, Mode::empty())?;
            nix::unistd::dup2_stdout(file)?;
        }
        "ignore" => dispose(number(), SigHandler::SigIgn)?,
        "default" => dispose(number(), SigHandler::SigDfl)?,
        // A handler that does nothing, as a program has that reads its configuration again.
        "catch" => dispose(number(), SigHandler::Handler(do_nothing))?,
        "block" => SigSet::from(signal(number())).thread_block()?,
        "exec" | "become" | "short-child" | "run" | "enter-group" => processes::take(verb, object)?,
        // No child is left, neither alive nor as a zombie.
        "childless" => match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => {}
            other => panic!("a child is left: {other:?}"),
        },
        "threads" => {
            for _ in 0..number() {
                thread::spawn(work_now_and_then);
            }
        }
        // Memory that is really there, in MiB.
        "resident" => {
            let mebibyte = black_box(vec![1_u8; 1 << 20]);
            let size = usize::try_from(number()).expect("a size");
            black_box(mebibyte.repeat(size).leak());
        }
        "prompt" => output::prompt(object)?,
        // Output in the buffers of C when the process ends, and output of its exit handler.
        "buffer" => output::buffer(object)?,
        "at-exit" => at_exit()?,
        // A child that keeps the lock.
        "leak-lock" => leak_lock()?,
        "child" => run(&["child"], &[("TEST_DOES", "report")])?,
        // A child that outlives the daemon. It takes these steps, with `%20` between them.
        "leave-child" => leave_child(object)?,
        "new-session" => drop(nix::unistd::setsid()?),
        "nested" => run(
            &["nested", "-d"],
            &[
                ("TEST_DOES", "report stay"),
                ("TEST_OPTIONS", "pid=nested.pid\nlog=nested.log"),
            ],
        )?,
        "fork-and-exit" => fork_and_exit()?,
        "return" => {
            return Ok(Some(ExitCode::from(
                u8::try_from(number()).expect("a status"),
            )));
        }
        "exit" => process::exit(object.parse().expect("a status")),
        "abort" => process::abort(),
        "panic" => panic!("{object}"),
        "raise" => raise(Signal::try_from(object.parse::<i32>().expect("a signal"))?)?,
        other if locks::take(other, object)? => {}
        other => readiness::take(other, object)?,
    }
    Ok(None)
}

/// Writes the report beside its place and renames it, so that a reader finds all of it or nothing.
/// A second report of the same process has a name of its own.
fn report(name: &str, stays: bool) -> io::Result<()> {
    let mut path = PathBuf::from(env::var_os("TEST_REPORT").expect("TEST_REPORT"));
    if !name.is_empty() {
        path.set_file_name(format!("{name}.json"));
    }
    let report = serde_json::to_vec_pretty(&measure::report()?)?;
    if stays {
        SigSet::from(Signal::SIGTERM).thread_block()?;
    }
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, report)?;
    fs::rename(unfinished, path)
}

pub(crate) fn close(fd: i32) {
    // SAFETY: the next open may get this fd, which is intended.
    unsafe { libc::close(fd) };
}

fn end_first_thread() {
    thread::spawn(|| {
        let state = || fs::read_to_string(format!("/proc/self/task/{}/stat", process::id()));
        while state().is_ok_and(|stat| !stat.contains(") Z ")) {
            thread::sleep(Duration::from_millis(1));
        }
        take("TEST_THREAD");
    });
    // SAFETY: the call ends this thread alone, and no code joins it.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
}

fn busy(time: Duration) {
    let start = Instant::now();
    let mut sum = 0_u64;
    while start.elapsed() < time {
        sum = black_box(sum.wrapping_add(1));
    }
}

/// Until the file is there.
fn pass_until(file: &str, pass: impl Fn()) {
    while !Path::new(file).exists() {
        pass();
    }
}

/// Now and then it holds the locks that a library holds.
fn work_now_and_then() {
    loop {
        black_box(vec![0_u8; 4096]);
        thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn note(path: &str, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    // One write, so that lines of several processes do not mix.
    file.write_all(format!("{line}\n").as_bytes())
}

fn fail_to_start() {
    let daemon = daemon::Daemon::new().log("/dev/null/missing");
    daemon.try_start().expect_err("a failure");
}

/// What `before_start` passed as `file`, if it was not taken yet.
fn note_passed(path: &str) -> io::Result<()> {
    let Some(fd) = daemon::passed("file") else {
        return note(path, "none");
    };
    let flags = fcntl(&fd, FcntlArg::F_GETFD)?;
    let end = if flags == libc::FD_CLOEXEC {
        "closed by an exec"
    } else {
        "left open"
    };
    let text = io::read_to_string(File::from(fd))?;
    note(path, &format!("{text}, {end}"))
}

pub(crate) fn signal(value: u64) -> Signal {
    let value = i32::try_from(value).expect("a signal");
    Signal::try_from(value).expect("a signal")
}

fn dispose(value: u64, handler: SigHandler) -> io::Result<()> {
    // SAFETY: an ignored signal runs no handler, and the only handler does nothing.
    unsafe { nix::sys::signal::signal(signal(value), handler) }?;
    Ok(())
}

fn leave_child(steps: &str) -> io::Result<()> {
    let steps = match steps {
        "" => "hang".to_owned(),
        steps => String::from_utf8_lossy(&readiness::decoded(steps)).into_owned(),
    };
    let mut child = Command::new(env::current_exe()?);
    child.env("TEST_DOES", steps).spawn().map(drop)
}

fn leak_lock() -> io::Result<()> {
    let pid_file = daemon::pid_file().expect("a PID file");
    // The first thread may have ended.
    for entry in fs::read_dir("/proc/thread-self/fd")? {
        let entry = entry?;
        if fs::read_link(entry.path()).is_ok_and(|target| target == pid_file) {
            let fd = entry.file_name().to_string_lossy().parse().expect("an fd");
            // SAFETY: the call takes integers and changes a flag of an open descriptor.
            unsafe { libc::fcntl(fd, libc::F_SETFD, 0) };
        }
    }
    let mut child = Command::new(env::current_exe()?);
    child.env("TEST_DOES", "hang").spawn().map(drop)
}

extern "C" fn do_nothing(_: libc::c_int) {}

fn at_exit() -> io::Result<()> {
    extern "C" fn handler() {
        note("at-exit", &process::id().to_string()).expect("note");
    }
    // SAFETY: the handler is a function of this program, which is not unloaded.
    match unsafe { libc::atexit(handler) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Runs this program again; its report goes beside ours, under its own name.
fn run(arguments: &[&str], environment: &[(&str, &str)]) -> io::Result<()> {
    let name = arguments[0];
    let report = PathBuf::from(env::var_os("TEST_REPORT").expect("TEST_REPORT"));
    let status = Command::new(env::current_exe()?)
        .args(&arguments[1..])
        .envs(environment.iter().copied())
        .env("TEST_REPORT", report.with_file_name(format!("{name}.json")))
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("{name}: {status}")))
    }
}

/// A child that ends by `exit(3)`, and so runs every exit handler that it inherited.
fn fork_and_exit() -> io::Result<()> {
    // SAFETY: the program has one thread, so the child may call anything.
    match unsafe { fork() }? {
        ForkResult::Child => process::exit(0),
        ForkResult::Parent { child } => {
            waitpid(child, None)?;
            Ok(())
        }
    }
}
