//! Concurrent starts: one winner, and never a wrong pid beside a held lock.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::{fs, thread};

use crate::support::daemon::{Daemon, expect_one_line};
use crate::support::outcome::{Launch, Outcome};
use crate::support::rounds::{is_long, rounds};
use crate::support::scratch::Scratch;
use crate::support::trace::{self, Action, Role};
use crate::support::users::{HELLO, UNPRIVILEGED};
use crate::support::{lock, process, requires};

/// A pid that no process has: the largest pid of a kernel is 4194304.
const STALE: &str = "5000000\n";

/// The launcher that succeeded; all others reported that a daemon is running.
fn winner(outcomes: Vec<Outcome>) -> (Outcome, Vec<Outcome>) {
    let (mut up, refused): (Vec<_>, Vec<_>) = outcomes
        .into_iter()
        .partition(|outcome| outcome.code() == 0);
    assert_eq!(up.len(), 1, "one winner, and not {up:?}\nof {refused:?}");
    (up.remove(0), refused)
}

#[test]
fn one_of_fifty_concurrent_starts_wins() {
    for round in 0..rounds(4, 20) {
        let scratch = Scratch::new();
        if round % 2 == 1 {
            scratch.write("report.pid", STALE);
        }
        let launches: Vec<_> = (0..50)
            .map(|_| {
                scratch
                    .background()
                    .options("pid=report.pid\nready=exec")
                    .spawn()
            })
            .collect();
        let outcomes = launches.into_iter().map(Launch::wait).collect();
        let (up, refused) = winner(outcomes);
        let daemon = scratch.daemon_of(up, "report.pid");
        let pid = daemon.pid();
        let known = [
            format!("already running, pid {pid}\n"),
            format!("already being started, pid {pid}\n"),
            "already being started\n".to_owned(),
        ];
        for launch in refused {
            assert_eq!(launch.code(), 69, "{launch:?}");
            expect_one_line(&launch, &["already "]);
            let line = launch.err_text();
            assert!(known.iter().any(|known| line.ends_with(known)), "{line}");
        }
        scratch.expect_only(daemon.pid());
    }
}

#[test]
fn stale_pid_is_never_reported() {
    let scratch = Scratch::new();
    scratch.write("report.pid", STALE);
    let mut seen_locked = 0;
    // The first launcher is stopped before and after each of its system calls; each time another
    // one looks, and in the short form each fourth time.
    let step = if is_long() { 1 } else { 4 };
    let launch = trace::run(scratch.background(), |stop| {
        if stop.role != Role::Launcher || !lock::is_held(&scratch.path("report.pid")) {
            return Action::Go;
        }
        seen_locked += 1;
        if seen_locked % step != 0 {
            return Action::Go;
        }
        let second = scratch.background().run();
        assert_eq!(second.code(), 69, "{second:?}");
        let line = second.err_text();
        assert!(
            !line.contains("pid 5000000"),
            "a stale pid was reported: {line}"
        );
        Action::Go
    });
    scratch.daemon_of(launch, "report.pid");
    assert!(seen_locked > 10, "{seen_locked}");
}

#[test]
fn stale_pid_is_never_read_beside_a_lock() {
    let scratch = Scratch::new();
    scratch.write("report.pid", STALE);
    let path = scratch.path("report.pid");
    let mut wrong = Vec::new();
    // What a reader sees while the daemon writes its pid and executes.
    let launch = trace::run(scratch.background(), |stop| {
        if stop.role != Role::Launcher && lock::is_held(&path) {
            let content = fs::read_to_string(&path).unwrap_or_default();
            let first = content.lines().next().unwrap_or_default();
            let own = stop.role == Role::Daemon && first == stop.pid.to_string();
            if !first.is_empty() && !own && !is_daemon_of(first, &scratch) {
                wrong.push(content);
            }
        }
        Action::Go
    });
    scratch.daemon_of(launch, "report.pid");
    assert!(wrong.is_empty(), "{wrong:?}");
}

fn is_daemon_of(pid: &str, scratch: &Scratch) -> bool {
    pid.parse()
        .is_ok_and(|pid| scratch.processes().contains(&pid))
}

#[test]
fn exiting_daemon_keeps_the_file_of_a_new_one() {
    for _ in 0..rounds(20, 100) {
        let scratch = Scratch::new();
        let first = scratch.up(scratch.background().options("pid=report.pid\nready=exec"));
        first.report();
        fs::remove_file(scratch.path("report.json")).expect("the report");
        // The first one ends at the same time as the starts below try for its lock.
        let ender = thread::spawn(move || first.stop());
        let up = loop {
            let launch = scratch
                .background()
                .options("pid=report.pid\nready=exec")
                .run();
            match launch.code() {
                69 => {}
                _ => break launch,
            }
        };
        let second = scratch.daemon_of(up, "report.pid");
        ender.join().expect("the first one's end");
        assert_eq!(scratch.read("report.pid"), format!("{}\n", second.pid()));
        assert_eq!(lock::holders(&second.pid_file), [second.pid()]);
    }
}

#[test]
fn start_beside_a_stopped_launcher_is_refused() {
    requires!(linux("open file description locks"));
    let scratch = Scratch::new();
    let mut seen = 0;
    let launch = trace::run(scratch.background(), |stop| {
        // The intermediate process begins when everything of the launcher's is prepared.
        if stop.role == Role::Intermediate {
            let second = scratch.background().run();
            assert_eq!(second.code(), 69, "{second:?}");
            expect_one_line(&second, &["already being started"]);
            // There is no daemon yet that could have a pid, and the launcher is none.
            if seen == 0 {
                assert_eq!(scratch.read("report.pid"), "");
                let stop = scratch.verb("stop").run();
                assert_eq!(stop.code(), 4, "{stop:?}");
                expect_one_line(&stop, &["it is being started, and has no pid yet"]);
            }
            seen += 1;
        }
        Action::Go
    });
    scratch.daemon_of(launch, "report.pid");
    assert!(seen > 0);
}

