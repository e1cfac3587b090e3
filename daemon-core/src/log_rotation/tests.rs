//! Steps of a rotation, with what other processes do in between.

mod directory;
mod fake_process;
mod periodic;
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

/// A rotation that has renamed the log, and the run, which opens no new one.
fn begun(config: RotationConfig) -> (Rotation, FakeProcess<'static>) {
    let mut rotation = Rotation::new(config);
    let mut run = FakeProcess::new(&|| Ok(()));
    assert_eq!(rotation.step(&mut run).expect("begin"), Progress::Waiting);
    (rotation, run)
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
    let mut rotation = Rotation::new(scratch.waiting_config());
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
        let (mut rotation, mut run) = begun(config.clone());
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
        let (mut rotation, run) = begun(config);
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
fn run_without_a_log_opens_a_new_one() {
    let scratch = Scratch::new();
    for config in [scratch.config(), scratch.config_of_user()] {
        fs::remove_file(scratch.path("logs/log")).ok();
        let reopen = || {
            scratch.write("logs/log", "new\n");
            Ok(())
        };
        let mut run = FakeProcess::new(&reopen);
        // It writes to no file.
        let mut rotation = Rotation::new(config);
        assert_eq!(rotation.step(&mut run).expect("nothing"), Progress::Idle);
        scratch.write("elsewhere", "old\n");
        let elsewhere = FileId::of_target(&scratch.path("elsewhere")).expect("its id");
        run.file.set(Some(elsewhere));
        assert_eq!(rotation.step(&mut run).expect("begin"), Progress::Waiting);
        let done = rotation.step(&mut run).expect("done");
        assert_eq!(done, Progress::Reopened(Pid::this()));
        // No file is there, and the run does not follow.
        fs::remove_file(scratch.path("logs/log")).expect("remove");
        let mut run = FakeProcess::new(&|| Ok(()));
        run.file.set(Some(elsewhere));
        for _ in 0..2 {
            assert_eq!(rotation.step(&mut run).expect("begin"), Progress::Waiting);
            let error = rotation.step(&mut run).expect_err("it does not follow");
            assert_eq!(error.kind(), ErrorKind::NotReady);
            assert_eq!(scratch.logs()[0], None);
        }
    }
}

#[test]
fn step_that_finds_no_mutex_goes_on_later() {
    let scratch = Scratch::new();
    scratch.write("logs/log", "old\n");
    let (mut rotation, mut run) = begun(scratch.config());
    // It cannot be taken.
    fs::create_dir(scratch.path("it.pid.new")).expect("mkdir");
    rotation.step(&mut run).expect_err("no mutex");
    fs::remove_dir(scratch.path("it.pid.new")).expect("rmdir");
    let error = rotation.step(&mut run).expect_err("it does not follow");
    assert_eq!(error.kind(), ErrorKind::NotReady);
    assert_eq!(scratch.logs()[..2], [Some("old\n".to_owned()), None]);
}

#[test]
fn second_rotation_that_is_not_followed_says_so() {
    let scratch = Scratch::new();
    scratch.write("logs/log", "old\n");
    let mut run = FakeProcess::new(&|| Ok(()));
    let [mut first, mut second] = [(); 2].map(|()| Rotation::new(scratch.config()));
    assert_eq!(first.step(&mut run).expect("begin"), Progress::Waiting);
    let old = FileId::of_target(&scratch.path("logs/log.1")).expect("its id");
    run.file.set(Some(old));
    assert_eq!(second.step(&mut run).expect("begin"), Progress::Waiting);
    for rotation in [&mut first, &mut second] {
        let error = rotation.step(&mut run).expect_err("it does not follow");
        assert_eq!(error.kind(), ErrorKind::NotReady);
        assert_eq!(scratch.logs()[..2], [Some("old\n".to_owned()), None]);
    }
}

#[test]
fn log_that_another_rotation_has_renamed_is_left_alone() {
    let scratch = Scratch::new();
    scratch.write("logs/log", "old\n");
    let rotate = || {
        fs::rename(scratch.path("logs/log"), scratch.path("logs/log.1")).expect("rename");
        scratch.write("logs/log", "");
    };
    let mut run = FakeProcess::new(&|| panic!("a signal"));
    run.before = &rotate;
    let step = Rotation::new(scratch.config()).step(&mut run);
    assert_eq!(step.expect("nothing"), Progress::Idle);
    assert_eq!(scratch.logs()[..2], some(["", "old\n"]));
}

#[test]
fn only_the_file_that_was_renamed_is_taken_back() {
    let scratch = Scratch::new();
    for config in [scratch.config(), scratch.config_of_user()] {
        scratch.write("logs/log", "old\n");
        let (mut rotation, mut run) = begun(config);
        fs::rename(scratch.path("logs/log.1"), scratch.path("logs/away")).expect("rename");
        scratch.write("logs/log.1", "planted\n");
        rotation.step(&mut run).expect_err("another file");
        assert_eq!(scratch.logs()[1].as_deref(), Some("planted\n"));
        assert_ne!(scratch.logs()[0].as_deref(), Some("planted\n"));
        fs::remove_file(scratch.path("logs/log.1")).expect("remove");
    }
}

#[test]
fn file_of_another_process_is_not_exchanged() {
    let scratch = Scratch::new();
    scratch.write("logs/log", "old\n");
    let (mut rotation, mut run) = begun(scratch.config());
    fs::create_dir(scratch.path("logs/log")).expect("mkdir");
    assert_eq!(rotation.step(&mut run).expect("a name"), Progress::Rotated);
    assert!(scratch.path("logs/log").is_dir());
    assert_eq!(scratch.logs()[1].as_deref(), Some("old\n"));
}

#[test]
fn directory_in_the_place_of_an_old_log_stays() {
    let scratch = Scratch::new();
    let config = RotationConfig {
        keep: 4,
        ..scratch.config()
    };
    fs::create_dir(scratch.path("logs/log.3")).expect("mkdir");
    for (number, old) in (1..).zip([None, Some("1\n"), Some("2\n")]) {
        scratch.write("logs/log", &format!("{number}\n"));
        let step = Rotation::new(config.clone()).step(&mut no_run());
        assert_eq!(step.expect("rotate"), Progress::Rotated);
        assert_eq!(scratch.logs()[2].as_deref(), old);
    }
    assert_eq!(scratch.logs()[1].as_deref(), Some("3\n"));
    assert!(scratch.path("logs/log.3").is_dir());
    // No name is left.
    fs::remove_file(scratch.path("logs/log.1")).expect("remove");
    fs::create_dir(scratch.path("logs/log.1")).expect("mkdir");
    scratch.write("logs/log", "4\n");
    let error = Rotation::new(config)
        .step(&mut no_run())
        .expect_err("no name");
    assert!(
        error.to_string().contains("log.1 is a directory"),
        "{error}"
    );
    assert_eq!(scratch.read("logs/log").as_deref(), Some("4\n"));
}

fn no_run() -> FakeProcess<'static> {
    let mut run = FakeProcess::new(&|| Ok(()));
    run.state = ProcessState::NotRunning;
    run
}

#[test]
fn old_log_keeps_its_inode_until_the_rotation_ends() {
    let scratch = Scratch::new();
    scratch.write("logs/log", "old\n");
    let (_rotation, _run) = begun(scratch.waiting_config());
    let inode = |name: &str| fs::metadata(scratch.path(name)).expect("it").ino();
    let old = inode("logs/log.1");
    fs::remove_file(scratch.path("logs/log.1")).expect("remove");
    // A file system that gives the inode to the next file does not have it now.
    for number in 0..100 {
        let name = format!("logs/{number}");
        scratch.write(&name, "");
        assert_ne!(inode(&name), old);
    }
}
