//! Where the PID file cannot be replaced, and where the kernel lacks the locks.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use nix::unistd::{Gid, Uid};

use crate::control::stage::{OPTIONS as CONTROLLED, as_nobody, expect_answer};
use crate::support::daemon::expect_one_line;
use crate::support::scratch::Scratch;
use crate::support::users::UNPRIVILEGED;
use crate::support::{lock, requires};

/// A directory without write permission for an unprivileged user, with a file of that user.
fn read_only_place() -> Scratch {
    let scratch = Scratch::new();
    fs::set_permissions(scratch.dir(), fs::Permissions::from_mode(0o755)).expect("chmod");
    for name in ["report.pid", "report.log"] {
        let path = scratch.write(name, "5000000\n");
        let (user, group) = (Uid::from_raw(UNPRIVILEGED), Gid::from_raw(UNPRIVILEGED));
        chown(path, Some(user.as_raw()), Some(group.as_raw())).expect("chown");
    }
    scratch
}

#[test]
fn read_only_directory_locks_in_place() {
    requires!(root);
    let scratch = read_only_place();
    let launch = as_nobody(scratch.controlled("hang")).run();
    let daemon = scratch.daemon_of(launch, "report.pid");
    let second = as_nobody(scratch.controlled("hang")).run();
    assert_eq!(second.code(), 69, "{second:?}");
    let stopped = format!("stopped, pid {}", daemon.pid());
    expect_answer(&as_nobody(scratch.verb("stop")).run(), 0, &stopped);
    // A start that fails leaves a file that means nothing.
    let options = CONTROLLED.replace("exec", "settled");
    // Without its exit handler, which empties the file too.
    let failing = scratch.background().options(options).does("raise:9");
    assert_eq!(as_nobody(failing).run().code(), 137);
    assert_eq!(scratch.read("report.pid"), "");
    assert_eq!(scratch.verb("status").run().code(), 3);
    let launch = as_nobody(scratch.controlled("hang")).run();
    scratch.daemon_of(launch, "report.pid");
    fs::remove_file(scratch.path("report.log")).expect("clean up");
}

#[test]
fn missing_file_in_read_only_directory_is_refused() {
    requires!(root);
    let scratch = read_only_place();
    fs::remove_file(scratch.path("report.pid")).expect("remove");
    let launch = as_nobody(scratch.controlled("hang")).run();
    assert_eq!(launch.code(), 73, "{launch:?}");
    expect_one_line(
        &launch,
        &["cannot create the PID file", "Permission denied"],
    );
    fs::remove_file(scratch.path("report.log")).expect("clean up");
}

/// Fault 264: without the bytes from 1 on a start would pass for up, and no verb would see its supervisor.
#[test]
fn read_lock_refuses_a_start_in_place() {
    requires!(root, linux("read locks"));
    let scratch = read_only_place();
    for hold in [lock::hold_for_reading, lock::hold_bring_up_for_reading] {
        let stranger = hold(&scratch.path("report.pid"));
        let launch = as_nobody(scratch.controlled("hang")).run();
        assert_eq!(launch.code(), 73, "{launch:?}");
        expect_one_line(&launch, &["holds a read lock"]);
        drop(stranger);
    }
    let launch = as_nobody(scratch.controlled("hang")).run();
    scratch.daemon_of(launch, "report.pid");
    fs::remove_file(scratch.path("report.log")).expect("clean up");
}

#[test]
fn mount_point_is_locked_in_place() {
    requires!(namespaces);
    let scratch = Scratch::new();
    scratch.write("report.pid", "");
    scratch.write("source", "5000000\n");
    let commands = "mount --bind source report.pid || exit 99\n\
                    $0 -d; echo $?; $0 -d 2>&-; echo $?\n\
                    $0 -s stop; $0 -s status; echo $?\n\
                    $0 -d; echo $?; $0 -s stop; ls";
    // A daemon that ends by the signal cannot empty the file.
    let outcome = scratch
        .in_namespaces(&["-m"], commands)
        .options(CONTROLLED.replace("exec", "notify"))
        .does("block:15 ready stay")
        .run();
    let text = outcome.out_text();
    assert!(text.starts_with("0\n69\n"), "{outcome:?}");
    assert!(text.contains("/report.pid)\n3\n0\n"), "{outcome:?}");
    assert!(!text.contains("report.pid.new"), "{outcome:?}");
}

#[test]
fn kernel_without_ofd_locks_gets_flock() {
    requires!(linux("open file description locks"));
    let scratch = Scratch::new();
    scratch.write("report.pid", "5000000\n");
    let launch = scratch.controlled("report stay").without_ofd_locks().run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    let pid = scratch.read("report.pid");
    let second = scratch.controlled("hang").without_ofd_locks().run();
    assert_eq!(second.code(), 69, "{second:?}");
    let running = format!("already running, pid {pid}");
    assert!(second.err_text().ends_with(&running), "{second:?}");
    let mode = fs::metadata(scratch.path("report.pid")).expect("the file");
    assert_eq!(
        mode.permissions().mode() & 0o7777,
        0o600,
        "no reader can lock it"
    );
    let status = scratch.verb("status").without_ofd_locks().run();
    assert_eq!(status.code(), 0, "{status:?}");
    let stop = scratch.verb("stop").without_ofd_locks().run();
    expect_answer(&stop, 0, &format!("stopped, pid {}", pid.trim()));
    assert!(!scratch.path("report.pid").exists());
}
