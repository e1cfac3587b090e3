//! The protocol of `sd_notify(3)`: other clients, malformed messages and floods.

use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use nix::sys::signal::Signal;

use super::stage::{address, never_ready, notify, waiting};
use crate::support::deadline::{End, eventually};
use crate::support::report::Report;
use crate::support::scratch::Scratch;
use crate::support::{process, requires};

#[test]
fn sd_notify_crate_is_understood() {
    let scratch = Scratch::new();
    let launch = scratch.start("sd_notify").arg("-d").run();
    // The timeout of one second was too short, and the client extended it.
    assert!(launch.elapsed >= Duration::from_secs(2), "{launch:?}");
    let daemon = scratch.daemon_of(launch, "sd_notify.pid");
    // The client does not know that its output was kept. The kept output is truncated.
    let output = format!("/proc/{}/fd/1", daemon.pid());
    let target = fs::read_link(&output).expect("standard output");
    let target = target.to_string_lossy();
    assert!(
        target.contains("daemon") && target.ends_with(" (deleted)"),
        "{target}"
    );
    assert_eq!(fs::metadata(output).expect("standard output").len(), 0);
}

#[test]
fn sd_notify_crate_reports_its_errno() {
    let scratch = Scratch::new();
    let launch = scratch.start("sd_notify").args(["-d", "--fail"]).run();
    assert_eq!(launch.code(), 1, "{launch:?}");
    let shown = launch.err_text();
    assert!(shown.contains("no luck"), "{launch:?}");
    assert!(
        shown.ends_with(": No such file or directory\n"),
        "{launch:?}"
    );
}

#[test]
fn systemd_notify_does_not_wait() {
    requires!(program("systemd-notify"), root);
    // Without `--no-block` it waits until the descriptor that it sent is closed, for five seconds,
    // and fails then.
    for arguments in ["--ready,--no-block", "--ready", "--ready,--status=up"] {
        let scratch = Scratch::new();
        let steps = format!("systemd-notify:{arguments} report stay");
        let daemon = scratch.up(notify(&scratch, &steps));
        daemon.report();
    }
}

#[test]
fn malformed_messages_are_ignored() {
    let scratch = Scratch::new();
    let garbage = "notify: notify:%00 notify:READY notify:READY=2 notify:READY=1x \
                   notify:%ff%fe=%0a%0a=1 notify:EXTEND_TIMEOUT_USEC=-1 notify:ERRNO=x";
    never_ready(&scratch, &format!("{garbage} big-status hang"));
    let steps = format!("{garbage} notify:X=1%0aREADY=1%0a report stay");
    scratch.up(notify(&scratch, &steps)).report();
}

#[test]
fn sent_descriptors_are_closed_by_the_launcher() {
    let scratch = Scratch::new();
    let steps = format!("{}report hang", "descriptors ".repeat(10));
    let (launch, _) = waiting(&scratch, &steps);
    let open = || fs::read_dir(format!("/proc/{}/fd", launch.pid())).expect("list");
    eventually("all have been received", || {
        (open().count() < 32).then_some(())
    });
    launch.signal(Signal::SIGTERM);
    launch.wait();
}

#[cfg_attr(
    daemon_fork,
    ignore = "there is no timer for the calls of the launcher"
)]
#[test]
fn lingering_socket_does_not_hold_the_launcher() {
    let scratch = Scratch::new();
    scratch.up(notify(&scratch, "lingering-socket ready stay"));
}

/// Sends to an address as fast as it can.
fn flood(report: &Report, is_over: &AtomicBool) -> u64 {
    let socket = UnixDatagram::unbound().expect("a socket");
    socket.set_nonblocking(true).expect("nonblocking");
    let address = address(report);
    let mut sent = 0;
    while !is_over.load(Ordering::Relaxed) {
        match socket.send_to(b"READY=1\nSTATUS=flood", &address) {
            Ok(_) => sent += 1,
            Err(_) => thread::sleep(Duration::from_micros(20)),
        }
    }
    sent
}

#[test]
fn flood_of_messages_does_not_block_ready() {
    requires!(linux("the sender of a datagram"));
    let scratch = Scratch::new();
    let (launch, report) = waiting(&scratch, "report wait:now ready stay");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        // An assertion that fails ends the flood too, for which the scope would wait.
        let _end = End(&is_over);
        let flood = scope.spawn(|| flood(&report, &is_over));
        let cpu = || process::cpu_time(launch.pid()).expect("a live launcher");
        let (begin, before) = (Instant::now(), cpu());
        thread::sleep(Duration::from_secs(1));
        let share = cpu().saturating_sub(before).as_secs_f64() / begin.elapsed().as_secs_f64();
        assert!(share < 0.2, "{share} of a processor");
        scratch.write("now", "");
        eventually("the launcher ends", || (!launch.is_alive()).then_some(()));
        is_over.store(true, Ordering::Relaxed);
        assert!(flood.join().expect("the flood") > 1000);
    });
    scratch.daemon_of(launch.wait(), "report.pid");
}

#[test]
fn chatty_daemon_becomes_ready() {
    let scratch = Scratch::new();
    let launch = notify(&scratch, "chatter:500 ready report stay");
    scratch.up(launch).report();
}
