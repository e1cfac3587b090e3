//! The runs after the first one.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix::sys::signal::Signal;

use super::stage::{OPTIONS, pidfds_mean_groups};
use crate::support::daemon::in_this_c_library;
use crate::support::deadline::{End, eventually};
use crate::support::lock;
use crate::support::process::{self, Process};
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::tools::Strace;

#[test]
fn crashed_daemon_is_started_again() {
    let scratch = Scratch::new();
    let mut up = scratch.up_supervised(scratch.supervised(OPTIONS, "say:hello hang"));
    scratch.expect_line("hello");
    scratch.crash(&mut up);
    let line = scratch.expect_line("killed by SIGKILL");
    assert!(
        line.starts_with("report: killed by SIGKILL after "),
        "{line}"
    );
    assert!(line.ends_with("; restart in 0 ms"), "{line}");
    eventually("both runs have written to the log", || {
        (scratch.read("report.log").matches("hello\n").count() == 2).then_some(())
    });
}

#[test]
fn lock_is_held_between_two_runs() {
    let scratch = Scratch::new();
    let mut up = scratch.up_supervised(scratch.supervised(OPTIONS, "hang"));
    let path = scratch.path("report.pid");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let looks = scope.spawn(|| {
            let mut looks = 0;
            while !is_over.load(Ordering::Relaxed) {
                assert!(lock::is_held(&path), "the lock is free");
                looks += 1;
            }
            looks
        });
        let end = End(&is_over);
        for _ in 0..10 {
            scratch.crash(&mut up);
        }
        drop(end);
        assert!(looks.join().expect("the looks") > 0);
    });
}

#[test]
fn many_restarts_cost_no_memory_and_no_descriptors() {
    let scratch = Scratch::new();
    let mut up = scratch.up_supervised(scratch.supervised(OPTIONS, "hang"));
    let supervisor = up.supervisor.pid();
    let descriptors = || {
        let all = fs::read_dir(format!("/proc/{supervisor}/fd")).expect("the descriptors");
        all.count()
    };
    let memory = || {
        let status = fs::read_to_string(format!("/proc/{supervisor}/status")).expect("a status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmData:"));
        let size = line.and_then(|size| size.trim().strip_suffix(" kB"));
        size.expect("a size").parse::<u64>().expect("a number")
    };
    let rounds = if std::env::var_os("TEST_LONG").is_some() {
        10_000
    } else {
        40
    };
    scratch.crash(&mut up);
    scratch.crash(&mut up);
    // When the supervisor waits again, it holds what it holds between two events.
    let at_rest = || {
        eventually("the supervisor waits", || {
            process::stat(supervisor).filter(|stat| stat.state == 'S')?;
            (descriptors() <= 10).then(|| (descriptors(), memory()))
        })
    };
    let before = at_rest();
    for _ in 0..rounds {
        scratch.crash(&mut up);
    }
    let after = at_rest();
    assert_eq!(before.0, after.0, "descriptors");
    // The allocator asks for 132 KiB at once.
    assert!(after.1 <= before.1 + 160, "{before:?} {after:?}");
}

/// The supervisor does not call the function.
#[test]
fn runs_are_ready_as_configure_says() {
    requires!(linux("locks on ranges of bytes"));
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nconfigure=");
    scratch.write("go", "");
    let start = scratch.supervised(&options, "wait:go ready hang");
    let start = start.env("TEST_CONFIGURE", "ready=notify");
    let mut up = scratch.up_supervised(start.env("TEST_COMPUTED", scratch.path("computed")));
    fs::remove_file(scratch.path("go")).expect("remove");
    scratch.crash(&mut up);
    let status = || scratch.supervised_verb(OPTIONS, "status").run().code();
    assert_eq!(status(), 2);
    scratch.write("go", "");
    eventually("the next run is ready", || (status() == 0).then_some(()));
}

#[test]
fn every_run_inherits_the_same_descriptors() {
    let scratch = Scratch::new();
    scratch.write("kept", "");
    let kept = fs::File::open(scratch.path("kept")).expect("a file");
    let passed = scratch.write("passed", "secret");
    // Those that are not open are not taken for descriptors of the supervisor.
    let options = format!("{OPTIONS}\nkeep_fds=7,3,4,5\nbefore_start");
    let start = scratch.supervised(&options, "hang").inherit(kept, 7, 1);
    let start = start
        .env("TEST_PASSED", passed)
        .env("TEST_COMPUTED", scratch.path("where"));
    let mut up = scratch.up_supervised(start);
    let descriptors = |pid: i32| {
        let all = fs::read_dir(format!("/proc/{pid}/fd")).expect("the descriptors");
        let mut files: Vec<_> = all
            .flatten()
            .filter_map(|fd| fs::read_link(fd.path()).ok())
            .filter(|file| file.is_absolute())
            .collect();
        files.sort();
        files
    };
    let first = eventually("the first run has its descriptors", || {
        let files = descriptors(up.run.pid());
        (files.len() >= 6).then_some(files)
    });
    scratch.crash(&mut up);
    eventually("the next run has the same descriptors", || {
        (descriptors(up.run.pid()) == first).then_some(())
    });
    for name in ["kept", "passed"] {
        assert!(first.iter().any(|file| file.ends_with(name)), "{first:?}");
    }
    assert_eq!(scratch.read("where").lines().count(), 1);
    // The dynamic linker has one of them open for a moment.
    eventually("they are closed in the run", || {
        let link = |fd| format!("/proc/{}/fd/{fd}", up.run.pid());
        let mut links = (3..=5).map(link);
        links
            .all(|link| fs::symlink_metadata(link).is_err())
            .then_some(())
    });
}

