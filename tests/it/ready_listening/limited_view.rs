//! The kernel shows less of the daemon: its first thread has ended, it is undumpable or it ends, or a
//! filter denies calls.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::Uid;

use super::{OPTIONS, free_port, listening, never_listens, with_addresses};
use crate::support::process::Process;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::users::UNPRIVILEGED;

/// Its descriptors are those of the other threads. Without `pidfd_getfd`, as where a thread has no
/// pidfd, the tables of the network show its sockets.
#[test]
fn server_without_its_first_thread_is_up() {
    requires!(linux("the sockets of another process"));
    for mode in ["listening", "tcp", "tcp without pidfd_getfd"] {
        for user in users_of_a_test() {
            let scratch = Scratch::new();
            let port = free_port();
            let ready = mode.replace("tcp", &format!("tcp:{port}"));
            let ready = ready.split(' ').next().expect("a mode");
            let start = with_addresses(&scratch, ready, 60, "end-first-thread");
            let mut start = start.env("TEST_THREAD", format!("listen-tcp:{port} hang"));
            if mode.ends_with("pidfd_getfd") {
                start = start.deny(&[libc::SYS_pidfd_getfd], Errno::EPERM);
            }
            if let Some(user) = user {
                nix::unistd::chown(scratch.dir(), Some(user.into()), None).expect("chown");
                start = start.user(user);
            }
            let launch = start.run();
            assert_eq!(launch.code(), 0, "{mode}, user {user:?}: {launch:?}");
            // Such a process shows nothing by which the end of the test would find it.
            let daemon = scratch.read("report.pid").trim().parse().expect("a pid");
            let daemon = Process::open(daemon).expect("a daemon");
            daemon.signal(Signal::SIGKILL);
            daemon.wait();
        }
    }
}

/// The one that runs the test, and an ordinary one.
fn users_of_a_test() -> Vec<Option<u32>> {
    let ordinary = Uid::effective().is_root().then_some(Some(UNPRIVILEGED));
    [None].into_iter().chain(ordinary).collect()
}

#[test]
fn server_is_seen_without_pidfd_getfd() {
    requires!(linux("the sockets of another process"));
    let scratch = Scratch::new();
    let denied = [libc::SYS_pidfd_getfd];
    let start = listening(&scratch, "bind-tcp sleep:100 listen-tcp stay");
    scratch.up(start.deny(&denied, Errno::EPERM));
    let scratch = Scratch::new();
    let start = listening(&scratch, "bind-tcp hang").deny(&denied, Errno::EPERM);
    never_listens(start, &scratch);
}

/// An ending process has no memory any more, and then its directory in `/proc` belongs to root.
#[test]
fn ending_daemon_causes_no_warning() {
    requires!(linux("the sockets of another process"), users);
    let scratch = Scratch::new();
    nix::unistd::chown(scratch.dir(), Some(UNPRIVILEGED.into()), None).expect("chown");
    for _ in 0..40 {
        let start = scratch.report_as(UNPRIVILEGED).arg("-d").options(OPTIONS);
        let launch = start.does("sleep:2 exit:3").run();
        assert_eq!(launch.code(), 3, "{launch:?}");
        assert_eq!(launch.err_text().matches('\n').count(), 1, "{launch:?}");
    }
}

#[test]
fn undumpable_daemon_is_up_when_settled() {
    requires!(linux("the sockets of another process"), users);
    let scratch = Scratch::new();
    nix::unistd::chown(scratch.dir(), Some(UNPRIVILEGED.into()), None).expect("chown");
    let start = |steps: &str| {
        scratch
            .report_as(UNPRIVILEGED)
            .arg("-d")
            .options(OPTIONS)
            .does(steps)
    };
    let daemon = scratch.up(start("undumpable busy:100 hang"));
    let shown = daemon.launch.err_text();
    assert_eq!(shown.matches('\n').count(), 1, "one warning: {shown}");
    assert!(
        shown.starts_with("report: cannot inspect the daemon's sockets"),
        "{shown}"
    );
    assert!(daemon.launch.elapsed < Duration::from_secs(30));
    daemon.stop();

    let launch = start("undumpable busy:100 exit:3").run();
    assert_eq!(launch.code(), 3, "{launch:?}");
    // The timeout of the user holds, not the 3 s of `settled`.
    let launch = start("undumpable busy:4500 exit:3").run();
    assert_eq!(launch.code(), 3, "{launch:?}");
}
