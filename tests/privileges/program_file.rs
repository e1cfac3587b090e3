//! The file of the program: who could replace it, and what rights it gives.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use nix::unistd::chown;

use super::stage::{scratch, up};
use crate::support::daemon::expect_one_line;
use crate::support::process::status_field;
use crate::support::scratch::Scratch;
use crate::support::users::{self, CREW, HELLO, NOBODY};
use crate::support::{program, requires};

#[test]
fn a_program_that_the_user_could_replace_is_a_warning() {
    if !users::available() {
        return;
    }
    let options = "pid=report.pid\nlog=report.log\nuser=hello";
    for (of_file, of_directory) in [(0, 0), (HELLO, 0), (0, HELLO)] {
        let scratch = scratch();
        scratch.directory_of(of_directory, "bin");
        let copy = scratch.copy_program(&program::path("report"), "bin/report");
        chown(&copy, Some(of_file.into()), None).expect("chown");
        let start = scratch.among_users(&copy, &[]).arg("-d");
        let (daemon, _) = up(&scratch, start.options(options));
        if (of_file, of_directory) == (0, 0) {
            assert_eq!(daemon.launch.err_text(), "");
        } else {
            expect_one_line(&daemon.launch, &["user hello", "bin/report"]);
        }
    }
}

#[test]
fn a_set_gid_program_is_refused() {
    if !users::available() {
        return;
    }
    let scratch = Scratch::new();
    let copy = scratch.copy_program(&program::path("report"), "report");
    chown(&copy, None, Some(CREW.into())).expect("chown");
    fs::set_permissions(&copy, Permissions::from_mode(0o2755)).expect("chmod");
    let start = scratch.start_path(&copy).arg("-d");
    let launch = start.options("pid=report.pid").does("stay").run();
    scratch.expect_refusal(&launch, 77, &["set-gid"]);
    assert!(!scratch.path("report.pid").exists());
}

#[cfg_attr(daemon_fork, ignore = "there are no file capabilities there")]
#[test]
fn a_program_with_file_capabilities_does_not_believe_the_environment() {
    if !users::available() || !requires::program("setcap") {
        return;
    }
    let scratch = Scratch::new();
    scratch.directory_of(NOBODY, "out");
    scratch.directory_of(NOBODY, "home");
    scratch.directory_of(NOBODY, "planted");
    let copy = scratch.copy_program(&program::path("report"), "report");
    let setcap = requires::find("setcap").expect("setcap");
    let grant = scratch.start_path(&setcap).arg("cap_net_bind_service=ep");
    assert_eq!(grant.arg(&copy).run().code(), 0, "setcap");
    let setpriv = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let planted = scratch.path("planted");
    let launch = scratch
        .among_users(&copy, &setpriv)
        .arg("-d")
        .env("HOME", &planted)
        .env("XDG_RUNTIME_DIR", &planted)
        .env("XDG_STATE_HOME", &planted)
        .options("pid_template={runtime_dir}/report.pid\nlog_template={home}/report.log")
        .run();
    // What the user database says is believed.
    let daemon = scratch.daemon_of(launch, "home/.local/state/report.pid");
    assert!(scratch.path("home/report.log").exists());
    assert_eq!(fs::read_dir(&planted).expect("planted").count(), 0);
    // As after a fresh exec.
    let capabilities = status_field(daemon.pid(), "CapEff").expect("a set");
    assert_eq!(u64::from_str_radix(&capabilities, 16), Ok(1 << 10));
}
