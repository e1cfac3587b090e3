//! The directory of the next daemon: that in which the old one is, where its user may choose that.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{OPTIONS, expect_failure};
use crate::support::deadline::eventually;
use crate::support::outcome::Outcome;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::users::UNPRIVILEGED;

/// The next daemon has root's rights, until it drops them too.
#[test]
fn restart_takes_no_directory_from_a_daemon_that_has_dropped_its_rights() {
    requires!(linux("the directory of a process"), users);
    let scratch = Scratch::new();
    let chosen = scratch.path("chosen");
    fs::create_dir(&chosen).expect("mkdir");
    for directory in [scratch.dir(), &*chosen] {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("chmod");
    }
    let options = scratch.absolute_options();
    let start = scratch.background().options(&*options);
    let steps = format!("drop:nobody enter:{} stay", chosen.display());
    let daemon = scratch.up(start.cwd(Path::new("/")).does(&steps));
    let there = format!("/proc/{}/cwd", daemon.pid());
    eventually("the daemon has chosen a directory", || {
        (fs::read_link(&there).ok()? == chosen).then_some(())
    });

    let restart = scratch.report().options(&*options).does("report stay");
    let new = scratch.daemon_of(restart.arg("-srestart").run(), "report.pid");
    let report = new.report();
    assert_eq!(
        report.cwd,
        scratch.dir().to_str().expect("a path").as_bytes()
    );
}

/// As after `su hello -c "hello -d"` in the directory of root.
#[test]
fn restart_in_a_directory_that_cannot_be_entered() {
    requires!(linux("the arguments of a process"), users);
    let scratch = Scratch::new();
    let own = scratch.directory_of(UNPRIVILEGED, "own");
    let closed = scratch.directory_with_mode(0o700, "own/closed");
    let options = OPTIONS.replace("=report", &format!("={}/report", own.display()));
    let hello = |words: &[&str]| {
        let start = scratch.report_as(UNPRIVILEGED).options(&*options);
        start.args(words).cwd(&closed).does("hang")
    };
    scratch.daemon_of(hello(&["-d", "word"]).run(), "own/report.pid");
    let daemon = scratch.daemon_of(hello(&["-s", "restart"]).run(), "own/report.pid");
    let of_daemon = |name: &str| format!("/proc/{}/{name}", daemon.pid());
    let cwd = fs::read_link(of_daemon("cwd")).expect("its directory");
    assert_eq!(cwd, closed);
    let words = fs::read(of_daemon("cmdline")).expect("its arguments");
    assert!(words.ends_with(b"\0word\0"), "{words:?}");

    let elsewhere = hello(&["-s", "restart"]).cwd(&own);
    let reason = "cannot be entered; repeat its arguments, or stop and start it";
    expect_failure(&elsewhere.run(), 64, &[reason]);
    assert!(daemon.process.is_alive());
}

/// As after `hello -d` in the home directory of root.
#[test]
fn restart_in_a_directory_that_the_user_of_the_daemon_may_not_enter() {
    requires!(linux("the arguments of a process"), users);
    for more in ["", "\nrestart=always"] {
        let scratch = Scratch::new();
        let closed = scratch.directory_with_mode(0o700, "closed");
        let options = scratch.absolute_options();
        let options = format!("{options}\nuser=nobody{more}");
        let hello = |words: &[&str], cwd: &Path, steps: &str| {
            let start = scratch.report().options(&*options).args(words);
            start.cwd(cwd).does(steps).run()
        };
        let expect_in = |outcome: Outcome, directory: &Path| {
            assert_eq!(outcome.code(), 0, "{outcome:?}");
            let there = format!("/proc/{}/cwd", scratch.read("report.pid").trim());
            eventually("the daemon is in its directory", || {
                (fs::read_link(&there).ok()? == directory).then_some(())
            });
        };
        expect_in(hello(&["-d", "word"], &closed, "hang"), &closed);
        expect_in(hello(&["-s", "restart"], &closed, "hang"), &closed);
        let pid = scratch.read("report.pid");
        let elsewhere = hello(&["-s", "restart"], scratch.dir(), "hang");
        let reason = "cannot be entered; repeat its arguments, or stop and start it";
        expect_failure(&elsewhere, 64, &[reason]);
        assert_eq!(scratch.read("report.pid"), pid);

        // Where the daemon has gone to another one, that is left.
        let root = Path::new("/");
        let leaves = hello(&["-s", "restart"], &closed, "enter:/ ready hang");
        expect_in(leaves, root);
        expect_in(hello(&["-s", "restart"], scratch.dir(), "ready hang"), root);
        assert_eq!(hello(&["-s", "stop"], root, "").code(), 0);
    }
}
