//! Kinds and contents of a PID file: no other process is signalled.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::canary::Canary;
use super::stage::{as_nobody, expect_answer, expect_failure};
use crate::control::stage::OPTIONS as CONTROLLED;
use crate::support::scratch::Scratch;
use crate::support::users::UNPRIVILEGED;
use crate::support::{lock, requires};

#[test]
fn pid_in_an_unlocked_file_is_not_signalled() {
    let scratch = Scratch::new();
    let mut canary = Canary::new();
    let pid_of_canary = canary.0.id();
    let long = "9".repeat(10_000_000);
    for content in [
        &format!("{pid_of_canary}\n"),
        &format!("\n{pid_of_canary}\n"),
        "",
        "-1\n",
        "1\n",
        &long,
    ] {
        scratch.write("report.pid", content);
        // Without a pid no daemon has crashed.
        let (status, answer) = match content.strip_suffix('\n') {
            Some(pid) if pid == "1" || pid == pid_of_canary.to_string() => {
                (1, "not running, but it left its PID file")
            }
            _ => (3, "not running"),
        };
        expect_answer(&scratch.verb("status").run(), status, answer);
        expect_failure(&scratch.verb("reload").run(), 7, &["not running"]);
        expect_answer(&scratch.verb("stop").run(), 0, "not running");
    }
    // A content that no start leaves may be another program's file.
    assert!(scratch.path("report.pid").exists());
    canary.expect_alive();
}

/// Every PID namespace has a process 1, and its descriptors cannot be seen.
#[test]
fn process_1_that_is_not_seen_is_no_daemon() {
    requires!(root, users);
    let scratch = Scratch::new();
    fs::set_permissions(scratch.dir(), fs::Permissions::from_mode(0o755)).expect("chmod");
    let _lock = lock::hold(&scratch.path("report.pid"));
    scratch.write("report.pid", "1\n");
    let status = as_nobody(scratch.verb("status")).run();
    expect_failure(&status, 4, &["the file names process 1"]);
}

#[test]
fn locked_file_without_a_pid_is_reported() {
    let scratch = Scratch::new();
    let _lock = lock::hold(&scratch.path("report.pid"));
    for content in ["", "-1\n", "5"] {
        scratch.write("report.pid", content);
        // Without the lock of the bring-up an empty file is one of a start.
        let is_start = cfg!(daemon_fork) && content.is_empty();
        let reason = if is_start {
            "it is being started, and has no pid yet"
        } else {
            "the file does not begin with a pid"
        };
        let status = scratch.verb("status").run();
        if is_start {
            expect_answer(&status, 0, "starting");
        } else {
            expect_failure(&status, 4, &[reason]);
        }
        for verb in ["stop", "reload"] {
            expect_failure(&scratch.verb(verb).run(), 4, &[reason]);
        }
        assert_eq!(scratch.read("report.pid"), content);
    }
}

#[test]
fn file_of_a_terabyte_is_not_read_whole() {
    let scratch = Scratch::new();
    let lock = lock::hold(&scratch.path("report.pid"));
    // No memory holds so much, and no disk need.
    lock.set_len(1 << 40).expect("a length");
    let outcome = scratch.verb("status").run();
    expect_failure(&outcome, 4, &["the file does not begin with a pid"]);
}

#[test]
fn special_file_is_refused_at_once() {
    let scratch = Scratch::new();
    let path = scratch.path("report.pid");
    mkfifo(&path, Mode::S_IRWXU).expect("mkfifo");
    expect_failure(&scratch.verb("stop").run(), 4, &["not a regular file"]);
    fs::remove_file(&path).expect("remove");
    fs::create_dir(&path).expect("mkdir");
    expect_failure(&scratch.verb("stop").run(), 4, &["not a regular file"]);
    fs::remove_dir(&path).expect("remove");
    drop(UnixListener::bind(&path).expect("bind"));
    expect_failure(&scratch.verb("stop").run(), 4, &["not a regular file"]);
    fs::remove_file(&path).expect("remove");
    symlink(scratch.write("victim", "1234\n"), &path).expect("link");
    let words = ["report.pid: it is a symbolic link"];
    expect_failure(&scratch.verb("stop").run(), 4, &words);
    assert_eq!(scratch.read("victim"), "1234\n");
}

#[test]
fn root_does_not_trust_a_file_of_another_user() {
    requires!(root);
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("catch:1 report stay");
    let path = scratch.path("report.pid");
    let refused = |words| {
        for verb in ["stop", "reload"] {
            expect_failure(&scratch.verb(verb).run(), 4, &[words]);
        }
    };
    let chmod = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    };
    chmod(&path, 0o666);
    refused("other users can write to it");
    chmod(&path, 0o644);
    chown(&path, Some(UNPRIVILEGED), None).expect("chown");
    refused("it belongs to user 65534");
    chown(&path, Some(0), None).expect("chown");
    chmod(scratch.dir(), 0o777);
    refused("any user can replace it");
    chmod(scratch.dir(), 0o755);
    expect_answer(
        &scratch.verb("stop").run(),
        0,
        &format!("stopped, pid {}", daemon.pid()),
    );
}

#[test]
fn stop_leaves_the_owner_of_a_stale_pid_alone() {
    let scratch = Scratch::new();
    scratch.write("report.pid", format!("{}\n", scratch.canary()));
    let daemon = scratch.up(scratch.controlled("hang"));
    assert_eq!(scratch.verb("stop").run().code(), 0);
    assert!(!daemon.process.is_alive());
    scratch.expect_order();
}

#[test]
fn at_most_64_bytes_of_a_file_are_read() {
    requires!(strace);
    let scratch = Scratch::new();
    let path = scratch.write("report.pid", "9".repeat(10_000_000));
    let _lock = lock::hold(&path);
    for (arguments, status) in [(["-s", "status"], 4), (["-d", "-d"], 69)] {
        let launch = scratch
            .report()
            .args(arguments)
            .options(CONTROLLED)
            .traced(&["-P", "report.pid"])
            .run();
        assert_eq!(launch.code(), status, "{launch:?}");
        let trace = scratch.read("trace");
        let reads = trace.lines().filter(|line| line.contains("read"));
        let mut lengths = reads.filter_map(|line| line.rsplit_once(" = ")?.1.parse::<u32>().ok());
        assert!(lengths.all(|length| length <= 64), "{trace}");
    }
}

#[test]
fn relative_path_depends_on_the_directory() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.controlled("hang"));
    fs::create_dir(scratch.path("elsewhere")).expect("mkdir");
    for (verb, status) in [("status", 3), ("stop", 0), ("reload", 7)] {
        let outcome = scratch.verb(verb).cwd(scratch.path("elsewhere")).run();
        assert_eq!(outcome.code(), status, "{outcome:?}");
        let said = outcome.out_text() + &outcome.err_text();
        let words = "not running (PID file ";
        assert!(said.contains(words), "it says where it looked: {said}");
        assert!(said.ends_with("/elsewhere/report.pid)\n"), "{said}");
    }
    assert!(daemon.process.is_alive());
    scratch.expect_order();
}
