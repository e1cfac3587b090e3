//! The PID file: its lock decides, its number is never wrong, and a losing start touches nothing.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    reason = "a broken expectation is how a test fails"
)]

mod support;

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use nix::sys::resource::Resource;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use support::daemon::{expect_one_line, read_report};
use support::process::Process;
use support::scratch::Scratch;
use support::{lock, process, requires};

/// What a losing start must leave as it is.
fn fingerprint(path: &Path) -> (u64, u64, i64, i64, u32, Vec<u8>) {
    let file = fs::symlink_metadata(path).expect("a file");
    let changed = (file.mtime_nsec(), file.ctime_nsec());
    let content = fs::read(path).unwrap_or_default();
    (
        file.dev(),
        file.ino(),
        changed.0,
        changed.1,
        file.mode(),
        content,
    )
}

fn metadata(scratch: &Scratch, name: &str) -> Metadata {
    fs::symlink_metadata(scratch.path(name)).expect("a file")
}

#[test]
fn a_second_start_is_refused_with_the_pid_of_the_first() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background());
    daemon.report();
    let files = [scratch.path("report.pid"), scratch.path("report.log")];
    let before = files.each_ref().map(|file| fingerprint(file));

    let launch = scratch.background().does("note:second").run();
    assert_eq!(launch.code(), 69);
    let reason = format!("already running, pid {}", daemon.pid());
    expect_one_line(
        &launch,
        &["cannot lock the PID file", "report.pid", &reason],
    );
    assert_eq!(files.each_ref().map(|file| fingerprint(file)), before);
    assert!(!scratch.path("second").exists(), "no code of the user ran");
    assert_eq!(scratch.processes(), [daemon.pid()]);
}

#[test]
fn a_losing_start_does_not_make_a_log() {
    let scratch = Scratch::new();
    scratch.up(scratch.background());
    let launch = scratch
        .background()
        .options("pid=report.pid\nlog=second.log")
        .run();
    assert_eq!(launch.code(), 69);
    assert!(!scratch.path("second.log").exists());
}

#[test]
fn the_file_goes_at_a_normal_end_and_the_next_start_succeeds() {
    for steps in [
        "report stay",
        "report stay return:3",
        "report stay exit:0",
        "report stay panic",
    ] {
        let scratch = Scratch::new();
        let daemon = scratch.up(scratch.background().does(steps));
        daemon.report();
        daemon.stop();
        assert!(!scratch.path("report.pid").exists(), "{steps}");
        scratch.up(scratch.background());
    }
}

#[test]
fn a_crash_leaves_a_file_that_means_nothing() {
    for steps in ["report stay raise:9", "report stay abort"] {
        let scratch = Scratch::new();
        let daemon = scratch.up(scratch.background().does(steps));
        daemon.report();
        let pid = daemon.pid();
        daemon.stop();
        assert_eq!(scratch.read("report.pid"), format!("{pid}\n"), "{steps}");
        assert!(!lock::is_held(&scratch.path("report.pid")), "{steps}");
        scratch.up(scratch.background());
    }
}

#[test]
fn a_child_that_ends_does_not_remove_the_file() {
    let scratch = Scratch::new();
    // Forked, so it inherits the exit handlers; started, so it is the same program.
    let steps = "fork-and-exit child report stay";
    let daemon = scratch.up(scratch.background().does(steps));
    daemon.report();
    assert_eq!(scratch.read("report.pid"), format!("{}\n", daemon.pid()));
    assert_eq!(lock::holders(&daemon.pid_file), [daemon.pid()]);
    assert_eq!(scratch.background().run().code(), 69);
}

#[test]
fn a_child_of_the_daemon_does_not_hold_the_lock() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background().does("leave-child report stay"));
    daemon.report();
    let pids = scratch.processes();
    assert_eq!(pids.len(), 2, "the daemon and its child");
    daemon.stop();
    assert!(!lock::is_held(&scratch.path("report.pid")));
    scratch.up(scratch.background());
}

