//! The builder from the options in `TEST_OPTIONS`.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::process::{self, Command};
use std::thread;
use std::time::Duration;

use daemon::{Daemon, KillMode, PathSource, Readiness, Restart, Signal, Start, Stdin};

use crate::{output, readiness, steps};

pub(crate) fn daemon() -> Daemon {
    from_lines(Daemon::new(), "TEST_OPTIONS")
}

fn from_lines(mut daemon: Daemon, variable: &str) -> Daemon {
    let options = env::var_os(variable).unwrap_or_default();
    for option in options.as_bytes().split(|byte| *byte == b'\n') {
        if option.is_empty() {
            continue;
        }
        let mut halves = option.splitn(2, |byte| *byte == b'=');
        let name = halves.next().unwrap_or_default();
        let value = OsStr::from_bytes(halves.next().unwrap_or_default());
        daemon = set(daemon, &String::from_utf8_lossy(name), value);
    }
    daemon
}

fn set(daemon: Daemon, name: &str, value: &OsStr) -> Daemon {
    let path = || PathBuf::from(value);
    let text = || value.to_string_lossy().into_owned();
    let octal = || u32::from_str_radix(&text(), 8).expect("an octal number");
    match name {
        "pid" => daemon.pid(path()),
        "log" => daemon.log(path()),
        // As a literal in the source, which may hold placeholders.
        "pid_template" => daemon.pid(PathSource::template(text())),
        "log_template" => daemon.log(PathSource::template(text())),
        "workdir_template" => daemon.workdir(PathSource::template(text())),
        "pid_flag" => daemon.pid_flag(value),
        "log_flag" => daemon.log_flag(value),
        "configure" => daemon.configure(configure),
        "before_start" => daemon.before_start(before_start),
        "pid_mode" => daemon.pid_mode(octal()),
        "log_mode" => daemon.log_mode(octal()),
        "workdir" => daemon.workdir(path()),
        "umask" => daemon.umask(octal()),
        "user" => daemon.user(text()),
        "group" => daemon.group(text()),
        "chroot" => daemon.chroot(path()),
        "keep_fds" => daemon.keep_fds(text().split(',').map(|n| n.parse().expect("a number"))),
        "listen" => {
            let socket = text();
            let (name, address) = socket.split_once('=').expect("name=address");
            daemon.listen(name, address)
        }
        "flags" => daemon.background_flag(words(value)),
        "env_remove" => daemon.env_remove(words(value)),
        "env_clear" => daemon.env_clear(),
        "args" => daemon.args(words(value)),
        "stdin" => daemon.stdin(Stdin::Keep),
        "env" => {
            let variable = text();
            let (name, value) = variable.split_once(':').expect("NAME:value");
            daemon.env(name, OsString::from_vec(readiness::decoded(value)))
        }
        "control_subcommands" => daemon.control_subcommands(value),
        "instance" => daemon.instance(text()),
        "instance_flag" => daemon.instance_flag(value),
        "timeout_flag" => daemon.timeout_flag(value),
        "foreground_flag" => daemon.foreground_flag(words(value)),
        "subcommand" => daemon.subcommand(words(value)),
        "ready" => daemon.ready(readiness(&text())),
        "pid_in_foreground" => daemon.pid_in_foreground(true),
        "control_flag" => daemon.control_flag(value),
        "stop_timeout" => {
            daemon.stop_timeout(Duration::from_secs(text().parse().expect("seconds")))
        }
        "restart" | "restart_delay" | "restart_limit" => set_restart(daemon, name, &text()),
        "stop_signal" => daemon.stop_signal(text().parse().expect("the name of a signal")),
        "kill_mode" => daemon.kill_mode(match &*text() {
            "mixed" => KillMode::Mixed,
            "process" => KillMode::Process,
            other => panic!("no such mode: {other}"),
        }),
        "log_reopen" => daemon.log_reopen(Signal::from_raw(text().parse().expect("a signal"))),
        "log_rotate" => daemon.log_rotate(text().parse().expect("a number of bytes")),
        "syslog" => daemon.syslog(text()),
        "log_keep" => daemon.log_keep(text().parse().expect("a number")),
        "ready_timeout" => {
            daemon.ready_timeout(Duration::from_secs(text().parse().expect("seconds")))
        }
        // While the launcher is at work, something happens to its image or its library.
        "pid_and_delete_me" => daemon.pid(after(value, || fs::remove_file(our_image()))),
        "pid_and_replace_me" => daemon.pid(after(value, || {
            fs::rename(our_image().with_extension("new"), our_image())
        })),
        "pid_and_delete_library" => daemon.pid(after(value, || {
            fs::remove_file(env::var_os("LD_PRELOAD").expect("a library"))
        })),
        // Another file: what the launcher has of the old one stays.
        "pid_and_spoil_library" => daemon.pid(after(value, || {
            let directory = env::var_os("LD_LIBRARY_PATH").map(PathBuf::from);
            let library = directory.expect("a directory").join("libgcc_s.so.1");
            fs::write(library.with_extension("new"), "spoilt")?;
            fs::rename(library.with_extension("new"), library)
        })),
        "pid_and_noexec" => daemon.pid(after(value, || {
            let mut mount = Command::new("mount");
            mount
                .args(["-o", "remount,noexec"])
                .arg(our_image().parent().expect("a directory"));
            mount.status().map(drop)
        })),
        // An overlay copies what is changed to its upper layer.
        "pid_and_copy_up" => daemon.pid(after(value, || {
            let mode = fs::metadata(our_image())?.permissions();
            fs::set_permissions(our_image(), mode)
        })),
        // Between the look for a daemon and the start.
        "workdir_after_go_on" => daemon.workdir(after(value, || {
            fs::write("prepares", "")?;
            while !fs::exists("go-on")? {
                thread::sleep(Duration::from_millis(1));
            }
            Ok(())
        })),
        "pid_and_nul" => daemon.pid(PathBuf::from(text() + "\0")),
        // The path is computed, and each computation records the process in a file.
        "computed_pid" => daemon.pid(computed(path())),
        "computed_log" => daemon.log(computed(path())),
        "computed_workdir" => daemon.workdir(computed(path())),
        other => panic!("no such option: {other}"),
    }
}

