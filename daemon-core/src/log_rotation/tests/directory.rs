//! What other users put in the directory of the log.

use std::os::unix::net::UnixListener;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::*;

fn directory(config: &RotationConfig) -> LogDirectory {
    LogDirectory::open(config).expect("the directory")
}

#[test]
fn directory_that_was_replaced_is_refused() {
    let scratch = Scratch::new();
    let config = scratch.config();
    let opened = fs::File::open(scratch.path("logs")).expect("the directory");
    fs::rename(scratch.path("logs"), scratch.path("moved")).expect("rename");
    fs::create_dir(scratch.path("logs")).expect("mkdir");
    let error = LogDirectory::of(opened, &config).expect_err("another one");
    assert_eq!(error.kind(), ErrorKind::CannotCreate);
}

#[test]
fn replaced_directory_leads_nowhere_else() {
    let scratch = Scratch::new();
    // Two old logs are kept: one moves over the other.
    for name in ["log", "log.1", "log.2"] {
        scratch.write(&format!("logs/{name}"), "ours\n");
    }
    let opened = directory(&scratch.config_of_user());
    let log = opened.log().expect("the log").expect("a log");
    fs::rename(scratch.path("logs"), scratch.path("moved")).expect("rename");
    fs::create_dir(scratch.path("others")).expect("mkdir");
    scratch.write("others/log", "precious\n");
    scratch.write("others/log.1", "precious\n");
    symlink(scratch.path("others"), scratch.path("logs")).expect("symlink");
    let old = opened.rename_log(log).expect("rename");
    let created = opened.create_log().expect("create");
    assert!(created.is_some());
    let others = fs::read_dir(scratch.path("others")).expect("list");
    assert_eq!(others.count(), 2);
    assert_eq!(scratch.read("others/log.1").as_deref(), Some("precious\n"));
    assert_eq!(scratch.read("others/log").as_deref(), Some("precious\n"));
    assert!(opened.take_back(old.id(), created, || false).expect("back"));
    assert_eq!(scratch.read("moved/log").as_deref(), Some("ours\n"));
    assert_eq!(scratch.read("others/log").as_deref(), Some("precious\n"));
    assert_eq!(scratch.read("moved/log.1"), None);
}

#[test]
fn planted_link_is_renamed_and_not_followed() {
    let scratch = Scratch::new();
    let opened = directory(&scratch.config_of_user());
    scratch.write("victim", "precious\n");
    let victim = || fs::metadata(scratch.path("victim")).expect("the victim");
    let mode = victim().mode();
    let plant = |name: &str| symlink(scratch.path("victim"), scratch.path(name));
    scratch.write("logs/log", "ours\n");
    let log = || opened.log().expect("the log").expect("a log");
    let (first, second) = (log(), log());
    plant("logs/log.1").expect("symlink");
    opened.rename_log(first).expect("rename");
    let is_link = |name: &str| scratch.path(name).is_symlink();
    assert!(is_link("logs/log.2") && !is_link("logs/log.1"));
    // In the place of the new log.
    plant("logs/log").expect("symlink");
    assert_eq!(opened.create_log().expect("no new log"), None);
    assert!(opened.log().is_err());
    // In the place of the log, after it was looked at.
    let error = opened.rename_log(second).expect_err("another file");
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(is_link("logs/log"));
    assert_eq!(victim().mode(), mode);
    assert_eq!(scratch.read("victim").as_deref(), Some("precious\n"));
}

#[test]
fn file_in_the_place_of_the_log_keeps_its_name() {
    let scratch = Scratch::new();
    scratch.write("logs/log", "ours\n");
    let opened = directory(&scratch.config());
    let log = || opened.log().expect("the log").expect("a log");
    let (first, second) = (log(), log());
    fs::rename(scratch.path("logs/log"), scratch.path("logs/away")).expect("rename");
    // Renamed by another tool, which may put a file there.
    let error = opened.rename_log(first).expect_err("no file");
    assert_eq!(error.kind(), ErrorKind::Busy);
    scratch.write("logs/log", "another\n");
    let error = opened.rename_log(second).expect_err("another file");
    assert_eq!(error.kind(), ErrorKind::Busy);
    let another = Some("another\n".to_owned());
    assert_eq!(scratch.logs(), [another, None, None]);
}

#[test]
fn only_an_empty_log_of_this_process_is_removed() {
    let scratch = Scratch::new();
    let opened = directory(&scratch.config_of_user());
    let created = opened.create_log().expect("create");
    let moved = scratch.path("logs/moved");
    fs::rename(scratch.path("logs/log"), &moved).expect("rename");
    for text in ["", "another\n"] {
        scratch.write("logs/log", text);
        opened.remove_empty(created).expect("nothing");
        assert_eq!(scratch.logs()[0].as_deref(), Some(text));
    }
    fs::rename(&moved, scratch.path("logs/log")).expect("rename");
    scratch.write("logs/log", "new\n");
    opened.remove_empty(created).expect("nothing");
    assert_eq!(scratch.logs()[0].as_deref(), Some("new\n"));
    scratch.write("logs/log", "");
    opened.remove_empty(created).expect("remove");
    assert_eq!(scratch.logs()[0], None);
}

/// Other systems cannot exchange two names by one step.
#[cfg(all(target_os = "linux", not(daemon_fork)))]
#[test]
fn line_of_the_last_moment_is_kept_beside_the_log() {
    let scratch = Scratch::new();
    let opened = directory(&scratch.config_of_user());
    scratch.write("logs/log", "old\n");
    let log = opened.log().expect("the log").expect("a log");
    let old = opened.rename_log(log).expect("rename");
    let created = opened.create_log().expect("create");
    let write = || {
        scratch.write("logs/log", "late\n");
        false
    };
    assert!(opened.take_back(old.id(), created, write).expect("back"));
    assert_eq!(scratch.logs()[..2], some(["old\n", "late\n"]));
}

#[test]
fn what_is_no_file_is_not_opened_as_a_log() {
    let scratch = Scratch::new();
    let opened = directory(&scratch.config());
    // The open of a socket fails, and that of a FIFO has an effect.
    let _socket = UnixListener::bind(scratch.path("logs/log")).expect("bind");
    assert!(opened.log().expect("no log").is_none());
    mkfifo(&scratch.path("logs/log.1"), Mode::S_IRWXU).expect("mkfifo");
    assert!(opened.rotated().expect("no old log").is_none());
}

#[test]
fn taken_name_is_not_renamed_over() {
    use crate::sys::files::rename_unless_taken;

    let scratch = Scratch::new();
    let logs = fs::File::open(scratch.path("logs")).expect("the directory");
    scratch.write("logs/log", "one\n");
    scratch.write("logs/log.1", "other\n");
    let rename = || rename_unless_taken(&logs, Path::new("log").as_ref(), "log.1".as_ref());
    assert_eq!(rename(), Err(Errno::EEXIST));
    assert_eq!(scratch.logs()[..2], some(["one\n", "other\n"]));
    fs::remove_file(scratch.path("logs/log.1")).expect("remove");
    assert_eq!(rename(), Ok(()));
    assert_eq!(scratch.logs()[..2], [None, Some("one\n".to_owned())]);
}