#[test]
fn whatever_an_unlocked_file_holds_is_overwritten() {
    let long = "9".repeat(10_000_000);
    let live = format!("{}\n", std::process::id());
    for content in [
        "",
        "\n",
        "abc",
        "-1",
        "0",
        "1",
        "2147483648",
        "99999999999999999999",
        "12 34",
        "0x10",
        "+5",
        " 5",
        "5\0",
        "5\r\n",
        "\u{feff}5",
        &long,
        &live,
    ] {
        let scratch = Scratch::new();
        scratch.write("report.pid", content);
        scratch.up(scratch.background());
    }
}

#[test]
fn a_file_that_is_locked_by_a_process_without_a_number_in_it_refuses_the_start() {
    for content in ["", "\n", "abc", "-1", "0", "999999999999", "\n4242\n"] {
        let scratch = Scratch::new();
        let path = scratch.write("report.pid", content);
        let _stranger = lock::hold(&path);
        let launch = scratch.background().run();
        assert_eq!(launch.code(), 69);
        expect_one_line(&launch, &["already running, pid unknown"]);
        assert_eq!(scratch.read("report.pid"), content);
    }
}

#[test]
fn a_read_lock_of_a_stranger_refuses_the_start_and_says_so() {
    let scratch = Scratch::new();
    let path = scratch.write("report.pid", "");
    let stranger = lock::hold_for_reading(&path);
    let launch = scratch.background().run();
    assert_eq!(launch.code(), 73);
    expect_one_line(&launch, &["report.pid", "lock"]);
    assert!(!launch.err_text().contains("already running"));
    drop(stranger);
    scratch.up(scratch.background());
}

#[test]
fn a_flock_of_a_stranger_has_no_effect() {
    if !requires::program("flock") {
        return;
    }
    let scratch = Scratch::new();
    let flock = requires::find("flock").expect("flock");
    scratch.write("report.pid", "");
    let start = scratch.start_path(&flock).args(["-n", "-x", "report.pid"]);
    let launch = start
        .arg(support::program::path("report"))
        .arg("-d")
        .env("TEST_REPORT", scratch.path("report.json"))
        .options("pid=report.pid")
        .does("report stay")
        .run();
    scratch.daemon_of(launch, "report.pid");
}

#[test]
fn something_else_at_the_path_is_refused_at_once_and_stays() {
    let scratch = Scratch::new();
    let pid = scratch.path("report.pid");
    let victim = scratch.write("victim", "precious\n");
    let before = fingerprint(&victim);
    let makers: [(&str, &dyn Fn()); 6] = [
        ("a directory", &|| fs::create_dir(&pid).expect("mkdir")),
        ("a FIFO", &|| mkfifo(&pid, Mode::S_IRWXU).expect("mkfifo")),
        ("a socket", &|| {
            drop(UnixListener::bind(&pid).expect("bind"));
        }),
        ("a link to a file", &|| {
            symlink(&victim, &pid).expect("symlink");
        }),
        ("a link to nothing", &|| {
            symlink(scratch.path("target"), &pid).expect("symlink");
        }),
        ("a link to itself", &|| {
            symlink(&pid, &pid).expect("symlink");
        }),
    ];
    for (what, make) in makers {
        make();
        let kind = metadata(&scratch, "report.pid").file_type();
        let launch = scratch.background().run();
        scratch.expect_refusal(&launch, 73, &["PID file", "report.pid"]);
        assert_eq!(metadata(&scratch, "report.pid").file_type(), kind, "{what}");
        fs::remove_file(&pid)
            .or_else(|_| fs::remove_dir(&pid))
            .expect("clean up");
    }
    assert_eq!(fingerprint(&victim), before);
    assert!(!scratch.path("target").exists());
    let launch = scratch.background().options("pid=/dev/null").run();
    scratch.expect_refusal(&launch, 73, &["/dev/null", "not a regular file"]);
}

#[test]
fn two_names_of_one_file_are_one_lock() {
    let scratch = Scratch::new();
    scratch.up(scratch.background());
    symlink(scratch.dir(), scratch.path("same")).expect("symlink");
    let launch = scratch.background().options("pid=same/report.pid").run();
    assert_eq!(launch.code(), 69, "{launch:?}");
}