#[test]
fn lock_on_a_removed_file_is_retried() {
    let scratch = Scratch::new();
    let first = scratch.up(scratch.background());
    first.report();
    fs::remove_file(scratch.path("report.json")).expect("the report");
    let mut first = Some(first);
    let pid_file = scratch.path("report.pid");
    // The second launcher has opened the file, and has not come to its lock, when the first daemon
    // ends and removes it.
    let launch = trace::run(scratch.background(), |stop| {
        if process::has_open(stop.pid, &pid_file) {
            first.take().map(Daemon::stop);
        }
        Action::Go
    });
    assert!(first.is_none(), "the first one has ended");
    let second = scratch.daemon_of(launch, "report.pid");
    assert_eq!(scratch.background().run().code(), 69);
    assert!(second.process.is_alive());
}

#[test]
fn file_of_the_user_at_path_new_is_kept() {
    let scratch = Scratch::new();
    scratch.write("report.pid.new", "precious\n");
    let launch = scratch.background().run();
    assert_eq!(launch.code(), 73, "{launch:?}");
    expect_one_line(&launch, &["report.pid.new", "no start has left it"]);
    let stop = scratch.report().options("pid=report.pid\ncontrol_flag=-s");
    assert_eq!(stop.args(["-s", "stop"]).run().code(), 0);
    assert_eq!(scratch.read("report.pid.new"), "precious\n");
    fs::remove_file(scratch.path("report.pid.new")).expect("clean up");
}

/// The PID files of instances may have such names.
#[test]
fn file_of_another_daemon_at_path_new_is_kept() {
    requires!(linux("locks on ranges of bytes"));
    let scratch = Scratch::new();
    let start = scratch
        .background()
        .options("pid=other.new\npid_mode=600\nready=exec");
    let daemon = scratch.daemon_of(start.does("hang").run(), "other.new");
    for content in [format!("{}\n", daemon.pid()), String::new()] {
        scratch.write("other.new", &content);
        let stop = scratch.report().options("pid=other\ncontrol_flag=-s");
        assert_eq!(stop.args(["-s", "stop"]).run().code(), 0);
        let left = fs::read_to_string(scratch.path("other.new"));
        assert_eq!(left.expect("the file of the daemon"), content);
    }
    scratch.write("other.new", format!("{}\n", daemon.pid()));
}

#[test]
fn leftovers_of_a_killed_start_are_used() {
    // What another user may have open, or know by another name, is not used.
    for (content, mode, has_second_name, is_used) in [
        ("", 0o600, false, true),
        ("", 0o000, false, true),
        ("", 0o644, false, false),
        ("", 0o600, true, false),
    ] {
        let scratch = Scratch::new();
        let left = scratch.write("report.pid.new", content);
        let open = fs::File::open(&left).expect("open what is left");
        fs::set_permissions(&left, fs::Permissions::from_mode(mode)).expect("chmod");
        if has_second_name {
            fs::hard_link(&left, scratch.path("second-name")).expect("link");
        }
        let daemon = scratch.up(scratch.background());
        assert!(!left.exists());
        let pid_file = fs::metadata(&daemon.pid_file).expect("the PID file");
        // Where only flock exists, no reader may be able to lock the file.
        let mode = if cfg!(daemon_fork) { 0o600 } else { 0o644 };
        assert_eq!((pid_file.mode() & 0o7777, pid_file.nlink()), (mode, 1));
        let left = open.metadata().expect("what was left");
        assert_eq!(pid_file.ino() == left.ino(), is_used, "{mode:o}");
        if has_second_name {
            assert_eq!(scratch.read("second-name"), content);
        }
    }
}

#[test]
fn endless_replacement_is_given_up() {
    let scratch = Scratch::new();
    let pid_file = scratch.path("report.pid.new");
    let mut replaced = 0;
    let launch = trace::run(scratch.background(), |stop| {
        if stop.role == Role::Launcher && process::has_open(stop.pid, &pid_file) {
            let new = scratch.write("new", "");
            fs::rename(new, &pid_file).expect("replace the new file");
            replaced += 1;
        }
        Action::Go
    });
    scratch.expect_refusal(&launch, 75, &["PID file", "another start or stop"]);
    // How often depends on the machine: the launcher gives up after a time.
    assert!(replaced > 1, "{replaced} times");
    scratch.expect_order();
}

#[test]
fn same_path_of_another_user_is_refused() {
    requires!(linux("open file description locks"), users);
    let scratch = Scratch::new();
    // Shared, as `/tmp` is.
    let place = scratch.directory_of(0, "place");
    fs::set_permissions(place, fs::Permissions::from_mode(0o1777)).expect("chmod");
    let start = |uid| {
        let options = "pid=place/report.pid\nready=exec";
        let start = scratch.report_as(uid).arg("-d").options(options);
        start.does("hang").run()
    };
    let daemon = scratch.daemon_of(start(HELLO), "place/report.pid");
    let second = start(UNPRIVILEGED);
    assert_eq!(second.code(), 78, "{second:?}");
    assert!(second.err_text().contains("it belongs to user 4711"));
    scratch.expect_only(daemon.pid());
    assert_eq!(start(HELLO).code(), 69);
}
