//! The log of a daemon that a supervisor starts again.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::thread;
use std::time::Instant;

use nix::sys::signal::Signal;

use super::by_size::{PAUSE, time_at_full_rate};
use super::stage::{expect_every_line_of_threads, gaps, numbers};
use crate::support::constructor;
use crate::support::deadline::eventually;
use crate::support::process::{self, Process};
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::users::UNPRIVILEGED;

const OPTIONS: &str = "pid=report.pid\nlog=report.log\nready=exec\ncontrol_flag=-s\n\
                       restart=on-failure\nlog_rotate=4";

impl Scratch {
    /// A supervised daemon that takes these steps, with an old log that is large.
    fn with_large_log(&self, steps: &str) {
        self.write("report.log", "old\n");
        let outcome = self.background().options(OPTIONS).does(steps).run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
    }

    fn stop(&self) {
        let stop = self.report().options(OPTIONS).args(["-s", "stop"]).run();
        assert_eq!(stop.code(), 0, "{stop:?}");
    }
}

#[test]
fn supervisor_rotates_the_log() {
    requires!(linux("the signal handlers of another process"));
    let scratch = Scratch::new();
    scratch.with_large_log("count");
    eventually("the log is rotated", || {
        scratch.path("report.log.1").exists().then_some(())
    });
    scratch.expect_growth("report.log");
    scratch.stop();
    let logs = scratch.logs().concat();
    let logs = logs.strip_prefix("old\n").expect("the old log");
    // The end of the daemon may be told there.
    let lines = logs.split_inclusive('\n');
    let lines: String = lines.filter(|line| !line.starts_with("report: ")).collect();
    let written = numbers(&lines);
    assert!(gaps(&written).is_empty(), "{:?}", gaps(&written));
    assert!(!scratch.path("report.pid.new").exists());
}

#[test]
fn log_of_runs_that_never_come_up_is_rotated() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("ready=exec", "ready=notify");
    let options = options.replace("log_rotate=4", "log_rotate=65536\nlog_keep=2");
    // In the launch by fork(2) `stop` needs a pid that stays the same for 100 ms.
    let delay = if cfg!(daemon_fork) { 300 } else { 0 };
    let options = format!("{options}\nrestart_delay={delay}..{delay}");
    // Every run but the first ends before it is ready, with 80 lines of a kilobyte.
    let steps = "flood:80 first:once ready wait:go return:3";
    let outcome = scratch.background().options(&options).does(steps).run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    scratch.write("go", "");
    let path = scratch.path("report.log.1");
    let inode = || fs::metadata(&path).map_or(0, |log| log.ino());
    for _ in 0..5 {
        let before = inode();
        eventually("the log is rotated", || (inode() != before).then_some(()));
    }
    // The processes come and go faster than the verb may see which one it is.
    eventually("it is stopped", || {
        let stop = scratch.report().options(&options).args(["-s", "stop"]);
        (stop.run().code() == 0).then_some(())
    });
    assert!(!scratch.path("report.log.3").exists());
    // What one run writes, and what the supervisor says of its end.
    for name in ["report.log", "report.log.1", "report.log.2"] {
        let length = scratch.read(name).len();
        assert!(length < 200 * 1024, "{name}: {length} bytes");
    }
}

#[test]
fn supervisor_has_a_removed_log_opened_again() {
    requires!(linux("the files of another process"));
    let scratch = Scratch::new();
    let options = OPTIONS.replace("ready=exec", "ready=notify");
    let steps = "say:old remove:report.log ready count";
    let outcome = scratch.background().options(&options).does(steps).run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let line = "report.log was missing; the daemon, pid ";
    eventually("the supervisor says so", || {
        let log = fs::read_to_string(scratch.path("report.log")).ok()?;
        log.contains(line).then_some(())
    });
    scratch.expect_growth("report.log");
    scratch.stop();
    assert_eq!(scratch.read("report.log").matches(line).count(), 1);
}

