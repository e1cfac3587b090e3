//! Systems that lack something that a supervisor uses, and processes that see another system.

use std::fs;

use super::stage::{LONG_DELAY, OPTIONS};
use crate::emulators::in_gvisor;
use crate::fall_back::{System, library};
use crate::support::constructor;
use crate::support::deadline::eventually;
use crate::support::requires;
use crate::support::scratch::Scratch;

/// Starts `$0`, kills its run, waits for the next one and stops it; then the same after the end of the
/// supervisor.
const ROUND: &str = "
    say() { \"$@\" > said 2>&1; echo $? $(cut -d, -f1 said | sed 's/.*: //'); }
    say $0 -d
    say $0 -d
    say $0 -s start
    first=$(cat report.pid)
    kill -9 $first
    until $0 -s status > said 2>&1 && ! grep -q \"pid $first,\" said; do sleep 0.1; done
    echo next
    say $0 -s stop
    say $0 -s status | cut -d'(' -f1
    say $0 -d
    kill -9 $(cut -d' ' -f4 /proc/$(cat report.pid)/stat)
    until $0 -s status | grep 'not supervised' > said; do sleep 0.1; done
    say $0 -d
    say $0 -s stop
";

fn expect_round(said: &str) {
    let lines: Vec<_> = said.lines().map(str::trim_end).collect();
    let expected = [
        "0",
        "69 already running",
        "0 running",
        "next",
        "0 stopped",
        "3 not running",
        "0",
        "69 already running",
        "0 stopped",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn daemon_is_restarted_in_a_pid_namespace() {
    requires!(namespaces);
    let scratch = Scratch::new();
    let start = scratch.report().options(OPTIONS).does("hang");
    let words = [
        "unshare",
        "-pf",
        "--mount-proc",
        "--kill-child",
        "sh",
        "-c",
        ROUND,
    ];
    let outcome = start.under(&words).run();
    expect_round(&outcome.out_text());
}

#[test]
fn daemon_is_restarted_in_gvisor() {
    requires!(root, program("runsc"), linux("the fall back"));
    let scratch = Scratch::new();
    let commands = format!("export TEST_OPTIONS='{OPTIONS}'\n{ROUND}");
    if let Some((said, _)) = in_gvisor(&scratch, &["--network=none"], &commands) {
        expect_round(&said);
    }
}

#[test]
fn daemon_is_restarted_where_the_clones_do_less() {
    requires!(preload, linux("CLONE_PARENT"));
    for system in [
        System::IgnoresCloneParent,
        System::CopiesMemory,
        System::RefusesCloneParent,
    ] {
        let scratch = Scratch::new();
        let start = scratch.supervised(OPTIONS, "hang");
        let start = start.env("LD_PRELOAD", library(&scratch, system));
        let mut up = scratch.up_supervised(start);
        scratch.crash(&mut up);
        scratch.crash(&mut up);
        scratch.expect_supervised_order();
    }
}

/// Each look at the clock of the wall sees it ten years before or after the last one.
const CLOCK: &str = r#"
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <time.h>
    int clock_gettime(clockid_t id, struct timespec *time) {
        static int (*real)(clockid_t, struct timespec *);
        static long looks;
        if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
        int result = real(id, time);
        if (id == CLOCK_REALTIME) time->tv_sec += ++looks % 2 ? 150000000 : -150000000;
        return result;
    }
"#;

#[test]
fn clock_that_is_set_changes_no_delay() {
    requires!(preload, linux("the clocks"));
    let scratch = Scratch::new();
    let library = constructor::library(&scratch, CLOCK);
    let start = scratch.supervised(OPTIONS, "hang");
    let mut up = scratch.up_supervised(start.env("LD_PRELOAD", &library));
    scratch.crash(&mut up);
    scratch.crash(&mut up);
    scratch.expect_supervised_order();
    let start = scratch.supervised(LONG_DELAY, "hang");
    let up = scratch.up_supervised(start.env("LD_PRELOAD", &library));
    scratch.crash_before_delay(&up);
    for (verb, status, words) in [
        ("status", 2, "restart due in 9 min"),
        ("reload", 7, "restart due in 9 min"),
        ("stop", 0, "stopped"),
    ] {
        let verb = scratch.supervised_verb(LONG_DELAY, verb);
        let outcome = verb.env("LD_PRELOAD", &library).run();
        assert_eq!(outcome.code(), status, "{outcome:?}");
        let said = outcome.out_text() + &outcome.err_text();
        assert!(said.contains(words), "{outcome:?}");
    }
    scratch.expect_stopped();
}

#[test]
fn daemon_is_restarted_where_files_are_locked_whole() {
    requires!(linux("locks of open file descriptions"));
    let scratch = Scratch::new();
    let start = scratch.supervised(OPTIONS, "hang").without_ofd_locks();
    let mut up = scratch.up_supervised(start);
    scratch.crash(&mut up);
    let verb = |verb| scratch.supervised_verb(OPTIONS, verb).without_ofd_locks();
    eventually("the next run is up", || {
        let status = verb("status").run();
        let pid = format!("pid {}", up.run.pid());
        (status.code() == 0 && status.out_text().contains(&pid)).then_some(())
    });
    let stop = verb("stop").run();
    assert_eq!(stop.code(), 0, "{stop:?}");
    scratch.expect_stopped();
}

#[test]
fn every_run_has_the_root_directory() {
    requires!(root, linux("the root directory of a process"));
    let scratch = Scratch::new();
    let root = scratch.path("root");
    fs::create_dir(&root).expect("mkdir");
    let options = format!("{OPTIONS}\nchroot={}", root.display());
    let mut up = scratch.up_supervised(scratch.supervised(&options, "hang"));
    let root_of = |pid: i32| fs::read_link(format!("/proc/{pid}/root")).ok();
    for _ in 0..2 {
        eventually("the run has its root directory", || {
            (root_of(up.run.pid()).as_ref() == Some(&root)).then_some(())
        });
        assert_eq!(root_of(up.supervisor.pid()), Some("/".into()));
        scratch.crash(&mut up);
    }
    scratch.expect_supervised_order();
}
