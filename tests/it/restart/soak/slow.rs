//! Runs that take their time to end, verbs that meet, and a supervisor at rest.

use std::fs;
use std::thread;
use std::time::Duration;

use nix::sys::resource::Resource;
use nix::sys::signal::Signal;

use crate::hostile_files::file_systems::FUSE;
use crate::restart::stage::{OPTIONS, dumps_core_here};
use crate::support::constructor;
use crate::support::daemon::{expect_one_line, read_report};
use crate::support::deadline::eventually;
use crate::support::process::{self, Process};
use crate::support::requires;
use crate::support::rounds::{is_long, is_soak, rounds};
use crate::support::scratch::Scratch;

#[test]
fn child_that_ignores_sigterm_ends_before_the_next_run() {
    if !is_soak() {
        return;
    }
    let scratch = Scratch::new();
    let steps = "ignore:15 leave-child default:15 hang";
    let mut up = scratch.up_supervised(scratch.supervised(OPTIONS, steps));
    let child = eventually("the run has its child", || {
        let mut others = scratch.processes();
        others.retain(|pid| ![up.run.pid(), up.supervisor.pid()].contains(pid));
        others.first().copied().and_then(Process::open)
    });
    scratch.crash(&mut up);
    assert!(!child.is_alive());
    scratch.expect_line("killed by SIGKILL");
    up.supervisor.signal(Signal::SIGTERM);
    scratch.expect_stopped();
}

#[test]
fn slow_core_dump_ends_before_the_next_run() {
    requires!(linux("a core dump"));
    if !is_soak() || !dumps_core_here() {
        return;
    }
    let scratch = Scratch::new();
    let size = 256 << 20;
    let start = scratch.supervised(OPTIONS, "resident:256 report hang");
    let mut up = scratch.up_supervised(start.limit(Resource::RLIMIT_CORE, 2 * size));
    let core = || {
        let names = scratch.files().into_iter();
        let mut cores = names.filter(|name| name.to_string_lossy().starts_with("core"));
        let core = cores
            .next()
            .and_then(|name| fs::metadata(scratch.path(name)).ok());
        core.map_or(0, |core| core.len())
    };
    let report = scratch.path("report.json");
    for is_stopped in [false, true] {
        read_report(&report);
        fs::remove_file(&report).expect("remove");
        let old = up.run.pid();
        up.run.signal(Signal::SIGABRT);
        if is_stopped {
            // SIGKILL after a second, which cuts the dump.
            let stop = scratch.supervised_verb(OPTIONS, "stop").run();
            assert_eq!(stop.code(), 0, "{stop:?}");
            continue;
        }
        let next = scratch.next_named(&[old, up.supervisor.pid()]);
        assert!(core() >= size, "{} bytes", core());
        scratch.expect_line("killed by SIGABRT (core dumped)");
        up.run = Process::open(next).expect("the next run");
    }
    scratch.expect_stopped();
}

#[test]
fn run_that_hangs_and_ignores_sigterm_is_killed() {
    if !is_soak() {
        return;
    }
    let scratch = Scratch::new();
    let options = OPTIONS.replace("exec", "notify") + "\nready_timeout=1";
    let launch = scratch.supervised(&options, "ignore:15 hang").run();
    assert_eq!(launch.code(), 75, "{launch:?}");
    scratch.expect_stopped();
}

/// Its file system does not answer, and the launcher is the parent of the server.
#[test]
fn run_that_cannot_be_killed_does_not_hold_the_launcher() {
    requires!(namespaces, program("cc"));
    if !is_soak() {
        return;
    }
    let scratch = Scratch::new();
    let is_looked_up = r#"answer(fd, in->unique, -ENOENT, "", 0);"#;
    let server = constructor::wrapper(&scratch, &FUSE.replace(is_looked_up, ";"));
    let place = scratch.path("place");
    fs::create_dir(&place).expect("mkdir");
    let words = [&server, &place].map(|path| path.to_str().expect("a path").to_owned());
    let options = OPTIONS.replace("exec", "notify") + "\nready_timeout=1";
    let start = scratch.supervised(&options, "open:place/stuck");
    let words = ["unshare", "-m", &words[0], &words[1], "0"];
    let launch = start.under(&words).run();
    requires!(machine(launch.code() != 77, "a mount of FUSE"));
    assert_eq!(launch.code(), 75, "{launch:?}");
    expect_one_line(&launch, &["it never called daemon::ready()"]);
    // The server has ended, and so the run.
    scratch.expect_nothing_left();
}

#[test]
fn verbs_at_the_same_time_leave_one_daemon_at_most() {
    if !is_soak() {
        return;
    }
    let verbs = ["start", "stop", "restart"];
    let meet = |first: &str, second: &str| {
        for _ in 0..rounds(3, 30) {
            let scratch = Scratch::new();
            scratch.up_supervised(scratch.supervised(OPTIONS, "hang"));
            let both = [first, second].map(|verb| scratch.supervised_verb(OPTIONS, verb).spawn());
            for launch in both {
                let outcome = launch.wait();
                // It did so, or the other verb was faster.
                let codes = [0, 4, 64, 69, 70, 71, 75, 143];
                assert!(
                    codes.contains(&outcome.code()),
                    "{first} {second}: {outcome:?}"
                );
            }
            scratch.expect_supervised_order();
        }
    };
    thread::scope(|scope| {
        for first in verbs {
            scope.spawn(move || verbs.iter().for_each(|second| meet(first, second)));
        }
    });
}

#[test]
fn supervisor_at_rest_does_not_wake_up() {
    requires!(linux("the switches of a process"));
    if !is_soak() {
        return;
    }
    let scratch = Scratch::new();
    let up = scratch.up_supervised(scratch.supervised(OPTIONS, "hang"));
    let supervisor = up.supervisor.pid();
    let switches = || {
        let count = process::status_field(supervisor, "voluntary_ctxt_switches");
        count
            .expect("the switches")
            .parse::<u64>()
            .expect("a number")
    };
    // It has told its launcher, and closed what it needed for the start.
    let before = eventually("the supervisor is at rest", || {
        let before = switches();
        thread::sleep(Duration::from_millis(500));
        (switches() == before).then_some(before)
    });
    thread::sleep(Duration::from_secs(3));
    assert_eq!(switches(), before);
}

#[test]
fn later_run_has_half_a_minute_where_the_first_has_no_end() {
    requires!(machine(is_long(), "TEST_LONG"));
    let scratch = Scratch::new();
    let options = OPTIONS.replace("exec", "notify") + "\ntimeout_flag=--timeout";
    let start = scratch.supervised(&options, "note:runs run:second-hangs:runs ready hang");
    let mut up = scratch.up_supervised(start.args(["--timeout", "0"]));
    scratch.crash(&mut up);
    scratch.expect_line("not ready within 30 s");
    eventually("the third run is up", || {
        let status = scratch.supervised_verb(&options, "status").run();
        status.out_text().contains("running, pid").then_some(())
    });
}