#[test]
fn supervisor_tells_later_of_a_removed_directory() {
    requires!(linux("the restart of a run"));
    let scratch = Scratch::new();
    let logs = scratch.path("logs");
    fs::create_dir(&logs).expect("mkdir");
    let options = OPTIONS.replace("report.log", "logs/report.log");
    let more = "ready=notify\nrestart_delay=1..1\nrestart_limit=1000000";
    let options = options.replace("ready=exec", more);
    // What is told is no reason to rotate.
    let options = options.replace("log_rotate=4", "log_rotate=1000000");
    let start = scratch.background().options(&options);
    let mut launch = Some(start.does("note:runs wait:go remove:go ready hang").spawn());
    // A run may be killed before the supervisor has looked at its log.
    let log = (1..=100).find_map(|count| {
        eventually("the run has its log", || {
            (scratch.read("runs").lines().count() == count).then_some(())
        });
        fs::remove_dir_all(&logs).expect("remove");
        scratch.write("go", "");
        if let Some(launch) = launch.take() {
            assert_eq!(launch.wait().code(), 0);
        }
        eventually("the run goes on", || {
            (!scratch.path("go").exists()).then_some(())
        });
        fs::create_dir(&logs).expect("mkdir");
        let runs = scratch.read("runs");
        let run = runs.lines().last().and_then(|pid| pid.parse().ok());
        let run = run.and_then(Process::open).expect("the run");
        run.signal(Signal::SIGKILL);
        let log = eventually("its end is told", || {
            let log = scratch.read("logs/report.log");
            log.contains("killed by SIGKILL").then_some(log)
        });
        log.contains("cannot rotate").then_some(log)
    });
    let log = log.unwrap_or_default();
    assert!(log.starts_with("report: cannot rotate the log "), "{log}");
    assert_eq!(log.matches("logs does not exist").count(), 1, "{log}");
    let stop = scratch.report().options(&options).args(["-s", "stop"]);
    assert_eq!(stop.run().code(), 0);
}

#[test]
fn supervisor_creates_no_log_beside_a_run() {
    requires!(linux("the files of another process"));
    let scratch = Scratch::new();
    let options = OPTIONS.replace("ready=exec", "ready=notify");
    let options = options.replace("log_rotate=4", "log_rotate=1000000");
    let start = scratch.background().options(&options);
    let steps = "note:run wait:go remove:report.log ready count";
    let launch = start.does(steps).spawn();
    eventually("the run is there", || {
        scratch.path("run").exists().then_some(())
    });
    // So its first look fails, and it has something to say.
    let mutex = scratch.path("report.pid.new");
    fs::create_dir(&mutex).expect("mkdir");
    scratch.write("go", "");
    assert_eq!(launch.wait().code(), 0);
    fs::remove_dir(&mutex).expect("rmdir");
    // With a log that the run does not write to, there would be nothing to rotate.
    let rotate = scratch.report().options(&options).args(["-s", "rotate"]);
    assert_eq!(rotate.does("panic").run().code(), 0);
    scratch.expect_growth("report.log");
    scratch.expect_growth("report.log");
    let stop = scratch.report().options(&options).args(["-s", "stop"]);
    assert_eq!(stop.run().code(), 0);
}

#[test]
fn verb_and_supervisor_rotate_the_log_of_eight_threads() {
    requires!(linux("the signal handlers of another process"));
    let scratch = Scratch::new();
    let options = OPTIONS.replace("log_rotate=4", "log_rotate=1\nlog_keep=1000");
    let start = scratch.background().options(&*options);
    let outcome = start.does("count-in-threads:8").run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let rotate = || {
        let start = scratch.report().options(&*options).args(["-s", "rotate"]);
        let outcome = start.does("panic").run();
        // On a busy machine another one may hold the lock for long.
        assert!([0, 75].contains(&outcome.code()), "{outcome:?}");
        usize::from(outcome.code() == 0)
    };
    // The supervisor looks at the beginning, and every ten seconds.
    let begin = Instant::now();
    let rotate_for_a_while = || {
        let mut count = 0;
        while begin.elapsed() < time_at_full_rate() {
            scratch.expect_growth("report.log");
            count += rotate();
            // As often as by one.
            thread::sleep(2 * PAUSE);
        }
        count
    };
    let count = thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(rotate_for_a_while));
        let counts = threads.map(|thread| thread.join().expect("the rotations"));
        counts.into_iter().max().unwrap_or_default()
    });
    scratch.expect_growth("report.log");
    scratch.stop();
    let name = |number| scratch.path(format!("report.log.{number}"));
    let old = (1..=1000)
        .take_while(|number| name(*number).exists())
        .count();
    assert!(
        count > 0 && old >= count,
        "{old} old logs, {count} rotations"
    );
    let names = (1..=old).rev().map(|number| format!("report.log.{number}"));
    let names = names.chain(["report.log".to_owned()]);
    // The supervisor may tell there that it stops.
    let is_ours = |line: &str| line.starts_with("report: ");
    expect_every_line_of_threads(names.map(|name| scratch.read(&name)), is_ours);
}

