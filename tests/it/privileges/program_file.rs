//! The file of the program: users that could replace it, and the privileges that it gives.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use nix::unistd::chown;

use super::stage::{expect_ids, scratch, up};
use crate::support::daemon::expect_one_line;
use crate::support::process::status_field;
use crate::support::scratch::Scratch;
use crate::support::users::{AS_UNPRIVILEGED, CREW, HELLO, UNPRIVILEGED};
use crate::support::{program, requires};

#[test]
fn replaceable_program_is_a_warning() {
    requires!(users);
    let options = "pid=report.pid\nlog=report.log\nuser=hello";
    // The owner, the group and the mode of the file, and those of its directory.
    let safe = (0, 0, 0o755);
    for (file, directory, is_replaceable) in [
        (safe, safe, false),
        ((HELLO, 0, 0o755), safe, true),
        (safe, (HELLO, 0, 0o755), true),
        ((0, CREW, 0o775), safe, true),
        ((0, 4, 0o775), safe, false),
        ((0, CREW, 0o755), safe, false),
        ((0, 0, 0o757), safe, true),
        (safe, (0, CREW, 0o775), true),
        (safe, (0, 4, 0o775), false),
        (safe, (0, 0, 0o777), true),
        // There only its owner can remove a file.
        (safe, (0, CREW, 0o1777), false),
    ] {
        let scratch = scratch();
        let bin = scratch.directory_of(0, "bin");
        let copy = scratch.copy_program(&program::path("report"), "bin/report");
        for (path, (owner, group, mode)) in [(&copy, file), (&bin, directory)] {
            chown(path, Some(owner.into()), Some(group.into())).expect("chown");
            fs::set_permissions(path, Permissions::from_mode(mode)).expect("chmod");
        }
        let start = scratch.among_users(&copy, &[]).arg("-d");
        let (daemon, _) = up(&scratch, start.options(options));
        if is_replaceable {
            expect_one_line(&daemon.launch, &["user hello", "bin/report"]);
        } else {
            let said = daemon.launch.err_text();
            assert_eq!(said, "", "{file:?} {directory:?}");
        }
    }
}

/// The user could put another directory in the place of `bin`.
#[test]
fn program_below_a_directory_of_the_user_is_a_warning() {
    requires!(users);
    let scratch = scratch();
    scratch.directory_of(HELLO, "home");
    scratch.directory_of(0, "home/bin");
    let copy = scratch.copy_program(&program::path("report"), "home/bin/report");
    let start = scratch.among_users(&copy, &[]).arg("-d");
    let start = start.options("pid=report.pid\nlog=report.log\nuser=hello");
    let (daemon, _) = up(&scratch, start);
    expect_one_line(&daemon.launch, &["user hello", "home/bin/report"]);
}

#[test]
fn root_of_another_group_is_no_warning() {
    requires!(users);
    let scratch = scratch();
    scratch.directory_of(0, "bin");
    let copy = scratch.copy_program(&program::path("report"), "bin/report");
    let start = scratch.among_users(&copy, &[]).arg("-d");
    let start = start.options(format!("pid=report.pid\nlog=report.log\ngroup={CREW}"));
    let (daemon, report) = up(&scratch, start);
    expect_ids(&report, 0, CREW, &[4, CREW]);
    assert_eq!(daemon.launch.err_text(), "");
}

#[test]
fn set_gid_program_is_refused() {
    requires!(users);
    let scratch = Scratch::new();
    let copy = scratch.copy_program(&program::path("report"), "report");
    chown(&copy, None, Some(CREW.into())).expect("chown");
    fs::set_permissions(&copy, Permissions::from_mode(0o2755)).expect("chmod");
    let start = scratch.start_path(&copy).arg("-d");
    let launch = start.options("pid=report.pid").does("stay").run();
    scratch.expect_refusal(&launch, 77, &["set-gid"]);
    assert!(!scratch.path("report.pid").exists());
}

#[test]
fn file_capabilities_distrust_the_environment() {
    requires!(linux("file capabilities"), users, program("setcap"));
    let scratch = Scratch::new();
    scratch.directory_of(UNPRIVILEGED, "out");
    scratch.directory_of(UNPRIVILEGED, "home");
    scratch.directory_of(UNPRIVILEGED, "planted");
    let copy = scratch.copy_program(&program::path("report"), "report");
    let setcap = requires::find("setcap").expect("setcap");
    let grant = scratch.start_path(&setcap).arg("cap_net_bind_service=ep");
    assert_eq!(grant.arg(&copy).run().code(), 0, "setcap");
    let planted = scratch.path("planted");
    let launch = scratch
        .among_users(&copy, &AS_UNPRIVILEGED)
        .arg("-d")
        .env("HOME", &planted)
        .env("XDG_RUNTIME_DIR", &planted)
        .env("XDG_STATE_HOME", &planted)
        .options("pid_template={pid_dir}/report.pid\nlog_template={home}/report.log")
        .run();
    // The user database is trusted.
    let daemon = scratch.daemon_of(launch, "home/.local/state/report.pid");
    assert!(scratch.path("home/report.log").exists());
    assert_eq!(fs::read_dir(&planted).expect("planted").count(), 0);
    // As after a fresh exec.
    let capabilities = status_field(daemon.pid(), "CapEff").expect("a set");
    assert_eq!(u64::from_str_radix(&capabilities, 16), Ok(1 << 10));
}
