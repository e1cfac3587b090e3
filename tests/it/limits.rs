//! Limits of resources, and denied calls.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::resource::Resource;

use crate::control::stage::OPTIONS as CONTROLLED;
use crate::support::cgroup::Cgroup;
use crate::support::daemon::expect_one_line;
use crate::support::outcome::Launch;
use crate::support::rounds::rounds;
use crate::support::scratch::Scratch;
use crate::support::{constructor, requires};

const NO_MORE: &str = "Resource temporarily unavailable";

#[test]
fn control_group_limit_refuses_each_fork() {
    requires!(root);
    for (most, step) in [
        ("1", Some("create the intermediate process")),
        ("2", Some("create the daemon")),
        ("3", None),
    ] {
        let scratch = Scratch::new();
        let Some(group) = Cgroup::with("pids", &["pids.max"]) else {
            return;
        };
        group.set(&["pids.max"], most);
        let launch = scratch.background().in_cgroup(&group).run();
        match step {
            Some(step) => scratch.expect_refusal(&launch, 71, &[step, NO_MORE]),
            None => assert_eq!(launch.code(), 0, "{launch:?}"),
        }
        scratch.expect_order();
    }
}

#[test]
fn user_limit_refuses_each_fork() {
    requires!(root);
    // A user of no other test.
    let user = 47_110;
    for (most, step) in [
        (1, Some("create the intermediate process")),
        (2, Some("create the daemon")),
        (3, None),
    ] {
        let scratch = Scratch::new();
        scratch.directory_of(user, "own");
        let start = scratch.report_as(user).arg("-d");
        let start = start.limit(Resource::RLIMIT_NPROC, most);
        let launch = start.options("pid=own/report.pid").does("hang").run();
        match step {
            Some(step) => scratch.expect_refusal(&launch, 71, &[step, NO_MORE]),
            None => drop(scratch.daemon_of(launch, "own/report.pid")),
        }
    }
}

#[test]
fn low_memory_gives_a_daemon_or_a_failure() {
    let (mut ups, mut failures) = (0, 0);
    for limit in [Resource::RLIMIT_AS, Resource::RLIMIT_DATA] {
        for size in (0..rounds(8, 128)).map(|round| round * rounds(1 << 20, 1 << 16)) {
            let scratch = Scratch::new();
            let start = scratch.background().limit(limit, size as u64);
            // Without memory for the exec no code of the library runs.
            let Some(launch) = start.try_run() else {
                continue;
            };
            if launch.code() == 0 {
                ups += 1;
                scratch.daemon_of(launch, "report.pid");
            } else {
                failures += 1;
                // 127 is the dynamic loader's, and SIGKILL and SIGSEGV the kernel's before `main`.
                let code = launch.code();
                assert!([71, 73, 127, 134, 137, 139].contains(&code), "{launch:?}");
                scratch.expect_failed_start(&launch, code);
            }
            scratch.expect_order();
        }
    }
    assert!(ups > 0 && failures > 0, "{ups} starts, {failures} failures");
}

#[test]
fn seccomp_without_fork_is_refused() {
    let forks = [
        libc::SYS_clone,
        libc::SYS_clone3,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_fork,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_vfork,
    ];
    let scratch = Scratch::new();
    let launch = scratch.background().deny(&forks, Errno::EPERM).run();
    let words = ["create the intermediate process", "Operation not permitted"];
    scratch.expect_refusal(&launch, 71, &words);
    scratch.expect_order();
}

#[test]
fn seccomp_names_the_step_that_fails() {
    requires!(linux("the system calls of the launch"));
    for (calls, words) in [
        (&[libc::SYS_socketpair][..], "make the hand-off"),
        (
            &[
                libc::SYS_pipe2,
                #[cfg(target_arch = "x86_64")]
                libc::SYS_pipe,
            ],
            "make a pipe for signals",
        ),
        (&[libc::SYS_setsid], "start a session"),
        (
            &[
                libc::SYS_dup3,
                #[cfg(target_arch = "x86_64")]
                libc::SYS_dup2,
            ],
            "Operation not permitted",
        ),
    ] {
        let scratch = Scratch::new();
        let start = scratch.background().options("pid=report.pid");
        let launch = start.deny(calls, Errno::EPERM).run();
        scratch.expect_refusal(&launch, 71, &[words, "Operation not permitted"]);
        scratch.expect_order();
    }
}

#[test]
fn seccomp_that_kills_at_pidfd_getfd_kills_no_launcher() {
    let scratch = Scratch::new();
    let start = scratch
        .background()
        .options("pid=report.pid\nready=listening");
    let launch = start.does("report listen-unix:socket hang");
    let launch = launch.kill_at(libc::SYS_pidfd_getfd).run();
    scratch.daemon_of(launch, "report.pid");
    scratch.expect_order();
}

