//! `ready()`: which process may call it, when, and what it releases.

use crate::support::requires;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;
use std::{fs, thread};

use nix::sys::signal::Signal;

use super::stage::{OPTIONS, address, never_ready, notify, waiting};
use crate::support::constructor;
use crate::support::daemon::read_report;
use crate::support::deadline::eventually;
use crate::support::process::Process;
use crate::support::scratch::Scratch;

#[test]
fn launcher_waits_for_ready() {
    let scratch = Scratch::new();
    let (launch, _) = waiting(&scratch, "report wait:now ready stay");
    // Quiet, which would be enough under `settled`.
    thread::sleep(Duration::from_millis(300));
    assert!(launch.is_alive(), "it waits on");
    scratch.write("now", "");
    scratch.daemon_of(launch.wait(), "report.pid");
}

#[test]
fn ready_can_be_repeated_by_any_thread() {
    for steps in ["ready ready", "ready-by-threads", "ready-by-child:1 ready"] {
        let scratch = Scratch::new();
        let daemon = scratch.up(notify(&scratch, &format!("{steps} report ready stay")));
        assert!(daemon.report().is_daemon);
        // The launcher has ended and receives nothing.
        assert_eq!(daemon.stop().and_then(|end| end.code()), Some(0));
    }
}

#[test]
fn messages_of_other_processes_do_not_count() {
    requires!(linux("the sender of a datagram"));
    for steps in ["ready-by-child:1 hang", "ready-by-child:2 hang"] {
        never_ready(&Scratch::new(), steps);
    }
    let scratch = Scratch::new();
    let (launch, report) = waiting(&scratch, "report wait:now ready stay");
    let stranger = UnixDatagram::unbound().expect("a socket");
    for _ in 0..3 {
        // root and the same user as the daemon, but another process.
        let sent = stranger.send_to(b"READY=1", address(&report));
        assert_eq!(sent.expect("send"), 7);
    }
    thread::sleep(Duration::from_millis(300));
    assert!(launch.is_alive(), "it was not deceived");
    scratch.write("now", "");
    scratch.daemon_of(launch.wait(), "report.pid");
}

#[test]
fn child_with_all_descriptors_is_not_waited_for() {
    requires!(preload);
    let child = r#"
        #include <stdlib.h>
        #include <unistd.h>

        __attribute__((constructor)) static void begin(void) {
            pid_t daemon = getpid();
            if (getenv("__DAEMON_HANDOFF") && fork() == 0) {
                while (getppid() == daemon)
                    usleep(10000);
                _exit(0);
            }
        }
    "#;
    let scratch = Scratch::new();
    let library = constructor::library(&scratch, child);
    for ready in ["exec", "settled", "notify"] {
        let options = OPTIONS.replace("notify", ready);
        let start = scratch.background().options(options).does("ready stay");
        let launch = start.env("LD_PRELOAD", &library).run();
        assert_eq!(launch.code(), 0, "{launch:?}");
        assert!(launch.elapsed < Duration::from_secs(30), "{launch:?}");
        let pid = scratch.read("report.pid");
        let daemon = Process::open(pid.trim().parse().expect("a pid")).expect("a live daemon");
        daemon.signal(Signal::SIGKILL);
        eventually("the child is gone", || {
            scratch.processes().is_empty().then_some(())
        });
    }
}

#[test]
fn ready_after_a_killed_launcher_does_nothing() {
    let scratch = Scratch::new();
    let steps = "report wait:now ready status:up ready extend:1 note:survived stay";
    let (launch, report) = waiting(&scratch, steps);
    launch.signal(Signal::SIGKILL);
    assert_eq!(launch.wait().code(), 137);
    // A killed launcher leaves its socket.
    fs::remove_file(address(&report)).expect("the socket");
    let daemon = Process::open(report.pid).expect("a live daemon");
    scratch.write("now", "");
    eventually("the daemon has gone on", || {
        scratch.path("survived").exists().then_some(())
    });
    assert!(daemon.is_alive());
}

#[test]
fn ready_releases_the_kept_output() {
    let scratch = Scratch::new();
    let daemon = scratch.up(notify(
        &scratch,
        "say:loading ready print:10485760 report stay",
    ));
    let report = daemon.report();
    for stream in [0, 1, 2] {
        let target = &report.descriptor(stream).expect("a stream").target;
        assert_eq!(target, b"/dev/null", "stream {stream}");
    }
}

#[test]
fn ready_keeps_a_redirected_stream() {
    let scratch = Scratch::new();
    let daemon = scratch.up(notify(
        &scratch,
        "redirect:own.txt ready say:mine report stay",
    ));
    let report = daemon.report();
    let target = |stream| report.descriptor(stream).expect("a stream").target.clone();
    assert_eq!(
        target(1),
        scratch.path("own.txt").as_os_str().as_encoded_bytes()
    );
    assert_eq!(target(2), b"/dev/null");
    assert_eq!(scratch.read("own.txt"), "mine\n");
}

#[test]
fn ready_keeps_the_log() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\nready=notify";
    let start = notify(&scratch, "say:before ready say:after report stay");
    let daemon = scratch.up(start.options(options));
    daemon.report();
    assert_eq!(scratch.read("report.log"), "before\nafter\n");
}

#[test]
fn program_that_closes_all_descriptors_is_ready() {
    let scratch = Scratch::new();
    let launch = notify(&scratch, "close-all ready report stay").run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    read_report(&scratch.path("report.json"));
}

#[test]
fn exit_0_right_after_ready_succeeds() {
    let scratch = Scratch::new();
    for _ in 0..20 {
        let launch = notify(&scratch, "ready return:0").run();
        scratch.expect_nothing_left();
        assert_eq!(launch.code(), 0, "{launch:?}");
        assert_eq!(launch.err_text(), "");
        let launch = notify(&scratch, "ready exit:3").run();
        assert!([0, 3].contains(&launch.code()), "{launch:?}");
        assert!(launch.code() == 0 || launch.err_text().contains("as soon as it was ready"));
        scratch.expect_nothing_left();
    }
}