fn set_restart(daemon: Daemon, name: &str, value: &str) -> Daemon {
    match (name, value) {
        ("restart", "on-failure") => daemon.restart(Restart::OnFailure),
        ("restart", "always") => daemon.restart(Restart::Always),
        ("restart_limit", limit) => daemon.restart_limit(limit.parse().expect("a number")),
        // In milliseconds.
        ("restart_delay", delay) => {
            let (first, longest) = delay.split_once("..").expect("first..longest");
            let delay = |text: &str| Duration::from_millis(text.parse().expect("milliseconds"));
            daemon.restart_delay(delay(first)..=delay(longest))
        }
        other => panic!("no such option: {other:?}"),
    }
}

fn words(value: &OsStr) -> Vec<OsString> {
    let words = value.as_bytes().split(|byte| *byte == b',');
    words
        .map(|word| OsString::from_vec(word.to_vec()))
        .collect()
}

/// A path that is computed by doing something first.
fn after(path: &OsStr, act: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> PathSource {
    let path = PathBuf::from(path);
    PathSource::from_fn(move || {
        act().expect("act before the start");
        path.clone()
    })
}

fn our_image() -> PathBuf {
    env::current_exe().expect("our path")
}

fn computed(path: PathBuf) -> PathSource {
    PathSource::from_fn(move || {
        note_where();
        path.clone()
    })
}

/// Replaces the options of `TEST_OPTIONS` by those of `TEST_CONFIGURE`, and asks a
/// question where `TEST_ANSWER` names a file for the answer.
fn configure(daemon: Daemon) -> Daemon {
    note_where();
    if let Some(path) = env::var_os("TEST_ANSWER") {
        output::prompt(&path.to_string_lossy()).expect("ask");
    }
    from_lines(daemon, "TEST_CONFIGURE")
}

/// Records the process, takes the steps of `TEST_BEFORE_START`, and passes on the file that
/// `TEST_PASSED` names, or a socket that listens. A text in `TEST_REFUSAL` is the error.
fn before_start(start: &mut Start) -> Result<(), String> {
    note_where();
    steps::take("TEST_BEFORE_START");
    if let Some(path) = env::var_os("TEST_PASSED") {
        start.env("PASSED", "by before_start");
        start.pass("file", fs::File::open("/dev/null").expect("open"));
        start.pass("file", fs::File::open(path).expect("open"));
    }
    if env::var_os("TEST_PASSED_SOCKET").is_some() {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        start.pass("socket", socket.expect("a socket"));
    }
    env::var("TEST_REFUSAL").map_or(Ok(()), Err)
}

/// Records the pid of this process.
fn note_where() {
    let path = env::var("TEST_COMPUTED").expect("TEST_COMPUTED");
    steps::note(&path, &process::id().to_string()).expect("write TEST_COMPUTED");
}

/// A mode, an address, or several addresses with commas between them.
fn readiness(text: &str) -> Readiness {
    let parse = |text: &str| text.parse().expect("a readiness mode");
    if text.contains(',') {
        Readiness::all(text.split(',').map(parse))
    } else {
        parse(text)
    }
}
