//! Placeholders in the paths of a program, for root and for ordinary users.

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::chown;

use crate::support::daemon::Daemon;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::users;
use crate::support::users::AS_UNPRIVILEGED;

/// A user that no system knows, so that no home directory is found for it.
const STRANGER: u32 = 47_110;

const OPTIONS: &str = "pid_template={pid_dir}/{name}.pid\nlog_template={log_dir}/{name}.log";

/// A directory that belongs to the ordinary user.
fn own_directory(scratch: &Scratch, name: &str) -> PathBuf {
    let path = scratch.path(name);
    fs::create_dir(&path).expect("mkdir");
    chown(&path, Some(STRANGER.into()), Some(STRANGER.into())).expect("chown");
    path
}

/// A program started by that user with these variables alone.
fn as_stranger(scratch: &Scratch, variables: &[(&str, &Path)]) -> Start {
    let start = scratch
        .start_path(&scratch.reachable())
        .user(STRANGER)
        .arg("-d")
        .env_clear()
        .env("TEST_MARK", scratch.mark())
        .env("TEST_REPORT", "/dev/full")
        .options(OPTIONS)
        .does("stay");
    variables
        .iter()
        .fold(start, |start, (name, value)| start.env(name, value))
}

/// The daemon and where its two files are.
fn up(scratch: &Scratch, start: Start, pid_file: PathBuf, log: &Path) -> Daemon {
    let daemon = scratch.daemon_of(start.run(), pid_file);
    assert!(log.exists(), "{}", log.display());
    daemon
}

fn mode(path: &Path) -> u32 {
    let directory = fs::metadata(path).expect("a directory");
    assert!(directory.is_dir());
    directory.permissions().mode() & 0o7777
}

#[test]
fn template_serves_root_and_ordinary_users() {
    requires!(users);
    // The files of root are in directories of the system, so the name must be unique.
    let scratch = Scratch::new();
    let name = scratch.mark();
    let start = scratch
        .background()
        .arg0(name)
        .options(OPTIONS)
        .does("stay");
    let pid_file = PathBuf::from(format!("/run/{name}.pid"));
    let log = PathBuf::from(format!("/var/log/{name}.log"));
    let daemon = up(&scratch, start, pid_file.clone(), &log);
    fs::remove_file(&log).expect("remove the log");
    daemon.stop();
    assert_eq!(fs::read_to_string(&pid_file).expect("the PID file"), "");
    fs::remove_file(&pid_file).expect("remove the PID file");

    let scratch = Scratch::new();
    let home = own_directory(&scratch, "home");
    let start = as_stranger(&scratch, &[("HOME", &home)]);
    let state = home.join(".local/state");
    let log = state.join("report.log");
    let daemon = up(&scratch, start, state.join("report.pid"), &log);
    assert_eq!(fs::metadata(&daemon.pid_file).expect("it").uid(), STRANGER);
}

#[test]
fn missing_directories_are_created_with_mode_0700() {
    requires!(users);
    for mask in [0, 0o777] {
        let scratch = Scratch::new();
        let home = own_directory(&scratch, "home");
        let start = as_stranger(&scratch, &[("HOME", &home)]).umask(mask);
        let start = start.options(
            "pid_template={pid_dir}/{name}.d/it.pid\nlog_template={state_dir}/{name}.log\n\
             workdir_template={home}/work",
        );
        let state = home.join(".local/state");
        let log = state.join("report.log");
        up(&scratch, start, state.join("report.d/it.pid"), &log);
        for directory in [".local", ".local/state", ".local/state/report.d", "work"] {
            let directory = home.join(directory);
            assert_eq!(mode(&directory), 0o700, "{}", directory.display());
            assert_eq!(fs::metadata(&directory).expect("it").uid(), STRANGER);
        }
    }
}

/// Fault 207: a login with its variables, cron and ssh without them, and su with those of another
/// user find the same daemon.
#[test]
fn pid_dir_is_the_same_for_every_login() {
    requires!(users);
    let scratch = Scratch::new();
    for name in ["out", "home", "runtime", "elsewhere"] {
        scratch.directory_of(users::UNPRIVILEGED, name);
    }
    let copy = scratch.copy_program(&crate::support::program::path("report"), "report");
    let start = |variables: &[(&str, &str)]| {
        let start = scratch.among_users(&copy, &AS_UNPRIVILEGED).arg("-d");
        let start = start.options("pid_template={pid_dir}/{name}.pid\nlog=/dev/null");
        let start = ["HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"]
            .iter()
            .fold(start, |start, name| start.env(name, ""));
        let set = |start: Start, (name, directory): &(&str, &str)| {
            start.env(name, scratch.path(directory))
        };
        variables.iter().fold(start, set).run()
    };
    let login = start(&[("HOME", "home"), ("XDG_RUNTIME_DIR", "runtime")]);
    let daemon = scratch.daemon_of(login, "home/.local/state/report.pid");
    for variables in [
        &[][..],
        &[("HOME", "elsewhere")],
        &[
            ("XDG_RUNTIME_DIR", "missing"),
            ("XDG_STATE_HOME", "elsewhere"),
        ],
    ] {
        let second = start(variables);
        assert_eq!(second.code(), 69, "{variables:?}: {second:?}");
    }
    daemon.stop();
}

#[test]
fn directory_that_cannot_be_created_is_named() {
    requires!(users);
    let scratch = Scratch::new();
    let home = scratch.path("home");
    fs::create_dir(&home).expect("mkdir");
    let launch = as_stranger(&scratch, &[("HOME", &home)]).run();
    let local = home.join(".local");
    let words = format!(
        "cannot create the directory {}: Permission denied; \
         set XDG_STATE_HOME, or choose the path by a `pid_flag`",
        local.display()
    );
    scratch.expect_refusal(&launch, 73, &[&words]);
}

#[test]
fn no_variable_is_named_where_none_has_an_effect() {
    requires!(users);
    let scratch = Scratch::new();
    let home = scratch.path("home");
    fs::create_dir(&home).expect("mkdir");
    let copy = scratch.copy_program(&crate::support::program::path("report"), "report");
    let start = scratch.among_users(&copy, &AS_UNPRIVILEGED).arg("-d");
    let start = start.options("pid_template={pid_dir}/{name}.pid\nlog=/dev/null");
    let launch = start.env("XDG_STATE_HOME", scratch.dir()).run();
    let words = format!(
        "cannot create the directory {}/.local: Permission denied; choose the path by a `pid_flag`",
        home.display()
    );
    scratch.expect_refusal(&launch, 73, &[&words]);
}

#[test]
fn unknown_placeholder_creates_nothing() {
    let scratch = Scratch::new();
    let options = "log=report.log\npid_template={run_dir}/it.pid";
    let launch = scratch.background().options(options).run();
    scratch.expect_refusal(&launch, 78, &["{run_dir}", "unknown placeholder"]);
    assert!(!scratch.path("report.log").exists());
}

#[test]
fn name_placeholder_is_the_file_name_of_argv_0() {
    let scratch = Scratch::new();
    for (argv0, pid_file) in [
        (&b"/usr/bin/hello"[..], &b"hello.pid"[..]),
        (b"-hello", b"hello.pid"),
        (b"caf\xe9", b"caf\xe9.pid"),
    ] {
        let argv0 = std::ffi::OsString::from_vec(argv0.to_vec());
        let pid_file = std::ffi::OsString::from_vec(pid_file.to_vec());
        let start = scratch.background().arg0(argv0);
        let start = start.options("pid_template={name}.pid").does("stay");
        scratch.daemon_of(start.run(), pid_file).stop();
    }
}