#[test]
fn a_file_that_is_pid_file_and_log_at_once_is_refused_and_stays() {
    let scratch = Scratch::new();
    let launch = scratch.background().options("pid=same\nlog=same").run();
    scratch.expect_refusal(&launch, 78, &["same"]);

    let file = scratch.write("report.pid", "precious\n");
    let before = metadata(&scratch, "report.pid").ino();
    fs::hard_link(&file, scratch.path("report.log")).expect("link");
    let launch = scratch.background().run();
    assert_eq!(launch.code(), 78, "{launch:?}");
    expect_one_line(&launch, &[]);
    assert_eq!(metadata(&scratch, "report.pid").ino(), before);
    assert_eq!(
        scratch.read("report.log"),
        "precious\n",
        "before anything is written"
    );
}

#[test]
fn a_new_file_has_its_mode_whatever_the_umask() {
    for mask in [0o000, 0o022, 0o777] {
        let scratch = Scratch::new();
        let start = scratch.background().does("stay").umask(mask);
        scratch.up(start);
        assert_eq!(metadata(&scratch, "report.pid").mode() & 0o7777, 0o644);
        assert_eq!(metadata(&scratch, "report.log").mode() & 0o7777, 0o640);
    }
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\npid_mode=600\nlog_mode=604";
    scratch.up(scratch.background().options(options).umask(0o077));
    assert_eq!(metadata(&scratch, "report.pid").mode() & 0o7777, 0o600);
    assert_eq!(metadata(&scratch, "report.log").mode() & 0o7777, 0o604);
}

#[test]
fn an_old_file_keeps_its_mode() {
    let scratch = Scratch::new();
    let path = scratch.write("report.pid", "1\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(path, mode).expect("chmod");
    scratch.up(scratch.background());
    assert_eq!(metadata(&scratch, "report.pid").mode() & 0o7777, 0o600);
}

#[test]
fn a_path_that_is_not_utf_8_or_holds_a_newline_works() {
    for name in [
        b"caf\xe9.pid".to_vec(),
        b" a b.pid".to_vec(),
        b"{name}{.pid".to_vec(),
    ] {
        let scratch = Scratch::new();
        let name = OsString::from_vec(name);
        let mut options = OsString::from("pid=");
        options.push(&name);
        let launch = scratch.background().options(options).run();
        let daemon = scratch.daemon_of(launch, &name);
        let path = scratch.path(&name).into_os_string().into_vec();
        assert_eq!(daemon.report().pid_file, Some(path));
    }
}

#[test]
fn a_path_that_is_too_long_is_refused() {
    let scratch = Scratch::new();
    for path in ["x".repeat(256), "x/".repeat(2048) + "report.pid"] {
        let launch = scratch.background().options(format!("pid={path}")).run();
        scratch.expect_refusal(&launch, 73, &["File name too long"]);
    }
}

#[test]
fn a_relative_path_is_resolved_once_by_the_launcher() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("run")).expect("mkdir");
    let options = "pid=run/../run/report.pid\nworkdir=/";
    let launch = scratch.background().options(options).run();
    let daemon = scratch.daemon_of(launch, "run/report.pid");
    daemon.report();
    daemon.stop();
    assert!(
        !scratch.path("run/report.pid").exists(),
        "found again at the end"
    );
}

#[test]
fn a_file_that_was_removed_under_the_daemon_is_missed_by_nobody() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background());
    daemon.report();
    fs::remove_file(&daemon.pid_file).expect("remove");
    let second = scratch.up(scratch.background());
    assert!(daemon.process.is_alive());
    daemon.stop();
    let content = format!("{}\n", second.pid());
    assert_eq!(
        scratch.read("report.pid"),
        content,
        "the second one's is left alone"
    );
    assert_eq!(lock::holders(&second.pid_file), [second.pid()]);
}

#[test]
fn a_file_that_took_the_place_of_the_daemons_is_left_alone() {
    let scratch = Scratch::new();
    for link in [false, true] {
        let daemon = scratch.up(scratch.background());
        read_report(&scratch.path("report.json"));
        let victim = scratch.write("victim", "precious\n");
        if link {
            fs::remove_file(&daemon.pid_file).expect("remove");
            symlink(&victim, &daemon.pid_file).expect("symlink");
        } else {
            fs::rename(&victim, &daemon.pid_file).expect("rename");
        }
        let pid_file = daemon.pid_file.clone();
        daemon.stop();
        assert_eq!(fs::read(&pid_file).expect("it is there"), b"precious\n");
        fs::remove_file(pid_file).expect("clean up");
        fs::remove_file(scratch.path("report.json")).expect("clean up");
    }
}

