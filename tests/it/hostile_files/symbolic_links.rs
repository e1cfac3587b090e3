//! Symbolic links under the name of the file and on the way to it.

use crate::support::requires;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, lchown, symlink};

use super::stage::{Root, Unprivileged, VICTIM, expect_each_refused, give, names, place, state};
use crate::support::scratch::Scratch;
use crate::support::users::{HELLO, UNPRIVILEGED};

#[test]
fn link_of_another_user_is_not_followed() {
    requires!(users);
    for starter in [Root, Unprivileged] {
        let scratch = Scratch::new();
        // The attacker's own directory for an ordinary user, a sticky one for root.
        let (owner, mode) = if starter == Root {
            (0, 0o1777)
        } else {
            (HELLO, 0o755)
        };
        place(&scratch, owner, mode);
        let victim = scratch.write("victim", VICTIM);
        give(&victim, starter.uid(), 0o644);
        let before = state(&victim);
        for (target, name) in [
            (&victim, "an existing file"),
            (&scratch.path("new"), "none"),
        ] {
            for link in names(&scratch) {
                symlink(target, &link).expect("symlink");
                lchown(&link, Some(HELLO), Some(HELLO)).expect("lchown");
            }
            expect_each_refused(&scratch, starter, 73, &["symbolic link"]);
            for link in names(&scratch) {
                assert!(link.is_symlink(), "{name}");
                fs::remove_file(link).expect("the link");
            }
        }
        assert_eq!(state(&victim), before);
        assert!(!scratch.path("new").exists(), "nothing was made");
    }
}

#[test]
fn own_link_in_a_foreign_directory_is_not_followed() {
    requires!(users);
    let scratch = Scratch::new();
    place(&scratch, HELLO, 0o755);
    let target = scratch.write("target", VICTIM);
    give(&target, UNPRIVILEGED, 0o644);
    let link = scratch.path("place/report.log");
    symlink(&target, &link).expect("symlink");
    lchown(&link, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).expect("lchown");
    let launch = Unprivileged
        .start(&scratch)
        .options("log=place/report.log")
        .run();
    let words = ["log", "a symbolic link in a directory of user 4711"];
    scratch.expect_refusal(&launch, 73, &words);
}

#[test]
fn foreign_link_to_an_own_directory_is_not_followed() {
    requires!(users);
    let scratch = Scratch::new();
    let own = scratch.directory_of(UNPRIVILEGED, "own");
    let link = scratch.path("link");
    symlink(&own, &link).expect("symlink");
    lchown(&link, Some(HELLO), Some(HELLO)).expect("lchown");
    for option in ["pid_template", "log_template"] {
        let launch = Unprivileged
            .start(&scratch)
            .options(format!("{option}={{state_dir}}/report"))
            .env("XDG_STATE_HOME", &link)
            .run();
        scratch.expect_refusal(&launch, 78, &["symbolic link made by user 4711"]);
    }
    assert_eq!(fs::read_dir(own).expect("own").count(), 0);
}

#[test]
fn path_behind_a_link_is_checked() {
    requires!(users);
    let scratch = Scratch::new();
    place(&scratch, HELLO, 0o755);
    let target = scratch.write("place/report.log", VICTIM);
    symlink(&target, scratch.path("report.log")).expect("symlink");
    let launch = Root.start(&scratch).options("log=report.log").run();
    scratch.expect_refusal(&launch, 78, &["log", "user 4711 owns the directory"]);
}

#[test]
fn own_link_to_a_foreign_link_is_not_followed() {
    requires!(users);
    for starter in [Root, Unprivileged] {
        let scratch = Scratch::new();
        place(&scratch, starter.uid(), 0o755);
        let shared = scratch.directory_of(0, "shared");
        fs::set_permissions(&shared, Permissions::from_mode(0o1777)).expect("chmod");
        let victim = scratch.write("victim", VICTIM);
        give(&victim, starter.uid(), 0o644);
        let before = state(&victim);
        symlink(&victim, shared.join("link")).expect("symlink");
        lchown(shared.join("link"), Some(HELLO), Some(HELLO)).expect("lchown");
        let link = scratch.path("place/report.log");
        symlink("../shared/link", &link).expect("symlink");
        lchown(link, Some(starter.uid()), Some(starter.uid())).expect("lchown");
        let launch = starter.start(&scratch).options("log=place/report.log");
        let words = ["log", "shared/link", "a symbolic link made by user 4711"];
        scratch.expect_refusal(&launch.run(), 73, &words);
        assert_eq!(state(&victim), before);
    }
}

#[test]
fn root_refuses_a_path_through_a_foreign_link() {
    requires!(users);
    let scratch = Scratch::new();
    place(&scratch, 0, 0o1777);
    scratch.directory_of(0, "real");
    let victim = scratch.write("real/report.log", VICTIM);
    symlink("../real", scratch.path("place/link")).expect("symlink");
    lchown(scratch.path("place/link"), Some(HELLO), Some(HELLO)).expect("lchown");
    symlink("place/link/report.log", scratch.path("report.log")).expect("symlink");
    let launch = Root.start(&scratch).options("log=report.log").run();
    scratch.expect_refusal(&launch, 78, &["log", "place/link", "user 4711"]);
    assert_eq!(fs::read_to_string(victim).expect("the victim"), VICTIM);
}

#[test]
fn pid_file_is_never_a_symbolic_link() {
    let scratch = Scratch::new();
    let victim = scratch.write("victim", VICTIM);
    symlink(&victim, scratch.path("report.pid")).expect("symlink");
    let launch = scratch.background().run();
    let words = ["open the PID file", ": it is a symbolic link\n"];
    scratch.expect_refusal(&launch, 73, &words);
    assert_eq!(fs::read_to_string(victim).expect("the victim"), VICTIM);
}

#[test]
fn root_refuses_a_directory_behind_a_foreign_link() {
    requires!(users);
    let scratch = Scratch::new();
    place(&scratch, 0, 0o1777);
    fs::create_dir(scratch.path("real")).expect("mkdir");
    let link = scratch.path("place/link");
    symlink("../real", &link).expect("symlink");
    let launch = |option: &str| Root.start(&scratch).options(option.to_owned()).run();
    // Root's own is followed, as `/var/run` is.
    let daemon = scratch.daemon_of(launch("pid=place/link/report.pid"), "real/report.pid");
    daemon.stop();
    scratch.expect_nothing_left();
    fs::remove_file(scratch.path("real/report.pid")).expect("the emptied file");
    lchown(&link, Some(HELLO), Some(HELLO)).expect("lchown");
    for option in ["pid=place/link/report.pid", "log=place/link/report.log"] {
        let words = ["place/link", "user 4711"];
        scratch.expect_refusal(&launch(option), 78, &words);
    }
    assert_eq!(fs::read_dir(scratch.path("real")).expect("real").count(), 0);
}

#[test]
fn circular_links_are_refused() {
    let scratch = Scratch::new();
    symlink("circle", scratch.path("circle")).expect("symlink");
    for (option, object) in [
        ("pid=circle/report.pid", "PID file"),
        ("log=circle/report.log", "log"),
    ] {
        let launch = scratch.background().options(option).run();
        // It is the way that the system cannot go, not the file that is a link.
        let words = [object, "Too many levels of symbolic links"];
        scratch.expect_refusal(&launch, 73, &words);
    }
}
