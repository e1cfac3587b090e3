//! `prog -d`: a new session, no terminal, otherwise the same program in the same directory.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::support::daemon::{Daemon, expect_one_line, read_report};
use crate::support::scratch::Scratch;
use crate::support::{lock, process};
use nix::unistd::getpid;

fn up() -> (Scratch, Daemon) {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background());
    (scratch, daemon)
}

#[test]
fn start_returns_and_leaves_a_daemon() {
    let (_scratch, daemon) = up();
    assert!(daemon.report().is_daemon);
    assert_eq!(daemon.launch.out_text(), "");
    assert_eq!(daemon.launch.err_text(), "", "silence without a terminal");
}

#[test]
fn daemon_has_a_new_session_that_it_does_not_lead() {
    let (_scratch, daemon) = up();
    let report = daemon.report();
    let caller = process::stat(getpid().as_raw()).expect("this process");
    assert_ne!(report.sid, caller.sid);
    assert_ne!(report.pgid, caller.pgid);
    // A leader without a terminal would get one by opening one.
    assert_ne!(report.sid, report.pid);
    assert_ne!(report.pgid, report.pid);
    assert_eq!(report.pgid, report.sid);
    assert_eq!(report.tty, 0);
}

#[test]
fn daemon_is_an_orphan_after_the_launcher() {
    let (_scratch, daemon) = up();
    let stat = process::stat(daemon.pid()).expect("a live daemon");
    // This process has put itself in the place of init.
    assert_eq!(stat.ppid, getpid().as_raw());
}

#[test]
fn main_runs_in_the_daemon_only() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background().does("note:ran report stay"));
    daemon.report();
    assert_eq!(scratch.read("ran"), format!("{}\n", daemon.pid()));
}

#[test]
fn daemon_has_no_extra_threads() {
    let (_scratch, daemon) = up();
    assert_eq!(daemon.report().threads, 1);
}

#[test]
fn daemon_knows_its_start_dir_and_its_files() {
    let (scratch, daemon) = up();
    let report = daemon.report();
    let bytes = |path: &Path| Some(path.as_os_str().as_bytes().to_vec());
    assert_eq!(report.start_dir, bytes(scratch.dir()));
    assert_eq!(report.pid_file, bytes(&scratch.path("report.pid")));
    assert_eq!(report.log_file, bytes(&scratch.path("report.log")));
}

#[test]
fn daemon_keeps_the_directory_of_the_caller() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background().does("create:here report stay"));
    assert_eq!(daemon.report().cwd, scratch.dir().as_os_str().as_bytes());
    assert!(scratch.path("here").exists());
}

#[test]
fn workdir_does_not_move_pid_file_and_log() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\nworkdir=/";
    let start = scratch.background().options(options);
    let daemon = scratch.up(start.does("say:here report stay"));
    let report = daemon.report();
    assert_eq!(report.cwd, b"/");
    assert_eq!(
        report.start_dir.as_deref(),
        Some(scratch.dir().as_os_str().as_bytes())
    );
    assert_eq!(scratch.read("report.log"), "here\n");
}

#[test]
fn relative_workdir_counts_from_the_caller() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("below")).expect("a directory");
    let options = "pid=report.pid\nworkdir=below";
    let daemon = scratch.up(scratch.background().options(options));
    let below = scratch.path("below");
    assert_eq!(daemon.report().cwd, below.as_os_str().as_bytes());
}

#[test]
fn missing_workdir_fails_the_start() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nready=exec\nworkdir=/nowhere";
    let launch = scratch.background().options(options).run();
    scratch.expect_failed_start(&launch, launch.code());
    assert_ne!(launch.code(), 0);
    expect_one_line(&launch, &["/nowhere", "No such file or directory"]);
    assert!(
        !scratch.path("report.json").exists(),
        "no code of the user ran"
    );
}

#[test]
fn caller_in_a_deleted_directory_gets_a_daemon() {
    let scratch = Scratch::new();
    let gone = scratch.path("gone");
    fs::create_dir(&gone).expect("a directory");
    let inside = gone.clone();
    let pid_file = scratch.path("report.pid");
    let options = format!("pid={}", pid_file.display());
    let start = scratch.background().options(options).cwd(&gone);
    let daemon = scratch.up(start.before_exec(move || fs::remove_dir(&inside)));
    assert_eq!(daemon.report().start_dir, None);
}

#[test]
fn daemon_keeps_the_umask_of_the_caller() {
    for mask in [0o027, 0o000] {
        let scratch = Scratch::new();
        let daemon = scratch.up(scratch.background().umask(mask));
        assert_eq!(daemon.report().umask, mask);
    }
}

#[test]
fn umask_option_sets_the_umask() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\numask=037";
    let start = scratch.background().options(options).umask(0o022);
    let daemon = scratch.up(start.does("create:made report stay"));
    assert_eq!(daemon.report().umask, 0o037);
    let made = fs::metadata(scratch.path("made")).expect("the file");
    assert_eq!(made.mode() & 0o777, 0o640);
}

#[test]
fn daemon_can_start_another_daemon() {
    let scratch = Scratch::new();
    let outer = scratch.up(scratch.background().does("nested report stay"));
    let outer_report = outer.report();
    let inner = read_report(&scratch.path("nested.json"));
    assert!(inner.is_daemon);
    assert_ne!(inner.pid, outer.pid());
    assert_ne!(inner.sid, outer_report.sid);
    assert_eq!(lock::holders(&scratch.path("nested.pid")), [inner.pid]);
    assert_eq!(lock::holders(&outer.pid_file), [outer.pid()]);
    assert!(
        process::stat(inner.sid).is_none(),
        "no intermediate process"
    );
    outer.stop();
    assert!(
        process::Process::open(inner.pid)
            .expect("the inner daemon")
            .is_alive()
    );
}
