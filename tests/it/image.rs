//! The daemon runs the same image as the launcher, also when the file has changed.

mod program_file;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::support::daemon::{Daemon, read_report};
use crate::support::rounds::rounds;
use crate::support::scratch::Scratch;
use crate::support::{constructor, program, requires};

#[test]
fn daemon_is_the_same_image_as_the_foreground() {
    let scratch = Scratch::new();
    let report = scratch.up(scratch.background()).report();
    let path = scratch.path("foreground.json");
    let start = scratch.report().does("report").env("TEST_REPORT", &path);
    assert_eq!(start.run().code(), 0);
    let foreground = read_report(&path);
    assert!(!foreground.is_daemon);
    assert_eq!(report.comm, foreground.comm);
    assert_eq!(report.comm, b"report");
    assert_eq!(report.image, foreground.image);
    assert_eq!(report.exe, foreground.exe);
    assert_eq!(report.arguments, foreground.arguments);
    assert_eq!(report.uids, foreground.uids);
    assert_eq!(report.gids, foreground.gids);
    assert_eq!(report.groups, foreground.groups);
    assert_eq!(report.cwd, foreground.cwd);
}

#[test]
fn long_program_name_is_kept_in_ps() {
    let scratch = Scratch::new();
    let program = program::path("report");
    let copy = scratch.copy_program(&program, "a-long name) of a program");
    let start = scratch
        .start_path(&copy)
        .arg("-d")
        .options("pid=report.pid");
    let start = start.does("report stay");
    let daemon = scratch.up(start.env("TEST_REPORT", scratch.path("report.json")));
    assert_eq!(daemon.report().comm, b"a-long name) of");
}

/// A start during which the image is deleted or replaced, after the launcher began and before the
/// daemon's exec.
fn up_meanwhile(scratch: &Scratch, option: &str) -> Daemon {
    let copy = scratch.copy_program(&program::path("report"), "program");
    // What would run instead ends at once, and differently.
    scratch.copy_program(&requires::find("false").expect("false"), "program.new");
    let start = scratch
        .start_path(&copy)
        .arg("-d")
        .options(format!("{option}=report.pid"))
        .does("report stay")
        .env("TEST_REPORT", scratch.path("report.json"));
    let image = fs::metadata(&copy).expect("the copy");
    let daemon = scratch.up(start);
    let report = daemon.report();
    assert_eq!(report.image, (image.dev(), image.ino()));
    assert_eq!(report.comm, b"program");
    daemon
}

#[test]
fn program_deleted_during_the_start_works() {
    requires!(linux("the image without its path"));
    let scratch = Scratch::new();
    up_meanwhile(&scratch, "pid_and_delete_me");
    assert!(!scratch.path("program").exists());
}

#[test]
fn program_replaced_during_the_start_works() {
    requires!(linux("the image without its path"));
    let scratch = Scratch::new();
    up_meanwhile(&scratch, "pid_and_replace_me");
    let outcome = scratch.start_path(&scratch.path("program")).run();
    assert_eq!(outcome.code(), 1, "the other program has its name now");
}

#[test]
fn program_run_by_the_loader_is_refused() {
    requires!(linux("the image without its path"), preload);
    let Some(loader) = loader() else { return };
    let scratch = Scratch::new();
    let touch = requires::find("touch").expect("touch");
    // There `/proc/self/exe` is the loader, which would run its first argument: `touch witness`.
    let launch = scratch
        .start_path(&loader)
        .arg(program::path("report"))
        .arg("-d")
        .arg(&touch)
        .arg("witness")
        .options("pid=report.pid")
        .does("stay")
        .run();
    scratch.expect_refusal(&launch, 71, &[]);
    assert!(!scratch.path("witness").exists(), "another program ran");
    assert!(!scratch.path("report.pid").exists(), "refused before that");
}

#[test]
fn program_run_by_the_loader_has_a_foreground() {
    let Some(loader) = loader() else { return };
    let scratch = Scratch::new();
    let start = scratch.start_path(&loader).arg(program::path("report"));
    let outcome = start.does("say:hello").run();
    assert_eq!((outcome.code(), &*outcome.out_text()), (0, "hello\n"));
}

/// The dynamic loader that the programs name, if this system has one.
fn loader() -> Option<PathBuf> {
    let candidates = [
        "/lib64/ld-linux-x86-64.so.2",
        "/lib/ld-linux-aarch64.so.1",
        "/lib/ld-linux-armhf.so.3",
    ];
    let found = candidates
        .iter()
        .map(PathBuf::from)
        .find(|loader| loader.exists());
    if found.is_none() {
        requires::skip("a dynamic loader");
    }
    found
}

#[test]
fn threads_before_main_do_not_delay_the_launch() {
    requires!(preload, program("cc"));
    let scratch = Scratch::new();
    let library = constructor::with_threads(&scratch);
    // The threads of the constructor are never quiet, and live in the daemon as well.
    let options = "pid=report.pid\nlog=report.log\nready=exec";
    for _ in 0..rounds(25, 200) {
        let start = scratch.background().options(options);
        let daemon = scratch.up(start.env("LD_PRELOAD", &library));
        assert_eq!(daemon.report().threads, 5);
        fs::remove_file(scratch.path("report.json")).expect("the report");
        daemon.stop();
    }
}