#[test]
fn supervisor_rotates_the_log_of_a_user_and_in_a_jail() {
    requires!(linux("the signal handlers of another process"), root);
    for (directory, more, owner) in [
        (
            "logs",
            format!("user={UNPRIVILEGED}\ngroup={UNPRIVILEGED}"),
            UNPRIVILEGED,
        ),
        ("jail/logs", "chroot=jail".to_owned(), 0),
    ] {
        let scratch = Scratch::new();
        fs::create_dir_all(scratch.path(directory)).expect("mkdir");
        let log = format!("{directory}/report.log");
        let options = OPTIONS.replace("report.log", &log);
        let options = format!("{options}\n{more}");
        fs::write(scratch.path(&log), "old\n").expect("write");
        chown(scratch.path(&log), Some(owner), Some(owner)).expect("chown");
        let outcome = scratch.background().options(&*options).does("count").run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
        eventually("the log is rotated", || {
            scratch.path(format!("{log}.1")).exists().then_some(())
        });
        scratch.expect_growth(&log);
        let new = fs::metadata(scratch.path(&log)).expect("the log");
        assert_eq!(new.uid(), owner);
        scratch.stop();
    }
}

#[test]
fn supervisor_says_that_a_run_does_not_follow() {
    requires!(linux("the signal handlers of another process"), preload);
    let scratch = Scratch::new();
    scratch.write("report.log", "old\n");
    // The run has ten seconds, which are half a second. A busy machine may take longer for a start.
    let options = OPTIONS.replace("ready=exec", "ready=notify\nready_timeout=86400");
    let clock = constructor::with_clock(&scratch, "* 20");
    let start = scratch
        .background()
        .options(options)
        .env("LD_PRELOAD", clock);
    assert_eq!(start.does("catch:10 ready hang").run().code(), 0);
    eventually("it says so", || {
        let log = scratch.read("report.log");
        log.contains("opened no new log within 10 s").then_some(())
    });
    let log = scratch.read("report.log");
    assert!(log.starts_with("old\nreport: cannot rotate"), "{log}");
    assert!(!scratch.path("report.log.1").exists());
    scratch.stop();
}

/// Fault 274: a removed file takes room on the disk until each process has closed it.
#[test]
fn supervisor_lets_go_of_a_log_that_was_replaced() {
    requires!(linux("the files of another process"), preload);
    let scratch = Scratch::new();
    let options = OPTIONS.replace("log_rotate=4", "log_reopen=10\nready_timeout=86400");
    let start = scratch.background().options(&options).does("hang");
    let start = start.env("LD_PRELOAD", constructor::with_fast_time(&scratch));
    assert_eq!(start.run().code(), 0);
    let run: i32 = scratch.read("report.pid").trim().parse().expect("a pid");
    let supervisor = process::stat(run).expect("the run").ppid;
    let has = |pid: i32, name: &str| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).expect("the descriptors");
        let mut files = files
            .flatten()
            .filter_map(|fd| fs::read_link(fd.path()).ok());
        files.any(|file| file == scratch.path(name))
    };
    eventually("both have the log", || {
        [run, supervisor]
            .iter()
            .all(|pid| has(*pid, "report.log"))
            .then_some(())
    });
    fs::remove_file(scratch.path("report.log")).expect("remove");
    let reopen = scratch.report().options(&options).args(["-s", "reopen"]);
    assert_eq!(reopen.run().code(), 0);
    for pid in [run, supervisor] {
        eventually("it has the new log", || {
            has(pid, "report.log").then_some(())
        });
        eventually("it has let go of the old one", || {
            (!has(pid, "report.log (deleted)")).then_some(())
        });
    }
    scratch.stop();
}
