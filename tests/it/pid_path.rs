//! The path of the PID file: what may be there, how it is written, and full file systems.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, Permissions};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use nix::sys::resource::Resource;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::control::stage::OPTIONS as CONTROLLED;
use crate::support::daemon::expect_one_line;
use crate::support::fingerprint::Fingerprint;
use crate::support::lock::PID_MODE;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::users::UNPRIVILEGED;

fn metadata(scratch: &Scratch, name: &str) -> Metadata {
    fs::symlink_metadata(scratch.path(name)).expect("a file")
}

/// A link is refused before its target is opened.
const LINK: &str = ": it is a symbolic link\n";

#[test]
fn special_file_is_refused_at_once() {
    let scratch = Scratch::new();
    let pid = scratch.path("report.pid");
    let victim = scratch.write("victim", "precious\n");
    let before = Fingerprint::of(&victim);
    let makers: [(&str, &dyn Fn()); 6] = [
        ("Is a directory", &|| fs::create_dir(&pid).expect("mkdir")),
        ("not a regular file", &|| {
            mkfifo(&pid, Mode::S_IRWXU).expect("mkfifo");
        }),
        ("not a regular file", &|| {
            drop(UnixListener::bind(&pid).expect("bind"));
        }),
        (LINK, &|| symlink(&victim, &pid).expect("symlink")),
        (LINK, &|| {
            symlink(scratch.path("target"), &pid).expect("symlink");
        }),
        (LINK, &|| symlink(&pid, &pid).expect("symlink")),
    ];
    for (reason, make) in makers {
        make();
        let kind = metadata(&scratch, "report.pid").file_type();
        let launch = scratch.background().run();
        scratch.expect_refusal(&launch, 73, &["PID file", "report.pid", reason]);
        assert_eq!(
            metadata(&scratch, "report.pid").file_type(),
            kind,
            "{reason}"
        );
        let removed = fs::remove_file(&pid).or_else(|_| fs::remove_dir(&pid));
        removed.expect("clean up");
    }
    assert_eq!(Fingerprint::of(&victim), before);
    assert!(!scratch.path("target").exists());
    for device in ["/dev/null", "/dev/zero"] {
        let options = format!("pid={device}");
        let launch = scratch.background().options(options).run();
        scratch.expect_refusal(&launch, 73, &[device, "not a regular file"]);
    }
}

#[test]
fn lease_on_the_file_is_not_waited_for() {
    /// `F_SETSIG` of Linux, which `libc` does not have.
    const SET_SIGNAL: libc::c_int = 10;
    let scratch = Scratch::new();
    let holder = File::create(scratch.path("report.pid")).expect("a file");
    let set = |what, value: libc::c_int| {
        // SAFETY: the call takes integers, and the file is open.
        unsafe { libc::fcntl(holder.as_raw_fd(), what, value) }
    };
    // The signal to return the lease does nothing here; the lease would break after 45 seconds.
    assert_eq!(set(SET_SIGNAL, libc::SIGURG), 0);
    assert_eq!(set(libc::F_SETLEASE, libc::F_WRLCK), 0, "a lease");
    let launch = scratch.background().run();
    let words = ["PID file", "Resource temporarily unavailable"];
    scratch.expect_refusal(&launch, 73, &words);
}

#[test]
fn two_names_of_one_file_share_the_lock() {
    let scratch = Scratch::new();
    scratch.up(scratch.background());
    symlink(scratch.dir(), scratch.path("same")).expect("symlink");
    fs::hard_link(scratch.path("report.pid"), scratch.path("other.pid")).expect("link");
    for name in ["same/report.pid", "other.pid"] {
        let launch = scratch.background().options(format!("pid={name}")).run();
        assert_eq!(launch.code(), 69, "{launch:?}");
    }
}

#[test]
fn same_file_for_pid_and_log_is_refused() {
    let scratch = Scratch::new();
    let launch = scratch.background().options("pid=same\nlog=same").run();
    scratch.expect_refusal(&launch, 78, &["same"]);

    // Neither is there yet, and they have different names.
    fs::create_dir(scratch.path("below")).expect("mkdir");
    symlink("report.pid", scratch.path("link")).expect("symlink");
    for log in ["below/../report.pid", "link"] {
        let options = format!("pid=report.pid\nlog={log}");
        let launch = scratch.background().options(options).run();
        scratch.expect_refusal(&launch, 78, &["the PID file too"]);
        assert!(!scratch.path("report.pid").exists());
    }

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
fn new_file_ignores_the_umask() {
    for mask in [0o000, 0o022, 0o777] {
        let scratch = Scratch::new();
        let start = scratch.background().does("stay").umask(mask);
        scratch.up(start);
        assert_eq!(metadata(&scratch, "report.pid").mode() & 0o7777, PID_MODE);
        assert_eq!(metadata(&scratch, "report.log").mode() & 0o7777, 0o640);
    }
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\npid_mode=600\nlog_mode=604";
    scratch.up(scratch.background().options(options).umask(0o077));
    assert_eq!(metadata(&scratch, "report.pid").mode() & 0o7777, 0o600);
    assert_eq!(metadata(&scratch, "report.log").mode() & 0o7777, 0o604);
}

#[test]
fn stale_file_is_replaced() {
    let scratch = Scratch::new();
    let path = scratch.write("report.pid", "1\n");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("chmod");
    // A second name of it does not matter, because nothing is written to it.
    fs::hard_link(&path, scratch.path("other")).expect("link");
    let daemon = scratch.up(scratch.background());
    assert_eq!(metadata(&scratch, "report.pid").mode() & 0o7777, PID_MODE);
    assert_eq!(metadata(&scratch, "report.pid").nlink(), 1);
    assert_eq!(scratch.read("other"), "1\n");
    daemon.stop();
    scratch.up(scratch.background());
}

#[test]
fn path_may_be_non_utf_8_or_hold_a_newline() {
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
fn too_long_path_is_refused() {
    let scratch = Scratch::new();
    for path in ["x".repeat(256), "x/".repeat(2048) + "report.pid"] {
        let launch = scratch.background().options(format!("pid={path}")).run();
        scratch.expect_refusal(&launch, 73, &["File name too long"]);
    }
}

#[test]
fn relative_path_is_resolved_once() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("run")).expect("mkdir");
    let options = "pid=run/../run/report.pid\nworkdir=/";
    let launch = scratch.background().options(options).run();
    let daemon = scratch.daemon_of(launch, "run/report.pid");
    daemon.report();
    daemon.stop();
    assert_eq!(scratch.read("run/report.pid"), "", "found again at the end");
}

