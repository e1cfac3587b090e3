//! What else happens while a verb is at work: other verbs, other starts, the end of the daemon.

use std::fs::{self, File};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use nix::sys::signal::Signal;

use super::stage::{OPTIONS, expect_answer, expect_failure};
use crate::support::daemon::expect_one_line;
use crate::support::deadline::{End, eventually};
use crate::support::outcome::Launch;
use crate::support::rounds::{count_in_threads, rounds};
use crate::support::scratch::Scratch;
use crate::support::trace::{self, Action};
use crate::support::{constructor, lock, process, requires};

#[test]
fn concurrent_stops_both_succeed() {
    let scratch = Scratch::new();
    for _ in 0..20 {
        scratch.up(scratch.controlled("stay"));
        let stops = [scratch.verb("stop").spawn(), scratch.verb("stop").spawn()];
        for outcome in stops.map(Launch::wait) {
            assert_eq!(outcome.code(), 0, "{outcome:?}");
        }
        assert!(!scratch.path("report.pid").exists());
        expect_answer(&scratch.verb("status").run(), 3, "not running");
    }
}

#[test]
fn stop_keeps_the_file_of_a_new_start() {
    requires!(strace);
    let scratch = Scratch::new();
    scratch.write("report.pid", "5000000\n");
    let slowly = "?unlink,unlinkat:delay_enter=500000";
    let stop = scratch.verb_with(slowly, "stop").spawn();
    eventually("it is about to remove the file", || {
        scratch.path("report.pid.new").exists().then_some(())
    });
    // The start waits until the clean-up is done.
    scratch.up(scratch.controlled("hang"));
    expect_answer(&stop.wait(), 0, "not running");
    assert!(scratch.path("report.pid").exists());
    assert!(!scratch.path("report.pid.new").exists());
}

#[test]
fn stop_keeps_the_file_of_a_new_daemon() {
    let up = AtomicUsize::new(0);
    count_in_threads(|number| {
        let scratch = Scratch::new();
        let path = scratch.write("report.pid", "5000000\n");
        let (mut stops, mut launch) = (0, None);
        trace::run(scratch.verb("stop"), |stop| {
            stops += usize::from(process::has_open(stop.pid, &path));
            if stops == number && launch.is_none() {
                // Another `stop` is quicker, and the next daemon creates a new file.
                scratch.verb("stop").run();
                launch = Some(scratch.controlled("hang").run());
            }
            Action::Go
        });
        match launch {
            Some(launch) if launch.code() == 0 => {
                scratch.daemon_of(launch, "report.pid");
                up.fetch_add(1, Ordering::Relaxed);
            }
            // To look at a lock is to hold one there, and this one is held up while it looks.
            Some(launch) if cfg!(daemon_fork) && launch.code() == 69 => {}
            // Held up under the mutex, it is waited for, but not for ever.
            Some(launch) => {
                assert_eq!(launch.code(), 75, "{launch:?}");
                let words = ["another start or stop", "holds", "report.pid.new"];
                expect_one_line(&launch, &words);
            }
            None => return false,
        }
        true
    });
    let up = up.into_inner();
    assert!(up > 5, "{up}");
}

#[test]
fn daemon_that_exits_during_stop_is_stopped() {
    let (stride, counted) = (rounds(17, 1), 20);
    let ended = count_in_threads(|number| {
        let number = number.min(40) + number.saturating_sub(40) * stride;
        let scratch = Scratch::new();
        let daemon = scratch.up(scratch.controlled("hang"));
        // As after a change of the clock: it must be enough that it was seen to hold the lock.
        let pid_file = File::open(&daemon.pid_file).expect("open the PID file");
        pid_file.set_modified(UNIX_EPOCH).expect("set its time");
        let (mut stops, mut asked, mut is_ended) = (0, 0, false);
        let stop = trace::run(scratch.verb("stop"), |stop| {
            let asks = stop.asks_for_group();
            asked += usize::from(asks);
            let is_counted = !asks || asked <= counted;
            stops += usize::from(is_counted && process::has_open(stop.pid, &daemon.pid_file));
            if stops == number && !is_ended {
                daemon.process.signal(Signal::SIGKILL);
                daemon.process.wait();
                is_ended = true;
            }
            Action::Go
        });
        assert_eq!(stop.code(), 0, "{number}: {stop:?}");
        assert!(!daemon.pid_file.exists(), "{number}: {stop:?}");
        is_ended
    });
    assert!(ended > 20, "{ended}");
}

