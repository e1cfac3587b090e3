//! Two starts at once, and a file that changes under them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::scratch::Scratch;
use crate::support::trace::{self, Action, Role};
use crate::support::users::{HELLO, NOBODY};
use crate::support::{process, requires, users};

#[test]
fn a_file_that_is_replaced_whenever_it_was_opened_is_given_up_in_the_end() {
    let scratch = Scratch::new();
    let pid_file = scratch.path("report.pid");
    let mut replaced = 0;
    let launch = trace::run(scratch.background(), |stop| {
        if stop.role == Role::Launcher && process::has_open(stop.pid, &pid_file) {
            let new = scratch.write("new", "");
            fs::rename(new, &pid_file).expect("replace the PID file");
            replaced += 1;
        }
        Action::Go
    });
    scratch.expect_refusal(&launch, 73, &["PID file", "keeps replacing it"]);
    assert!((10..=50).contains(&replaced), "{replaced} times");
    scratch.expect_order();
}

#[test]
fn another_user_with_the_same_path_gets_no_second_daemon() {
    if !users::available() || !requires::program("setpriv") {
        return;
    }
    let scratch = Scratch::new();
    // Shared, as `/tmp` is.
    let place = scratch.directory_of(0, "place");
    fs::set_permissions(place, fs::Permissions::from_mode(0o1777)).expect("chmod");
    let start = |uid| {
        let options = "pid=place/report.pid\nready=exec";
        let start = scratch.as_user(uid).arg("-d").options(options);
        start.does("hang").run()
    };
    let daemon = scratch.daemon_of(start(HELLO), "place/report.pid");
    let second = start(NOBODY);
    assert_eq!(second.code(), 73, "{second:?}");
    assert!(second.err_text().contains("Permission denied"));
    assert_eq!(scratch.processes(), [daemon.pid()]);
    assert_eq!(start(HELLO).code(), 69);
}