#[test]
fn file_size_limit_is_a_refusal() {
    let scratch = Scratch::new();
    let launch = scratch.background().limit(Resource::RLIMIT_FSIZE, 0).run();
    scratch.expect_refusal(&launch, 73, &["report.pid", "File too large"]);
    assert_ne!(scratch.read("report.pid"), format!("{}\n", launch.pid));
    scratch.up(scratch.background());

    // There the program itself writes the pid.
    let foreground = scratch.report().options("pid=own.pid\npid_in_foreground=1");
    let outcome = foreground.limit(Resource::RLIMIT_FSIZE, 0).run();
    assert_eq!(outcome.code(), 73, "{outcome:?}");
    expect_one_line(&outcome, &["own.pid", "File too large"]);
}

#[test]
fn full_disk_is_a_refusal_and_leaves_nothing() {
    with_small_file_system("size=4k", |commands| {
        commands.push_str("dd if=/dev/zero of=mnt/full bs=4k count=1 2>/dev/null\n");
    });
    with_small_file_system("nr_inodes=2", |commands| {
        commands.push_str("touch mnt/full\n");
    });
}

/// Starts with its PID file on a full file system, in a new mount namespace.
fn with_small_file_system(size: &str, fill: impl FnOnce(&mut String)) {
    requires!(namespaces);
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("mnt")).expect("mkdir");
    let mut commands = format!("mount -t tmpfs -o {size} tmpfs mnt || exit 99\n");
    fill(&mut commands);
    commands.push_str(
        "\"$0\" -d; status=$?; ls mnt >left; rm mnt/full; \"$0\" -d || exit 98; exit $status",
    );
    let launch = scratch
        .in_namespaces(&["-m"], &commands)
        .options("pid=mnt/report.pid\nlog=report.log")
        .does("report stay")
        .run();
    assert_eq!(launch.code(), 73, "{size}: {launch:?}");
    expect_one_line(&launch, &["mnt/report.pid", "No space left on device"]);
    assert_eq!(scratch.read("left"), "full\n", "no file of ours");
}

#[test]
fn read_only_file_system_is_a_refusal() {
    requires!(namespaces);
    for prepare in ["", "echo 1 >mnt/report.pid;"] {
        let scratch = Scratch::new();
        fs::create_dir(scratch.path("mnt")).expect("mkdir");
        let commands = format!(
            "mount -t tmpfs tmpfs mnt || exit 99; {prepare} mount -o remount,ro mnt; \"$0\" -d"
        );
        let launch = scratch
            .in_namespaces(&["-m"], &commands)
            .options("pid=mnt/report.pid")
            .does("stay")
            .run();
        scratch.expect_refusal(&launch, 73, &["mnt/report.pid", "Read-only file system"]);
    }
}

#[test]
fn path_with_a_nul_byte_is_refused() {
    let scratch = Scratch::new();
    let name = OsStr::from_bytes(b"two\nlines.pid");
    let start = scratch.background().options("pid_flag=--pid-file");
    let launch = start.arg("--pid-file").arg(name).run();
    let daemon = scratch.daemon_of(launch, name);
    let second = scratch.background().options("pid_flag=--pid-file");
    let second = second.arg("--pid-file").arg(name).run();
    assert_eq!(second.code(), 69);
    expect_one_line(&second, &[&format!("pid {}", daemon.pid())]);
    // No argument can hold one; an option of the program can.
    let launch = scratch.background().options("pid_and_nul=other.pid").run();
    assert_eq!(launch.code(), 78, "{launch:?}");
    expect_one_line(&launch, &["must not contain a NUL byte"]);
}

#[test]
fn umask_777_does_not_block_the_next_start() {
    requires!(users);
    let scratch = Scratch::new();
    scratch.directory_of(UNPRIVILEGED, "own");
    let options = CONTROLLED.replace("report.", "own/report.");
    for mask in [0o777, 0o000] {
        for _ in 0..2 {
            let start = scratch
                .report_as(UNPRIVILEGED)
                .options(&options)
                .does("hang");
            let start = start.umask(mask);
            let daemon = scratch.daemon_of(start.arg("-d").run(), "own/report.pid");
            let mode = |name| fs::metadata(scratch.path(name)).expect("a file").mode() & 0o7777;
            assert_eq!(mode("own/report.pid"), PID_MODE);
            assert_eq!(mode("own/report.log"), 0o640);
            let stop = scratch.report_as(UNPRIVILEGED).options(&options);
            assert_eq!(stop.args(["-s", "stop"]).run().code(), 0);
            assert!(!daemon.process.is_alive());
        }
    }
}