#[test]
fn seccomp_of_optional_calls_changes_nothing() {
    let calls = [
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_send_signal,
        libc::SYS_memfd_create,
        libc::SYS_close_range,
        libc::SYS_ftruncate,
    ];
    for errno in [Errno::ENOSYS, Errno::EPERM] {
        let scratch = Scratch::new();
        let notify = "pid=report.pid\nready=notify\nready_timeout=1";
        let start = |options: &str, steps: &str| {
            let start = scratch.background().options(options).does(steps);
            start.deny(&calls[..4], errno).run()
        };
        let launch = start(notify, "report ready hang");
        let daemon = scratch.daemon_of(launch, "report.pid");
        assert_eq!(daemon.report().descriptors_above_two().len(), 1);
        let stop = scratch.verb("stop").deny(&calls[..4], errno).run();
        assert_eq!(stop.code(), 0, "{stop:?}");
        assert!(!daemon.process.is_alive());

        // Its end and its being late are seen all the same.
        let launch = start(&notify.replace("=1", "=60"), "exit:3");
        scratch.expect_failed_start(&launch, 3);
        assert!(launch.elapsed < Duration::from_secs(30), "{launch:?}");
        let launch = start(notify, "hang");
        scratch.expect_failed_start(&launch, 75);
        scratch.expect_order();
    }
}

#[test]
fn seccomp_of_pidfd_send_signal_leaves_no_daemon() {
    let calls = [libc::SYS_pidfd_send_signal];
    let scratch = Scratch::new();
    // No signal to the process group ends it either.
    let options = "pid=report.pid\nready=notify\nready_timeout=1\nkill_mode=process";
    let start = scratch.background().options(options).does("hang");
    let launch = start.deny(&calls, Errno::EPERM).run();
    scratch.expect_failed_start(&launch, 75);
    scratch.expect_order();
}

#[test]
fn busy_machine_starts_a_daemon() {
    requires!(program("nice"));
    let scratch = Scratch::new();
    let busy: Vec<Launch> = (0..3)
        // A limit, in case this test is killed.
        .map(|_| scratch.shell("ulimit -t 60; while :; do :; done").spawn())
        .collect();
    for round in 0..rounds(4, 20) {
        let ready = ["settled", "exec", "listening", "notify"][round % 4];
        let options = CONTROLLED.replace("exec", ready);
        let start = scratch.background().under(&["nice", "-n", "19"]);
        let launch = start.options(options).does("listen-tcp ready hang").run();
        let daemon = scratch.daemon_of(launch, "report.pid");
        let stop = scratch.verb("stop").run();
        assert_eq!(stop.code(), 0, "{stop:?}");
        assert!(!daemon.process.is_alive());
    }
    for launch in busy {
        launch.signal(nix::sys::signal::Signal::SIGKILL);
        launch.wait();
    }
    scratch.expect_order();
}

/// Each call finds the wall clock one hour earlier.
const CLOCK: &str = r"
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int looks;
    int result = syscall(SYS_clock_gettime, clock, time);
    if (clock == CLOCK_REALTIME)
        time->tv_sec -= 3600 * ++looks;
    return result;
}
";

#[test]
fn clock_set_back_moves_no_deadline() {
    requires!(preload, program("cc"));
    let scratch = Scratch::new();
    let library = constructor::library(&scratch, CLOCK);
    let options = CONTROLLED.replace("exec", "notify\nready_timeout=1");
    let start = scratch.background().options(&options).does("hang");
    let launch = start.env("LD_PRELOAD", &library).run();
    scratch.expect_failed_start(&launch, 75);
    assert!(launch.elapsed >= Duration::from_secs(1), "{launch:?}");
    assert!(launch.elapsed < Duration::from_secs(10), "{launch:?}");

    scratch.up(scratch.controlled("ignore:15 create:deaf hang"));
    crate::support::deadline::eventually("it ignores the signal", || {
        scratch.path("deaf").exists().then_some(())
    });
    let stop = scratch.verb("stop").env("LD_PRELOAD", &library).run();
    assert_eq!(stop.code(), 0, "{stop:?}");
    assert!(stop.out_text().contains("killed"), "{stop:?}");
    assert!(stop.elapsed >= Duration::from_secs(1), "{stop:?}");
    assert!(stop.elapsed < Duration::from_secs(10), "{stop:?}");
    scratch.expect_order();
}

#[test]
fn seccomp_of_wait_is_named() {
    let scratch = Scratch::new();
    let start = scratch.background().does("hang");
    let launch = start
        .deny(&[libc::SYS_wait4, libc::SYS_waitid], Errno::EPERM)
        .run();
    scratch.expect_failed_start(&launch, 71);
    expect_one_line(&launch, &["Operation not permitted"]);
    // Not the ten seconds of a stop without success.
    assert!(launch.elapsed < Duration::from_secs(9), "{launch:?}");
    scratch.expect_order();
}

#[test]
fn daemon_killed_by_the_oom_killer_fails_at_once() {
    requires!(root);
    for ready in ["settled", "notify"] {
        let scratch = Scratch::new();
        let limits = ["memory.max", "memory.limit_in_bytes"];
        let Some(group) = Cgroup::with("memory", &limits) else {
            return;
        };
        group.set(&limits, "64M");
        let options = format!("pid=report.pid\nready={ready}\nready_timeout=60");
        // The launcher stays outside. It may be killed too, since a daemon takes long to end.
        let processes = group.processes();
        let steps = format!(
            "enter-group:{} resident:200 report hang",
            processes.display()
        );
        let start = scratch.background().options(options);
        let launch = start.does(&steps).run();
        scratch.expect_failed_start(&launch, 137);
        assert!(
            launch.err_text().contains("killed by signal 9"),
            "{launch:?}"
        );
        assert!(launch.elapsed < Duration::from_secs(20), "{launch:?}");
        scratch.expect_order();
    }
}
