//! Steps of a rotation, with what other processes do in between.

mod fake_process;
mod scratch;

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use super::*;
use crate::error::ErrorKind;
use fake_process::FakeProcess;
use scratch::Scratch;

fn some(texts: [&str; 2]) -> [Option<String>; 2] {
    texts.map(|text| Some(text.to_owned()))
}

#[test]
fn log_that_is_not_followed_gets_its_name_back() {
    let scratch = Scratch::new();
    for config in [scratch.config(), scratch.config_of_user()] {
        scratch.write("logs/log", "new\n");
        scratch.write("logs/log.1", "old\n");
        fs::remove_file(scratch.path("logs/log.2")).ok();
        let mut rotation = Rotation::new(config);
        let mut run = FakeProcess::new(&|| Ok(()));
        // Again and again, which drops no old log.
        for _ in 0..3 {
            assert_eq!(rotation.step(&mut run).expect("begin"), Progress::Waiting);
            let error = rotation.step(&mut run).expect_err("it does not follow");
            assert_eq!(error.kind(), ErrorKind::NotReady);
            let [log, first, second] = scratch.logs();
            assert_eq!([log, second], some(["new\n", "old\n"]));
            assert_eq!(first, None);
        }
        assert!(!scratch.path("it.pid.new").exists());
    }
}

#[test]
fn rotation_waits_for_a_new_log() {
    let scratch = Scratch::new();
    scratch.write("logs/log", "old\n");
    let mut rotation = Rotation::new(RotationConfig {
        reopen_timeout: Duration::from_secs(3600),
        ..scratch.config()
    });
    let mut run = FakeProcess::new(&|| Ok(()));
    for _ in 0..3 {
        assert_eq!(rotation.step(&mut run).expect("wait"), Progress::Waiting);
    }
    // No other process is kept waiting for so long.
    assert!(!scratch.path("it.pid.new").exists());
    scratch.write("logs/log", "new\n");
    assert_eq!(rotation.step(&mut run).expect("done"), Progress::Rotated);
    assert_eq!(scratch.logs()[..2], some(["new\n", "old\n"]));
}

#[test]
fn log_made_for_a_user_counts_when_the_run_has_it() {
    let scratch = Scratch::new();
    let config = RotationConfig {
        reopen_timeout: Duration::from_secs(3600),
        ..scratch.config_of_user()
    };
    for writes in [false, true] {
        scratch.write("logs/log", "old\n");
        let mut rotation = Rotation::new(config.clone());
        let mut run = FakeProcess::new(&|| Ok(()));
        assert_eq!(rotation.step(&mut run).expect("begin"), Progress::Waiting);
        assert_eq!(rotation.step(&mut run).expect("wait"), Progress::Waiting);
        let log = fs::metadata(scratch.path("logs/log")).expect("a new log");
        assert_eq!((log.len(), log.mode() & 0o7777), (0, 0o640));
        if writes {
            scratch.write("logs/log", "new\n");
        } else {
            run.file.set(Some(FileId::from(&log)));
        }
        assert_eq!(rotation.step(&mut run).expect("done"), Progress::Rotated);
    }
}

#[test]
fn new_log_of_the_last_moment_is_kept() {
    let scratch = Scratch::new();
    for config in [scratch.config(), scratch.config_of_user()] {
        scratch.write("logs/log", "old\n");
        let mut rotation = Rotation::new(config);
        let mut run = FakeProcess::new(&|| Ok(()));
        assert_eq!(rotation.step(&mut run).expect("begin"), Progress::Waiting);
        let renamed = rotation.renamed.take().expect("a renamed log");
        scratch.write("logs/log", "new\n");
        assert!(!renamed.take_back(&run).expect("nothing to take back"));
        assert_eq!(scratch.logs()[..2], some(["new\n", "old\n"]));
    }
}

#[test]
fn failed_signal_takes_the_rotation_back() {
    let scratch = Scratch::new();
    scratch.write("logs/log", "old\n");
    let mut rotation = Rotation::new(scratch.config());
    let error = rotation.step(&mut FakeProcess::new(&|| Err(Errno::EPERM)));
    assert_eq!(error.expect_err("no signal").kind(), ErrorKind::OutOfReach);
    assert_eq!(scratch.logs(), [Some("old\n".to_owned()), None, None]);
    // A run that has just ended needs none.
    let step = rotation.step(&mut FakeProcess::new(&|| Err(Errno::ESRCH)));
    assert_eq!(step.expect("done"), Progress::Rotated);
}

#[test]
fn rotation_holds_the_mutex_of_the_pid_file() {
    let scratch = Scratch::new();
    scratch.write("logs/log", "old\n");
    let pid_file = scratch.path("it.pid");
    let mutex = Mutex::try_acquire(&pid_file).expect("a lock");
    let mut rotation = Rotation::new(scratch.config());
    let is_locked = || match Mutex::try_acquire(&pid_file) {
        Ok(None) => Ok(()),
        other => panic!("{other:?}"),
    };
    let mut run = FakeProcess::new(&is_locked);
    assert_eq!(rotation.step(&mut run).expect("wait"), Progress::Busy);
    assert_eq!(scratch.logs()[0].as_deref(), Some("old\n"));
    drop(mutex);
    assert_eq!(rotation.step(&mut run).expect("begin"), Progress::Waiting);
}

