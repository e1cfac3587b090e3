//! Rotations by root, of logs and in directories that another user has.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::process::Command;
use std::time::{Duration, Instant};

use super::by_size::{OPTIONS, expect_rotated};
use crate::control::stage::expect_failure;
use crate::support::deadline::{WAIT_TIMEOUT, eventually};
use crate::support::requires;
use crate::support::rounds::is_long;
use crate::support::scratch::Scratch;
use crate::support::users::{AS_UNPRIVILEGED, HELLO, UNPRIVILEGED};

#[test]
fn log_of_a_user_is_rotated_in_a_directory_of_root() {
    requires!(linux("the signal handlers of another process"), root);
    let scratch = Scratch::new();
    let logs = scratch.path("logs");
    fs::create_dir(&logs).expect("mkdir");
    let options = format!(
        "{}\nuser={UNPRIVILEGED}\ngroup={UNPRIVILEGED}\nlog_mode=604",
        OPTIONS.replace("report.log", "logs/report.log")
    );
    let start = scratch.background().options(&options);
    let daemon = scratch.up(start.does("count"));
    // Root's, and then the user's own.
    for number in 1..=2 {
        scratch.expect_growth("logs/report.log");
        expect_rotated(&scratch.rotate(&options));
        scratch.expect_growth("logs/report.log");
        let log = fs::metadata(logs.join("report.log")).expect("the new log");
        assert_eq!((log.uid(), log.gid()), (UNPRIVILEGED, UNPRIVILEGED));
        assert_eq!(log.mode() & 0o7777, 0o604);
        assert!(logs.join(format!("report.log.{number}")).exists());
        chown(&logs, Some(UNPRIVILEGED), None).expect("chown");
    }
    daemon.stop();
}

#[test]
fn log_in_the_root_directory_of_a_daemon_is_rotated() {
    requires!(linux("the signal handlers of another process"), root);
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("jail/logs")).expect("mkdir");
    let options = format!(
        "{}\nchroot=jail",
        OPTIONS.replace("report.log", "jail/logs/report.log")
    );
    let start = scratch.background().options(&options);
    let daemon = scratch.up(start.does("count"));
    scratch.expect_growth("jail/logs/report.log");
    expect_rotated(&scratch.rotate(&options));
    scratch.expect_growth("jail/logs/report.log");
    assert!(scratch.path("jail/logs/report.log.1").exists());
    daemon.stop();
}

#[test]
fn root_rotates_no_log_that_was_planted() {
    requires!(root);
    let scratch = Scratch::new();
    let logs = scratch.directory_with_mode(0o775, "logs");
    let options = OPTIONS.replace("report.log", "logs/report.log");
    let victim = scratch.write("victim", "precious\n");
    let log = logs.join("report.log");
    let expect_refusal = |status, word: &str| {
        expect_failure(&scratch.rotate(&options), status, &[word]);
        assert_eq!(scratch.read("victim"), "precious\n");
        assert!(!logs.join("report.log.1").exists(), "{word}");
        fs::remove_file(&log).expect("remove");
    };
    symlink(&victim, &log).expect("symlink");
    lchown(&log, Some(HELLO), None).expect("lchown");
    expect_refusal(73, "a symbolic link made by user");
    fs::hard_link(&victim, &log).expect("link");
    expect_refusal(78, "hard link");
    fs::write(&log, "its own\n").expect("write");
    chown(&log, Some(HELLO), None).expect("chown");
    expect_refusal(78, "belongs to user");
    fs::write(&log, "root's\n").expect("write");
    fs::set_permissions(&logs, Permissions::from_mode(0o777)).expect("chmod");
    expect_refusal(78, "writable by all");
    chown(&logs, Some(HELLO), None).expect("chown");
    fs::set_permissions(&logs, Permissions::from_mode(0o755)).expect("chmod");
    fs::write(&log, "root's\n").expect("write");
    expect_refusal(78, "can replace it");
}

#[test]
fn daemon_cannot_lead_a_rotation_elsewhere() {
    requires!(linux("the signal handlers of another process"), users);
    let scratch = Scratch::new();
    let victim = scratch.write("victim", "precious\n");
    fs::set_permissions(&victim, Permissions::from_mode(0o600)).expect("chmod");
    fs::set_permissions(scratch.dir(), Permissions::from_mode(0o755)).expect("chmod");
    let logs = scratch.directory_of(UNPRIVILEGED, "logs");
    let options = OPTIONS.replace("report.log", "logs/report.log");
    let options = format!("{options}\nuser={UNPRIVILEGED}\ngroup={UNPRIVILEGED}");
    let start = scratch.background().options(&*options);
    let daemon = scratch.up(start.does("count"));
    let look = || {
        let file = fs::symlink_metadata(&victim).expect("the victim");
        let times = (file.mtime_nsec(), file.ctime_nsec());
        (
            file.ino(),
            file.nlink(),
            file.mode(),
            file.uid(),
            file.gid(),
            times,
        )
    };
    let before = look();
    let outside = scratch.files();
    // Another process of that user puts links in the place of every name, at full rate, and between
    // them a log that may be rotated.
    let attack = "cd \"$1\" && while :; do
        echo its own > planted && mv -T planted report.log
        for name in report.log.2 report.log.1 report.log; do
            ln -s ../victim planted && mv -T planted $name
            ln ../victim planted 2>&- && mv -T planted $name
            mv report.log.2 kept; mv kept report.log.1
        done
        mv report.log.1 kept; mv kept report.log
    done 2>&-";
    let mut attacker = Command::new(AS_UNPRIVILEGED[0])
        .args(&AS_UNPRIVILEGED[1..])
        .args(["sh", "-c", attack, "sh"])
        .arg(&logs)
        .spawn()
        .expect("setpriv");
    let begin = Instant::now();
    let time = Duration::from_millis(if is_long() { 20_000 } else { 500 });
    let mut statuses = BTreeSet::new();
    // A rotation has succeeded, and one has met a link.
    while begin.elapsed() < time || !statuses.contains(&0) || statuses.is_disjoint(&[73, 78].into())
    {
        let outcome = scratch.rotate(&options);
        let status = outcome.code();
        assert!([0, 4, 73, 75, 78].contains(&status), "{outcome:?}");
        statuses.insert(status);
        assert!(begin.elapsed() < time + WAIT_TIMEOUT, "{statuses:?}");
    }
    let end = attacker.try_wait().expect("its state");
    assert_eq!(end, None, "the attack has ended by itself");
    attacker.kill().expect("kill");
    attacker.wait().expect("its end");
    assert_eq!(look(), before);
    assert_eq!(scratch.read("victim"), "precious\n");
    assert_eq!(scratch.files(), outside);
    assert!(daemon.process.is_alive());
    daemon.stop();
}

#[test]
fn daemon_that_has_dropped_its_rights_keeps_its_log() {
    requires!(
        linux("the signal handlers of another process"),
        root,
        preload
    );
    let scratch = Scratch::new();
    let options = OPTIONS.replace("ready=exec", "ready=notify");
    let start = scratch.background().options(&*options);
    let daemon = scratch.up(start.does("say:hello drop:nobody ready hang"));
    let words = ["cannot rotate", "opened no new log within 10 s"];
    expect_failure(&scratch.rotate_with_a_fast_clock(&options), 75, &words);
    let log = eventually("the daemon says why", || {
        let log = scratch.read("report.log");
        log.contains("Permission denied").then_some(log)
    });
    assert!(log.starts_with("hello\n"), "{log}");
    assert!(!scratch.path("report.log.1").exists());
    daemon.stop();
}
