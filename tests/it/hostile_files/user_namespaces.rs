//! User namespaces: users of the machine with other uids, or with none.

use std::fs;

use super::stage::{give, place};
use crate::support::deadline::eventually;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::users::{HELLO, UNPRIVILEGED};

#[test]
fn namespace_root_uses_its_own_directory() {
    requires!(users);
    let scratch = Scratch::new();
    place(&scratch, UNPRIVILEGED, 0o755);
    let start = |options: &str| {
        scratch
            .start_path(&scratch.reachable())
            .arg("-d")
            .under(&["unshare", "-U", "-r"])
            .user(UNPRIVILEGED)
            .options(options.to_owned())
            .does("stay")
    };
    // The directories above belong to a user that does not exist there: root of the machine.
    let launch = start("pid=place/report.pid\nlog=place/report.log").run();
    scratch.daemon_of(launch, "place/report.pid");
    let start = start("pid=place/other.pid\nlog=place/other.log\nuser=root");
    scratch.daemon_of(start.run(), "place/other.pid");
}

/// Every other user of the machine is unknown there, as root of the machine is.
#[test]
fn file_of_an_unknown_user_in_a_shared_directory_is_refused() {
    requires!(users);
    let scratch = Scratch::new();
    place(&scratch, 0, 0o1777);
    for (option, name, object) in [
        ("pid", "place/report.pid", "PID file"),
        ("log", "place/report.log", "log"),
    ] {
        give(&scratch.write(name, ""), HELLO, 0o666);
        let start = scratch.start_path(&scratch.reachable()).arg("-d");
        let start = start.under(&["unshare", "-U", "-r"]).user(UNPRIVILEGED);
        let launch = start.options(format!("{option}={name}")).does("stay").run();
        scratch.expect_refusal(&launch, 78, &[object, "it belongs to user 65534"]);
    }
}

/// Fault 216: `ProcSubset=pid` of systemd hides `/proc/sys`.
#[test]
fn hidden_proc_sys_does_not_refuse_unmapped_owners() {
    requires!(users, program("unshare"));
    let scratch = Scratch::new();
    place(&scratch, UNPRIVILEGED, 0o755);
    let script = "mount -t proc -o subset=pid proc /proc && \"$0\" \"$@\"; exit $?";
    let launch = scratch
        .start_path(&scratch.reachable())
        .arg("-d")
        .under(&["unshare", "-U", "-r", "-m", "-p", "-f", "sh", "-c", script])
        .user(UNPRIVILEGED)
        .options("pid=place/report.pid\nlog=place/report.log\nready=exec")
        .does("say:hello")
        .run();
    let is_mounted = !launch.err_text().starts_with("mount:");
    requires!(machine(is_mounted, "a mount of /proc"));
    assert_eq!(launch.code(), 0, "{launch:?}");
}

#[test]
fn mapped_overflow_uid_is_another_user() {
    requires!(users);
    let scratch = Scratch::new();
    // This uid also stands for all users that a namespace does not map.
    place(&scratch, UNPRIVILEGED, 0o755);
    let script = "until grep -q . /proc/$$/uid_map; do sleep 0.01; done; exec \"$0\" -d";
    let launch = scratch
        .start("report")
        .under(&["unshare", "-U", "sh", "-c", script])
        .options("pid=place/report.pid")
        .does("stay")
        .spawn();
    let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/user")).ok();
    let pid = launch.pid().to_string();
    eventually("it is in its namespace", || {
        (namespace(&pid) != namespace("self")).then_some(())
    });
    for map in ["gid_map", "uid_map"] {
        fs::write(format!("/proc/{pid}/{map}"), "0 0 4294967295\n").expect("map everyone");
    }
    scratch.expect_refusal(&launch.wait(), 78, &["place", "user 65534"]);
}