#[test]
fn starting_run_gets_no_signal() {
    let scratch = Scratch::new();
    scratch.write("logs/log", "old\n");
    let mut run = FakeProcess::new(&|| panic!("a signal"));
    run.state = ProcessState::Starting;
    let error = Rotation::new(scratch.config()).step(&mut run);
    assert_eq!(error.expect_err("later").kind(), ErrorKind::OutOfReach);
    run.state = ProcessState::NotRunning;
    let step = Rotation::new(scratch.config()).step(&mut run);
    assert_eq!(step.expect("done"), Progress::Rotated);
}

#[test]
fn watch_looks_at_the_log_from_time_to_time() {
    let scratch = Scratch::new();
    let mut watch = watch(RotationConfig {
        size: 5,
        reopen_timeout: Duration::from_secs(3600),
        ..scratch.config()
    });
    let mut run = FakeProcess::new(&|| Ok(()));
    let mut now = Instant::now();
    let mut look = |seconds, run: &mut FakeProcess| {
        now += Duration::from_secs(seconds);
        let (error, next) = watch.look(run, now);
        (error.map(|error| error.kind()), next - now)
    };
    let seconds = Duration::from_secs;
    scratch.write("logs/log", "old\n");
    assert_eq!(look(1, &mut run), (None, seconds(10)), "it has grown");
    assert_eq!(look(9, &mut run), (None, seconds(1)), "too early");
    assert_eq!(look(1, &mut run), (None, seconds(60)), "as it was");
    scratch.write("logs/log", "old\nold\n");
    let (error, wait) = look(60, &mut run);
    assert!(error.is_none() && wait < seconds(1), "{wait:?}");
    assert_eq!(scratch.logs()[0], None);
    scratch.write("logs/log", "new\n");
    assert_eq!(look(1, &mut run), (None, seconds(10)), "rotated");
    assert_eq!(scratch.logs()[..2], some(["new\n", "old\nold\n"]));
    // What fails is tried again in an hour.
    scratch.write("logs/log", "new\nnew\n");
    run.state = ProcessState::Starting;
    let failed = (Some(ErrorKind::OutOfReach), seconds(3600));
    assert_eq!(look(10, &mut run), failed);
}

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
    scratch.write("logs/log", "ours\n");
    let opened = directory(&scratch.config_of_user());
    let log = opened.log().expect("the log").map(|log| log.id);
    fs::rename(scratch.path("logs"), scratch.path("moved")).expect("rename");
    fs::create_dir(scratch.path("others")).expect("mkdir");
    scratch.write("others/log", "precious\n");
    symlink(scratch.path("others"), scratch.path("logs")).expect("symlink");
    let old = opened.rename_log(log).expect("rename");
    let created = opened.create_log().expect("create");
    assert!(created.is_some());
    let others = fs::read_dir(scratch.path("others")).expect("list");
    assert_eq!(others.count(), 1);
    assert_eq!(scratch.read("others/log").as_deref(), Some("precious\n"));
    assert!(opened.take_back(old, created, || false).expect("back"));
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
    let log = opened.log().expect("the log").map(|log| log.id);
    plant("logs/log.1").expect("symlink");
    opened.rename_log(log).expect("rename");
    let is_link = |name: &str| scratch.path(name).is_symlink();
    assert!(is_link("logs/log.2") && !is_link("logs/log.1"));
    // In the place of the new log.
    plant("logs/log").expect("symlink");
    assert_eq!(opened.create_log().expect("no new log"), None);
    assert!(opened.log().is_err());
    // In the place of the log, after it was looked at.
    let error = opened.rename_log(log).expect_err("another file");
    assert_eq!(error.kind(), ErrorKind::CannotCreate);
    assert!(is_link("logs/log"));
    assert_eq!(victim().mode(), mode);
    assert_eq!(scratch.read("victim").as_deref(), Some("precious\n"));
}

#[test]
fn file_in_the_place_of_the_log_keeps_its_name() {
    let scratch = Scratch::new();
    scratch.write("logs/log", "ours\n");
    let opened = directory(&scratch.config());
    let log = opened.log().expect("the log").map(|log| log.id);
    fs::rename(scratch.path("logs/log"), scratch.path("logs/away")).expect("rename");
    scratch.write("logs/log", "another\n");
    let error = opened.rename_log(log).expect_err("another file");
    assert_eq!(error.kind(), ErrorKind::CannotCreate);
    let another = Some("another\n".to_owned());
    assert_eq!(scratch.logs(), [another, None, None]);
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
