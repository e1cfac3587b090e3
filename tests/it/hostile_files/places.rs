//! Directories in which another user can replace the file.

use crate::support::requires;
use std::fs;
use std::os::unix::fs::symlink;

use super::stage::{Root, Unprivileged, VICTIM, expect_each_refused, place, state};
use crate::support::program;
use crate::support::scratch::Scratch;
use crate::support::users::HELLO;

#[test]
fn root_refuses_a_world_writable_directory() {
    requires!(users);
    let scratch = Scratch::new();
    place(&scratch, 0, 0o777);
    expect_each_refused(&scratch, Root, 78, &["any user can replace", "place"]);
    // The same further up in the path.
    fs::create_dir(scratch.path("place/below")).expect("mkdir");
    let launch = Root.start(&scratch).options("pid=place/below/report.pid");
    scratch.expect_refusal(&launch.run(), 78, &["any user can replace", "place"]);
    assert_eq!(
        fs::read_dir(scratch.path("place/below"))
            .expect("below")
            .count(),
        0
    );
    // An ordinary user decides that.
    let launch = Unprivileged
        .start(&scratch)
        .options("pid=place/report.pid")
        .run();
    scratch.daemon_of(launch, "place/report.pid");
}

#[test]
fn root_refuses_a_directory_of_another_user() {
    requires!(users);
    let scratch = Scratch::new();
    place(&scratch, HELLO, 0o755);
    expect_each_refused(
        &scratch,
        Root,
        78,
        &["user 4711 owns the directory", "place"],
    );
    let left = fs::read_dir(scratch.path("place")).expect("the directory");
    assert_eq!(left.count(), 0, "a file was created");
    fs::create_dir(scratch.path("place/below")).expect("mkdir");
    let launch = Root.start(&scratch).options("pid=place/below/report.pid");
    scratch.expect_refusal(&launch.run(), 78, &["user 4711 owns the directory"]);
}

#[test]
fn root_creates_nothing_below_another_user() {
    requires!(users);
    let scratch = Scratch::new();
    place(&scratch, HELLO, 0o755);
    // root's home directory in the user database.
    let home = "home=$(sed \"s,:/root:,:$PWD/place:,\" passwd) && echo \"$home\" >passwd";
    for option in ["pid_template", "log_template", "workdir_template"] {
        let place = scratch.path("place");
        let options = format!("{option}={}/{{name}}/file\nuser=hello", place.display());
        let launch = scratch
            .among_users(&program::path("report"), &[])
            .arg("-d")
            .options(options)
            .env("PREPARE", home)
            .run();
        scratch.expect_refusal(&launch, 78, &["place", "user 4711"]);
    }
    let place = fs::read_dir(scratch.path("place"));
    assert_eq!(place.expect("the place").count(), 0);
}

#[test]
fn log_directory_may_belong_to_the_daemon_user() {
    requires!(users);
    let scratch = Scratch::new();
    place(&scratch, HELLO, 0o755);
    let start = |options: &str| {
        let program = program::path("report");
        let start = scratch.among_users(&program, &[]).arg("-d");
        start.options(format!("{options}\nuser=hello")).does("stay")
    };
    let launch = start("pid=report.pid\nlog=place/report.log").run();
    assert_eq!(launch.err_text(), "");
    scratch.daemon_of(launch, "report.pid").stop();
    scratch.expect_nothing_left();
    // The daemon could forge a PID file there.
    let launch = start("pid=place/report.pid").run();
    scratch.expect_refusal(&launch, 78, &["PID file", "user 4711"]);
    // The daemon could replace the directory, and root would create a log anywhere.
    scratch.directory_of(HELLO, "place/below");
    let launch = start("log=place/below/report.log").run();
    scratch.expect_refusal(&launch, 78, &["log", "user 4711"]);
    // It could also have linked to a file of root's.
    let victim = scratch.write("victim", VICTIM);
    let before = state(&victim);
    fs::remove_file(scratch.path("place/report.log")).expect("the log");
    fs::hard_link(&victim, scratch.path("place/report.log")).expect("link");
    let launch = start("log=place/report.log").run();
    scratch.expect_refusal(&launch, 78, &["log", "hard link"]);
    fs::remove_file(scratch.path("place/report.log")).expect("the log");
    symlink(&victim, scratch.path("place/report.log")).expect("symlink");
    let launch = start("log=place/report.log").run();
    scratch.expect_refusal(&launch, 73, &["log", "symbolic link"]);
    assert_eq!(state(&victim), before);
}

/// Fault 257: the sticky bit of the directory above does not bind the owner.
#[test]
fn directory_that_its_owner_can_replace_is_refused() {
    requires!(users);
    let scratch = Scratch::new();
    place(&scratch, 0, 0o1777);
    let own = scratch.directory_of(HELLO, "place/own");
    let start = |option: &str| {
        let start = scratch.among_users(&program::path("report"), &[]).arg("-d");
        start.options(format!("user=hello\n{option}"))
    };
    let said = ["user 4711 owns the directory", "place/own"];
    for option in [
        "log=place/own/report.log",
        "listen=http=unix:place/own/http.sock",
    ] {
        scratch.expect_refusal(&start(option).run(), 78, &said);
    }
    let left = fs::read_dir(own).expect("the directory");
    assert_eq!(left.count(), 0, "a file was created");
}