#[test]
fn run_that_is_not_ready_is_tried_again() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("exec", "notify") + "\nready_timeout=1";
    // The second run comes no further while it is the last one.
    let steps = "note:runs run:second-hangs:runs ready hang";
    let mut up = scratch.up_supervised(scratch.supervised(&options, steps));
    scratch.crash(&mut up);
    scratch.expect_line("not ready within 1 s: it never called daemon::ready(); restart in 0 ms");
    let late = up.run.pid();
    scratch.next_named(&[late, up.supervisor.pid()]);
    eventually("the third run has begun", || {
        (scratch.read("runs").lines().count() == 3).then_some(())
    });
}

#[test]
fn log_that_cannot_be_opened_is_not_needed_again() {
    let scratch = Scratch::new();
    let mut up = scratch.up_supervised(scratch.supervised(OPTIONS, "say:hello hang"));
    scratch.expect_line("hello");
    fs::rename(scratch.path("report.log"), scratch.path("old.log")).expect("rename");
    fs::create_dir(scratch.path("report.log")).expect("mkdir");
    scratch.crash(&mut up);
    eventually("the old log has the lines of both", || {
        let log = scratch.read("old.log");
        let is_told = log.contains("cannot open the log")
            && log.contains("the run writes to the previous log");
        (is_told && log.matches("hello\n").count() == 2).then_some(())
    });
}

#[test]
fn last_log_survives_a_launch_that_fails() {
    requires!(linux("prlimit"));
    let scratch = Scratch::new();
    let options = OPTIONS.replace("0..0", "20..20");
    let mut up = scratch.up_supervised(scratch.supervised(&options, "say:hello hang"));
    scratch.expect_line("hello");
    fs::rename(scratch.path("report.log"), scratch.path("old.log")).expect("rename");
    fs::create_dir(scratch.path("report.log")).expect("mkdir");
    // No descriptor is left for a launch.
    let supervisor = up.supervisor.pid();
    let before = limit_of_descriptors(supervisor, 3);
    up.run.signal(Signal::SIGKILL);
    eventually("two launches have failed", || {
        (scratch
            .read("old.log")
            .matches(in_this_c_library("Too many open files"))
            .count()
            >= 2)
            .then_some(())
    });
    limit_of_descriptors(supervisor, before);
    eventually("the next run has the last log", || {
        (scratch.read("old.log").matches("hello\n").count() == 2).then_some(())
    });
    up.run = Process::open(scratch.next_named(&[up.run.pid(), supervisor])).expect("a run");
}

/// Sets the soft limit of another process, and gives what it was.
fn limit_of_descriptors(pid: i32, soft: u64) -> u64 {
    let mut before = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: no limit is set, and the old one is written to a variable of its type.
    let asked =
        unsafe { libc::prlimit(pid, libc::RLIMIT_NOFILE, std::ptr::null(), &raw mut before) };
    assert_eq!(asked, 0);
    let limit = libc::rlimit {
        rlim_cur: soft,
        ..before
    };
    // SAFETY: the limit is read during the call, and the old one is not asked for.
    let set = unsafe {
        libc::prlimit(
            pid,
            libc::RLIMIT_NOFILE,
            &raw const limit,
            std::ptr::null_mut(),
        )
    };
    assert_eq!(set, 0);
    before.rlim_cur
}

#[test]
fn children_of_a_crashed_run_are_ended() {
    let scratch = Scratch::new();
    let mut up = scratch.up_supervised(scratch.supervised(OPTIONS, "leave-child hang"));
    let child = eventually("the run has its child", || {
        let mut others = scratch.processes();
        others.retain(|pid| ![up.run.pid(), up.supervisor.pid()].contains(pid));
        others.first().copied().and_then(Process::open)
    });
    scratch.crash(&mut up);
    child.wait_for_end();
}

#[test]
fn restart_looks_at_no_other_process() {
    requires!(root, strace, linux("a launch that lists no descriptors"));
    requires!(machine(
        pidfds_mean_groups(),
        "signals to a group by a pidfd"
    ));
    let scratch = Scratch::new();
    let mut up = scratch.up_supervised(scratch.supervised(OPTIONS, "hang"));
    let options = ["-e", "trace=getdents64,pidfd_send_signal"];
    let strace = Strace::attach(&scratch, up.supervisor.pid(), &options);
    scratch.crash(&mut up);
    drop(strace);
    let trace = scratch.read("trace");
    let has_looked = trace.contains("getdents64");
    assert!(
        trace.contains("pidfd_send_signal") && !has_looked,
        "{trace}"
    );
}

#[test]
fn every_run_becomes_the_user() {
    requires!(root);
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nuser=nobody");
    let mut up = scratch.up_supervised(scratch.supervised(&options, "hang"));
    let uid = |pid: i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
        line.and_then(|ids| ids.split_whitespace().next()?.parse::<u32>().ok())
    };
    for _ in 0..2 {
        assert_eq!(uid(up.supervisor.pid()), Some(0));
        eventually("the run is another user's", || {
            uid(up.run.pid()).filter(|uid| *uid != 0)
        });
        scratch.crash(&mut up);
    }
    up.supervisor.signal(Signal::SIGTERM);
    scratch.expect_stopped();
}
