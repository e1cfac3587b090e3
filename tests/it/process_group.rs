//! What becomes of the daemon's process group when a start fails (fault 201).

use std::time::{Duration, Instant};

use crate::support::daemon::read_report;
use crate::support::process::Process;
use crate::support::scratch::Scratch;
use nix::sys::signal::Signal;

const NOTIFY: &str = "pid=report.pid\nlog=report.log\nready=notify\nready_timeout=1";

#[test]
fn children_do_not_survive_a_failed_start() {
    for (options, steps, status) in [
        ("ready=settled", "leave-child exit:3", 3),
        ("ready=notify", "leave-child exit:0", 70),
        ("ready=notify", "leave-child raise:6", 134),
    ] {
        let scratch = Scratch::new();
        let options = format!("pid=report.pid\nlog=report.log\n{options}");
        let launch = scratch.background().options(&options).does(steps).run();
        scratch.expect_failed_start(&launch, status);
    }
}

#[test]
fn children_do_not_survive_a_timeout() {
    let scratch = Scratch::new();
    let start = scratch.background().options(NOTIFY);
    let launch = start.does("leave-child hang").run();
    scratch.expect_failed_start(&launch, 75);
}

#[test]
fn children_do_not_survive_an_interrupt() {
    let scratch = Scratch::new();
    let options = NOTIFY.replace("ready_timeout=1", "ready_timeout=60");
    let start = scratch.background().options(&options);
    let launch = start.does("leave-child report hang").spawn();
    read_report(&scratch.path("report.json"));
    launch.signal(Signal::SIGINT);
    scratch.expect_failed_start(&launch.wait(), 128 + Signal::SIGINT as i32);
}

#[test]
fn kill_mode_process_leaves_children_alone() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\nkill_mode=process";
    let start = scratch.background().options(options);
    let launch = start.does("leave-child exit:3").run();
    assert_eq!(launch.code(), 3, "{launch:?}");
    end(scratch.expect_processes(1)[0]);
}

#[test]
fn short_job_that_succeeds_keeps_its_children() {
    let scratch = Scratch::new();
    let launch = scratch.background().does("leave-child exit:0").run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    end(scratch.expect_processes(1)[0]);
}

fn end(pid: i32) {
    let child = Process::open(pid).expect("a child that is alive");
    child.signal(Signal::SIGKILL);
    child.wait();
}

#[test]
fn failed_start_sends_the_stop_signal() {
    let scratch = Scratch::new();
    let options = format!("{NOTIFY}\nstop_signal=SIGINT");
    let start = scratch.background().options(&options);
    let begin = Instant::now();
    let launch = start.does("ignore:15 hang").run();
    scratch.expect_failed_start(&launch, 75);
    assert!(
        begin.elapsed() < Duration::from_secs(9),
        "SIGINT has ended it"
    );
}
