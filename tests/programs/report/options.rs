//! The builder from the options in `TEST_OPTIONS`.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::process;
use std::time::Duration;

use daemon::{Daemon, PathSource, Readiness, Signal};

pub(crate) fn daemon() -> Daemon {
    let options = env::var_os("TEST_OPTIONS").unwrap_or_default();
    let mut daemon = Daemon::new();
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
        "pid" => daemon.pid_file(path()),
        "log" => daemon.log_file(path()),
        "pid_mode" => daemon.pid_mode(octal()),
        "log_mode" => daemon.log_mode(octal()),
        "workdir" => daemon.workdir(path()),
        "umask" => daemon.umask(octal()),
        "keep_fds" => daemon.keep_fds(text().split(',').map(|n| n.parse().expect("a number"))),
        "flags" => daemon.background_flags(words(value)),
        "subcommand" => daemon.subcommands(words(value)),
        "ready" => daemon.ready(match &*text() {
            "exec" => Readiness::Exec,
            "settled" => Readiness::Settled,
            "listening" => Readiness::Listening,
            "notify" => Readiness::Notify,
            other => panic!("no such readiness: {other}"),
        }),
        "pid_flag" => daemon.pid_flag(value),
        "control_flag" => daemon.control_flag(value),
        "stop_timeout" => {
            daemon.stop_timeout(Duration::from_secs(text().parse().expect("seconds")))
        }
        "log_reopen" => {
            daemon.log_reopen(Signal::from_raw(text().parse().expect("a signal's number")))
        }
        // Placeholders are for literals; the program ends before the leak matters.
        "pid_template" => daemon.pid_file(&*text().leak()),
        "ready_timeout" => {
            daemon.ready_timeout(Duration::from_secs(text().parse().expect("seconds")))
        }
        // While the launcher is at work, its image is deleted, or another program takes its name.
        "pid_and_delete_me" => daemon.pid_file(PathSource::from_fn({
            let path = path();
            move || {
                fs::remove_file(env::current_exe().expect("our path")).expect("delete us");
                path
            }
        })),
        "pid_and_delete" => daemon.pid_file(PathSource::from_fn({
            let path = path();
            let victim = env::var_os("LD_PRELOAD").expect("a library");
            move || {
                fs::remove_file(victim).expect("delete the library");
                path
            }
        })),
        "pid_and_replace_me" => daemon.pid_file(PathSource::from_fn({
            let path = path();
            move || {
                let me = env::current_exe().expect("our path");
                fs::rename(me.with_extension("new"), me).expect("replace us");
                path
            }
        })),
        // The path is computed, and each computation leaves a line that says where.
        "computed_pid" => daemon.pid_file(computed(path())),
        "computed_log" => daemon.log_file(computed(path())),
        "computed_workdir" => daemon.workdir(computed(path())),
        other => panic!("no such option: {other}"),
    }
}

fn words(value: &OsStr) -> Vec<OsString> {
    let words = value.as_bytes().split(|byte| *byte == b',');
    words
        .map(|word| OsString::from_vec(word.to_vec()))
        .collect()
}

fn computed(path: PathBuf) -> PathSource {
    PathSource::from_fn(move || {
        let mut log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(env::var_os("TEST_COMPUTED").expect("TEST_COMPUTED"))
            .expect("open TEST_COMPUTED");
        writeln!(log, "{}", process::id()).expect("write TEST_COMPUTED");
        path
    })
}
