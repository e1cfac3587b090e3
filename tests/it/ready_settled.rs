//! `ready = "settled"`: the daemon has gone quiet. A start that fails, fails before that.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use crate::support::scratch::Scratch;
use crate::support::{program, requires};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

/// A start of a program that fails so.
fn fails(steps: &str, status: i32) -> (Scratch, crate::support::outcome::Outcome) {
    let scratch = Scratch::new();
    let launch = scratch
        .background()
        .does(steps)
        .env("RUST_BACKTRACE", "full")
        .run();
    scratch.expect_failed_start(&launch, status);
    (scratch, launch)
}

#[test]
fn a_failure_is_seen_however_early_it_comes() {
    fails("exit:3", 3);
    fails("sleep:5 exit:3", 3);
    fails("sleep:20 exit:3", 3);
}

#[test]
fn a_failure_is_seen_while_its_backtrace_is_being_looked_up() {
    let (_, launch) = fails("busy:20 panic:out-of-cheese", Scratch::new().panic_status());
    assert!(launch.err_text().contains("stack backtrace"), "{launch:?}");
}

#[test]
fn a_failure_of_a_program_that_sleeps_between_steps_of_work_is_seen() {
    fails(&format!("{}exit:3", "busy:4 sleep:20 ".repeat(20)), 3);
}

#[test]
fn a_failure_of_a_program_that_waits_for_the_disk_is_seen() {
    requires!(linux("the threads of another process"));
    let Some(file) = LargeFile::new() else {
        return;
    };
    file.forget();
    fails(&format!("read:{} exit:3", file.path.display()), 3);
}

/// 200 MB beside the programs, where a disk is more likely than in the directory for scratch files.
struct LargeFile {
    path: PathBuf,
}

impl LargeFile {
    /// Nothing if the test may not write to the disk with the programs.
    fn new() -> Option<Self> {
        let programs = program::path("report");
        let path = programs.with_file_name(format!("large-{}", std::process::id()));
        let file = File::create(&path).ok();
        if !requires::machine(file.is_some(), "write access to the target directory") {
            return None;
        }
        let file = file?;
        let mut rest = &file;
        for _ in 0..200 {
            std::io::Write::write_all(&mut rest, &vec![7; 1_000_000]).expect("room on the disk");
        }
        file.sync_all().expect("written");
        Some(Self { path })
    }

    /// Takes it out of the cache, where the file system has one.
    fn forget(&self) {
        let file = File::open(&self.path).expect("the large file");
        let advice = PosixFadviseAdvice::POSIX_FADV_DONTNEED;
        posix_fadvise(file.as_fd(), 0, 0, advice).expect("advice");
    }
}

impl Drop for LargeFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).ok();
    }
}

#[test]
fn a_server_that_goes_quiet_is_up_at_once() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background().does("busy:50 listen-tcp hang"));
    // Ten times the 150 milliseconds that it may take.
    assert!(daemon.launch.elapsed < Duration::from_millis(1500));
}

#[test]
fn a_program_that_computes_for_ever_is_up_at_the_timeout() {
    requires!(linux("the threads of another process"));
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background().does("busy"));
    assert!(daemon.launch.elapsed >= Duration::from_secs(3));
}

#[test]
fn a_program_that_is_stopped_has_not_settled() {
    let scratch = Scratch::new();
    let launch = scratch.background().does("report raise:19 exit:3").spawn();
    let report = crate::support::daemon::read_report(&scratch.path("report.json"));
    let daemon = crate::support::process::Process::open(report.pid).expect("a live daemon");
    crate::support::deadline::eventually("the daemon is stopped", || {
        (crate::support::process::stat(report.pid)?.state == 'T').then_some(())
    });
    std::thread::sleep(Duration::from_millis(300));
    assert!(launch.is_alive(), "the launcher waits");
    daemon.signal(nix::sys::signal::Signal::SIGCONT);
    assert_eq!(launch.wait().code(), 3);
}

/// What the documentation says that it cannot see: the program itself has nothing to do.
#[test]
fn a_program_that_waits_for_its_child_has_settled() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background().does("wait-for-child:1500 exit:3"));
    let end = daemon.process.wait().and_then(|status| status.code());
    assert_eq!(end, Some(3), "the failure came too late to be seen");
}
