//! The kernel shows less of the daemon: its first thread has ended, it is undumpable or hidden, or a
//! filter denies calls.

use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::chown;

use super::{MuteServer, OPTIONS, PATIENT};
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::users::UNPRIVILEGED;

#[cfg_attr(
    daemon_fork,
    ignore = "there a time stands in for the look at the threads"
)]
#[test]
fn failing_start_without_its_first_thread_is_seen() {
    // The kernel has them since 6.9; without them the daemon is up after a time.
    let (call, thread) = (libc::SYS_pidfd_open, libc::O_EXCL);
    // SAFETY: the call takes integers.
    let pidfd = unsafe { libc::syscall(call, nix::unistd::gettid().as_raw(), thread) };
    if !requires::machine(pidfd >= 0, "pidfds of threads") {
        return;
    }
    let mute = MuteServer::new();
    let scratch = Scratch::new();
    let steps = format!("start-waits:answer@{} exit:3", mute.address);
    let start = scratch.background().does("end-first-thread");
    let launch = start.env("TEST_THREAD", steps).run();
    scratch.expect_failed_start(&launch, 3);
}

/// Root has no right to inspect processes of others in many containers.
const WITHOUT_PTRACE: [&str; 3] = [
    "setpriv",
    "--bounding-set=-sys_ptrace",
    "--inh-caps=-sys_ptrace",
];

#[test]
fn daemon_that_cannot_be_inspected_is_up_when_it_sleeps() {
    requires!(linux("the threads of another process"), users);
    let start = |scratch: &Scratch, is_of_another_user: bool, steps: &str| {
        if is_of_another_user {
            let options = format!("{PATIENT}\nuser={UNPRIVILEGED}");
            let start = scratch.background().under(&WITHOUT_PTRACE);
            start.options(options).does(steps)
        } else {
            chown(scratch.dir(), Some(UNPRIVILEGED.into()), None).expect("chown");
            let start = scratch.report_as(UNPRIVILEGED).arg("-d").options(PATIENT);
            start.does(&format!("undumpable {steps}"))
        }
    };
    for is_of_another_user in [false, true] {
        let scratch = Scratch::new();
        let daemon = scratch.up(start(&scratch, is_of_another_user, "busy:20 hang"));
        assert_eq!(daemon.launch.err_text(), "");
        // No answer comes sooner than from version 0.1.
        let elapsed = daemon.launch.elapsed;
        assert!(elapsed >= Duration::from_millis(20 + 50), "{elapsed:?}");
        assert!(elapsed < Duration::from_secs(30), "{elapsed:?}");
        let scratch = Scratch::new();
        let launch = start(&scratch, is_of_another_user, "busy:200 exit:3").run();
        scratch.expect_failed_start(&launch, 3);
    }
}

/// With `hidepid` nothing but its end can be seen.
#[test]
fn daemon_that_is_hidden_is_up_at_the_timeout() {
    requires!(linux("the threads of another process"), users);
    let commands = format!(
        "mount -o remount,hidepid=2,gid=4713 /proc || exit 99\n{} \"$0\" -d; exit $?",
        WITHOUT_PTRACE.join(" ")
    );
    let starts = ["settled", "listening", "tcp:9"].map(|mode| {
        let starts = ["hang", "sleep:200 exit:3"].map(|steps| {
            let scratch = Scratch::new();
            let options = format!("{OPTIONS}\nuser={UNPRIVILEGED}\nready={mode}");
            let start = scratch.in_pid_namespace(&commands).options(options);
            (start.does(steps).spawn(), scratch)
        });
        (mode, starts)
    });
    for (mode, starts) in starts {
        let [up, failed] = starts.map(|(launch, _scratch)| launch.wait());
        assert_eq!(up.code(), 0, "{mode}: {up:?}");
        assert!(up.elapsed >= Duration::from_secs(1), "{mode}: {up:?}");
        let warnings = up.err_text().matches("cannot inspect").count();
        assert_eq!(warnings, usize::from(mode != "settled"), "{mode}: {up:?}");
        assert_eq!(failed.code(), 3, "{mode}: {failed:?}");
    }
}

#[test]
fn waits_are_seen_where_a_filter_denies_calls() {
    requires!(linux("the threads of another process"));
    let denied = [libc::SYS_pidfd_getfd, libc::SYS_process_vm_readv];
    for errno in [Errno::EPERM, Errno::ENOSYS] {
        let scratch = Scratch::new();
        let start = |steps| {
            scratch
                .background()
                .options(PATIENT)
                .does(steps)
                .deny(&denied, errno)
        };
        let launch = start("start-waits:sleep exit:3").run();
        scratch.expect_failed_start(&launch, 3);
        let daemon = scratch.up(start("threads:1 listen-tcp hang"));
        assert!(daemon.launch.elapsed < Duration::from_secs(30));
    }
}