#[test]
fn a_live_process_of_the_stale_number_is_not_touched() {
    let scratch = Scratch::new();
    let canary = scratch.report().does("note:alive hang").spawn();
    support::deadline::eventually("the canary runs", || {
        scratch.path("alive").exists().then_some(())
    });
    scratch.write("report.pid", format!("{}\n", canary.pid()));
    let daemon = scratch.up(scratch.background());
    assert_ne!(daemon.pid(), canary.pid());
    assert!(canary.is_alive());
}

#[test]
fn a_limit_on_the_size_of_files_is_a_refusal_and_no_death() {
    let scratch = Scratch::new();
    let launch = scratch.background().limit(Resource::RLIMIT_FSIZE, 0).run();
    scratch.expect_refusal(&launch, 73, &["report.pid", "File too large"]);
    assert_ne!(scratch.read("report.pid"), format!("{}\n", launch.pid));
    scratch.up(scratch.background());
}

#[test]
fn a_full_disk_is_a_refusal_and_leaves_nothing() {
    with_small_file_system("size=4k", |commands| {
        commands.push_str("dd if=/dev/zero of=mnt/full bs=4k count=1 2>/dev/null\n");
    });
    with_small_file_system("nr_inodes=2", |commands| {
        commands.push_str("touch mnt/full\n");
    });
}

/// Starts with its PID file on a file system that is full, in a mount namespace of its own.
fn with_small_file_system(size: &str, fill: impl FnOnce(&mut String)) {
    if !requires::root() || !requires::program("unshare") {
        return;
    }
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("mnt")).expect("mkdir");
    let mut commands = format!("mount -t tmpfs -o {size} tmpfs mnt || exit 99\n");
    fill(&mut commands);
    commands.push_str(
        "\"$0\" -d; status=$?; ls mnt >left; rm mnt/full; \"$0\" -d || exit 98; exit $status",
    );
    let unshare = requires::find("unshare").expect("unshare");
    let launch = scratch
        .start_path(&unshare)
        .args(["-m", "--propagation", "private", "sh", "-c", &commands])
        .arg(support::program::path("report"))
        .env("TEST_REPORT", scratch.path("report.json"))
        .options("pid=mnt/report.pid\nlog=report.log")
        .does("report stay")
        .run();
    assert_eq!(launch.code(), 73, "{size}: {launch:?}");
    expect_one_line(&launch, &["mnt/report.pid", "No space left on device"]);
    assert_eq!(scratch.read("left"), "full\n", "no file of ours");
}

#[test]
fn a_read_only_file_system_is_a_refusal() {
    if !requires::root() || !requires::program("unshare") {
        return;
    }
    for prepare in ["", "echo 1 >mnt/report.pid;"] {
        let scratch = Scratch::new();
        fs::create_dir(scratch.path("mnt")).expect("mkdir");
        let commands = format!(
            "mount -t tmpfs tmpfs mnt || exit 99; {prepare} mount -o remount,ro mnt; \"$0\" -d"
        );
        let unshare = requires::find("unshare").expect("unshare");
        let launch = scratch
            .start_path(&unshare)
            .args(["-m", "--propagation", "private", "sh", "-c", &commands])
            .arg(support::program::path("report"))
            .options("pid=mnt/report.pid")
            .does("stay")
            .run();
        scratch.expect_refusal(&launch, 73, &["mnt/report.pid", "Read-only file system"]);
    }
}

#[test]
fn a_daemon_that_the_file_names_is_the_one_that_holds_the_lock() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background());
    let [holder] = lock::holders(&daemon.pid_file)[..] else {
        unreachable!("`up` has seen one holder");
    };
    assert_eq!(holder, daemon.pid());
    assert!(Process::open(holder).is_some_and(|holder| holder.is_alive()));
    assert_eq!(
        process::status_field(holder, "Tgid"),
        Some(holder.to_string())
    );
}
