//! Steps that make or replace processes.

use std::env;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{ForkResult, fork, getppid};

use crate::{readiness, steps};

pub(crate) fn take(verb: &str, object: &str) -> io::Result<()> {
    match verb {
        // Another program in the place of this one, which takes these steps; its options may be others.
        "exec" => exec(object),
        // That program in the place of this one, which gets the lock and a word. A copy of this one
        // takes all ids of root.
        "become" => {
            let mut program = Command::new(object);
            Err(daemon::exec(
                program.arg("1000").env("TEST_DOES", "own-ids hang"),
            ))
        }
        // What a run of a supervised daemon does, and a file for it.
        "run" => match object.split_once(':') {
            // In the place of the command line, with `%20` for a space.
            Some(("title", title)) => show_title(&title.replace("%20", " ")),
            Some(("second-hangs", path)) => second_hangs(path),
            Some(("exec-in-child", steps)) => exec_in_child(steps),
            Some(("exec-beside-others", steps)) => exec_beside_others(steps),
            Some(("exec-after-signal", steps)) => exec_after_signal(steps),
            Some(("restart-in-child", path)) => restart_in_child(path),
            Some(("exec-as", user)) => exec_as(user.parse().expect("a user ID")),
            None if object == "fork-away" => fork_away(),
            None if object == "stop-parent" => Ok(kill(getppid(), Signal::SIGSTOP)?),
            None if object == "handle-soon" => {
                // The daemon of such a client comes here too.
                if env::args_os().all(|word| word != "-b") {
                    thread::spawn(handle_soon);
                }
                Ok(())
            }
            None if object == "interrupt-parent" => Ok(kill(getppid(), Signal::SIGINT)?),
            _ => panic!("no such step: run:{object}"),
        },
        // Into a control group, by the file that lists its processes.
        "enter-group" => fs::write(object, "0"),
        // A child that ends by itself after so many milliseconds.
        "short-child" => short_child(object.parse().expect("milliseconds")),
        other => panic!("no such step: {other}"),
    }
}

/// Handles signals from when the daemon of this client begins, and says so.
fn handle_soon() -> io::Result<()> {
    while !Path::new("begun").exists() {
        thread::sleep(Duration::from_millis(1));
    }
    for signal in [
        libc::SIGINT,
        libc::SIGTERM,
        libc::SIGCHLD,
        libc::SIGUSR1,
        libc::SIGURG,
    ] {
        steps::take_one("catch", &signal.to_string(), false)?;
    }
    fs::write("handled", "")
}

/// Without steps there is no such program, and this one goes on.
fn exec(steps: &str) -> io::Result<()> {
    if steps.is_empty() {
        drop(daemon::exec(&mut Command::new("missing")));
        return Ok(());
    }
    let mut program = Command::new(env::current_exe()?);
    let steps = String::from_utf8_lossy(&readiness::decoded(steps)).into_owned();
    let program = program.args(env::args_os().skip(1));
    if let Some(options) = env::var_os("TEST_UPGRADED") {
        program.env("TEST_OPTIONS", options);
    }
    Err(daemon::exec(program.env("TEST_DOES", steps)))
}

/// The child is not the daemon.
fn exec_in_child(steps: &str) -> io::Result<()> {
    // SAFETY: the program has one thread, so the child may call anything.
    match unsafe { fork() }? {
        ForkResult::Child => exec(steps),
        ForkResult::Parent { .. } => Ok(()),
    }
}

/// In other threads the same call fails all the time.
fn exec_beside_others(steps: &str) -> io::Result<()> {
    let failed = Arc::new(AtomicUsize::new(0));
    for _ in 0..4 {
        let failed = Arc::clone(&failed);
        thread::spawn(move || {
            loop {
                drop(daemon::exec(&mut Command::new("missing")));
                failed.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while failed.load(Ordering::Relaxed) < 100 {
        thread::yield_now();
    }
    exec(steps)
}

/// SIGUSR1 comes to the new program before it enters.
fn exec_after_signal(steps: &str) -> io::Result<()> {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", r#"kill -USR1 $$; exec "$0" "$@""#]);
    shell.arg(env::current_exe()?).args(env::args_os().skip(1));
    let steps = String::from_utf8_lossy(&readiness::decoded(steps)).into_owned();
    Err(daemon::exec(shell.env("TEST_DOES", steps)))
}

/// With the effective user alone.
fn exec_as(user: u32) -> io::Result<()> {
    nix::unistd::seteuid(user.into())?;
    let error = daemon::exec(&mut Command::new(env::current_exe()?));
    nix::unistd::seteuid(0.into())?;
    eprintln!("{error}");
    Ok(())
}

/// A child restarts the daemon, unless this file is there.
fn restart_in_child(path: &str) -> io::Result<()> {
    if fs::File::create_new(path).is_ok() {
        let mut verb = Command::new(env::current_exe()?);
        verb.args(["-s", "restart"]).spawn()?;
    }
    Ok(())
}

/// Its child goes on, as that of a program which puts itself into the background.
fn fork_away() -> io::Result<()> {
    // SAFETY: the program has one thread, so the child may call anything.
    match unsafe { fork() }? {
        ForkResult::Child => {
            thread::sleep(Duration::from_secs(600));
            Ok(())
        }
        ForkResult::Parent { .. } => std::process::exit(0),
    }
}

fn short_child(milliseconds: u64) -> io::Result<()> {
    // SAFETY: the child makes system calls alone.
    if let ForkResult::Child = unsafe { fork() }? {
        thread::sleep(Duration::from_millis(milliseconds));
        // SAFETY: the call takes an integer.
        unsafe { libc::_exit(0) };
    }
    Ok(())
}

/// The second process that is noted in this file comes no further.
fn second_hangs(path: &str) -> io::Result<()> {
    while fs::read_to_string(path)?.lines().count() == 2 {
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// As `setproctitle(3)`: over the first words, with NUL bytes over the rest.
fn show_title(title: &str) -> io::Result<()> {
    let fields = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = fields.rsplit_once(')').expect("a name");
    let field = |field: usize| {
        let field = fields.split_whitespace().nth(field - 3);
        field
            .and_then(|it| it.parse::<u64>().ok())
            .expect("a number")
    };
    let (first, end) = (field(48), field(49));
    let mut bytes = title.as_bytes().to_vec();
    bytes.resize(usize::try_from(end - first).expect("a size"), 0);
    let memory = OpenOptions::new().write(true).open("/proc/self/mem")?;
    memory.write_all_at(&bytes, first)
}