/// The daemon has emptied its file, and the launcher still waits for it to be ready.
#[test]
fn daemon_that_ends_in_its_start_is_stopped() {
    requires!(preload, linux("open file description locks"));
    let scratch = Scratch::new();
    let library = constructor::library(
        &scratch,
        r#"
        #include <stdlib.h>
        #include <unistd.h>
        static int is_daemon;
        __attribute__((constructor)) static void look(void) {
            is_daemon = getenv("__DAEMON_HANDOFF") != NULL;
        }
        __attribute__((destructor)) static void hang(void) {
            while (is_daemon) pause();
        }
        "#,
    );
    let options = OPTIONS.replace("exec", "notify").replace("=1", "=60");
    let start = scratch.background().options(&options);
    let start = start.env("LD_PRELOAD", library);
    let launch = start.does("note:run return:0").spawn();
    let daemon = eventually("the daemon has emptied its file", || {
        let pid = scratch.path("run").exists().then(|| scratch.read("run"));
        pid.filter(|_| scratch.read("report.pid").is_empty())
    });
    let stop = scratch.verb("stop").options(&options).run();
    expect_answer(&stop, 0, &format!("stopped, pid {}", daemon.trim()));
    // The launcher, which holds the lock too, was not signalled.
    let failure = launch.wait();
    assert!(failure.err_text().contains("SIGTERM"), "{failure:?}");
    assert!(!failure.err_text().contains("interrupted"), "{failure:?}");
    scratch.expect_nothing_left();
}

#[test]
fn pid_written_at_the_last_moment_is_checked() {
    requires!(linux("open file description locks"));
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.controlled("hang"));
    let (mut number, mut untold) = (0, 0);
    // Until it comes some time after the verb has given up.
    while untold < 3 {
        number += 1;
        scratch.write("report.pid", "\n");
        let (mut begin, mut stops) = (None, 0);
        let status = trace::run(scratch.verb("status"), |stop| {
            if process::has_open(stop.pid, &daemon.pid_file) {
                // From shortly before it gives up.
                let begin = begin.get_or_insert_with(Instant::now);
                stops += usize::from(begin.elapsed() >= Duration::from_millis(100));
            }
            if stops == number {
                scratch.write("report.pid", format!("{}\n", daemon.pid()));
            }
            Action::Go
        });
        if status.code() != 0 {
            expect_failure(&status, 4, &["the file does not begin with a pid"]);
            untold += 1;
        }
    }
    scratch.write("report.pid", format!("{}\n", daemon.pid()));
}

#[test]
fn racing_starts_and_stops_leave_at_most_one_daemon() {
    let scratch = Scratch::new();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _end = End(&is_over);
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let stop = scratch.verb("stop").run();
                // A launcher that gets no processor leaves the pid unknown for too long.
                let said = stop.err_text();
                let is_unknown = said.contains("the file does not begin with a pid")
                    || said.contains("it is being started, and has no pid yet");
                assert!(
                    stop.code() == 0 || stop.code() == 4 && is_unknown,
                    "{stop:?}"
                );
            }
        });
        let mut up = 0;
        for round in 0..rounds(50, 500) {
            let steps = ["hang", "stay"][round % 2];
            let launch = scratch.controlled(steps).run();
            // Up, running already or being stopped, or stopped on its way.
            assert!([0, 69, 143].contains(&launch.code()), "{launch:?}");
            up += i32::from(launch.code() == 0);
            // Launchers and verbs hold it too, beside a daemon or for a moment without one.
            let mut holders = lock::holders(&scratch.path("report.pid"));
            holders.retain(|pid| is_daemon(*pid));
            assert!(holders.len() <= 1, "{holders:?}");
        }
        assert!(up > 0);
    });
    // The last start may have come after the last stop.
    assert_eq!(scratch.verb("stop").run().code(), 0);
    scratch.up(scratch.controlled("hang"));
    assert_eq!(scratch.verb("stop").run().code(), 0);
    // A daemon whose file was removed could not be stopped, and would be left.
    scratch.expect_nothing_left();
}

#[test]
fn status_never_makes_a_start_fail() {
    let scratch = Scratch::new();
    let (control, is_over) = (scratch.control(), AtomicBool::new(false));
    thread::scope(|scope| {
        let _end = End(&is_over);
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    control.status().ok();
                }
            });
        }
        for _ in 0..rounds(50, 200) {
            let launch = scratch.controlled("hang").run();
            assert_eq!(launch.code(), 0, "{launch:?}");
            let stop = scratch.verb("stop").run();
            assert_eq!(stop.code(), 0, "{stop:?}");
            assert!(!scratch.path("report.pid").exists());
        }
    });
}

/// Whether the process runs the program with nothing on its command line, as a daemon does here.
fn is_daemon(pid: i32) -> bool {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    // Each word ends with a NUL byte.
    words.split(|byte| *byte == 0).count() == 2
}
