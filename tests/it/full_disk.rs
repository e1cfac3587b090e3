//! What becomes of a daemon when the disk of its log is full.

use nix::sys::resource::Resource;

use crate::control::stage::expect_failure;
use crate::log_rotation::stage::{gaps, numbers};
use crate::support::deadline::eventually;
use crate::support::outcome::Outcome;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::tools::Strace;

/// Runs a script where the directory `small` is a file system of a few pages.
fn on_a_small_disk(scratch: &Scratch, options: &str, steps: &str, script: &str) -> Outcome {
    std::fs::create_dir(scratch.path("small")).expect("mkdir");
    let script = format!("mount -t tmpfs -o size=16k tmpfs small && {script}");
    scratch
        .start("report")
        .under(&["unshare", "-m", "sh", "-c", &script])
        .options(format!(
            "pid=report.pid\nlog=small/report.log\ncontrol_flag=-s\n{options}"
        ))
        .does(steps)
        .run()
}

#[test]
fn println_panics_with_a_full_log() {
    requires!(root);
    let scratch = Scratch::new();
    let outcome = on_a_small_disk(&scratch, "", "flood:100 stay", "$0 -d");
    // As in the foreground with its output on a full disk. Not even the panic has room.
    assert_eq!(outcome.code(), scratch.panic_status(), "{outcome:?}");
    scratch.expect_nothing_left();
}

#[test]
fn full_log_is_rotated() {
    requires!(linux("the signal handlers of another process"), root);
    let scratch = Scratch::new();
    let script = r"
        $0 -d || exit 1
        until test -e full; do sleep 0.01; done
        $0 -s rotate || echo $?
        wc -c < small/report.log.1
        wc -c < small/report.log
        $0 -s stop > stopped
    ";
    let options = "log_rotate=1\nlog_keep=1";
    let steps = "flood-lossy:100 create:full stay";
    let outcome = on_a_small_disk(&scratch, options, steps, script);
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert_eq!(outcome.out_text(), "16384\n0\n");
}

#[test]
fn rotation_on_a_full_disk_drops_no_old_log() {
    requires!(linux("the signal handlers of another process"), root);
    let scratch = Scratch::new();
    let script = r"
        $0 -d || exit 1
        until test -e full; do sleep 0.01; done
        # Not even the mutex of the PID file can be made.
        mount -o remount,nr_inodes=3 small
        $0 -s rotate 2> said
        echo $? $(wc -l < said) $(grep -c 'No space left on device' said)
        mount -o remount,nr_inodes=9 small
        for round in 1 2 3; do $0 -s rotate || echo $?; done
        ls small
        # Room for the daemon, which has written all the time.
        rm small/report.log.1
        touch go
        until test -e again; do sleep 0.01; done
        $0 -s rotate || echo $?
        ls small
        cat small/report.log.1
        $0 -s stop > stopped
    ";
    let steps = "flood-lossy:100 create:full wait:go say-lossy:after create:again stay";
    let options = "pid=small/report.pid\nlog_rotate=1\nlog_keep=3";
    let outcome = on_a_small_disk(&scratch, options, steps, script);
    assert_eq!(
        (outcome.code(), &*outcome.err_text()),
        (0, ""),
        "{outcome:?}"
    );
    let shown = outcome.out_text();
    let names = "report.log\nreport.log.1\nreport.pid\n";
    let lost = shown.strip_prefix(&format!("73 1 1\n{names}{names}["));
    let lost = lost.and_then(|rest| rest.strip_suffix(" writes to this log were lost]\nafter\n"));
    assert!(
        lost.is_some_and(|lost| lost.parse::<u32>().is_ok()),
        "{shown}"
    );
}

#[test]
fn supervisor_tells_of_an_end_when_there_is_room() {
    requires!(linux("the restart of a run"), root);
    let scratch = Scratch::new();
    let script = r"
        # Twenty bytes less than a page.
        head -c 4075 /dev/zero | tr '\0' x > small/report.log
        echo >> small/report.log
        dd if=/dev/zero of=small/other 2>&-
        $0 -d || exit 1
        until test -s runs; do sleep 0.01; done
        kill -KILL $(cat report.pid)
        until test $(wc -l < runs) = 2; do sleep 0.01; done
        tail -n +2 small/report.log
        echo
        rm small/other
        until tail -n 1 small/report.log | grep -q restart; do sleep 0.01; done
        tail -n +3 small/report.log
        $0 -s stop > stopped
    ";
    let options = "ready=exec\nrestart=on-failure\nrestart_delay=1..1\nlog_rotate=1000000";
    let outcome = on_a_small_disk(&scratch, options, "note:runs hang", script);
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let shown = outcome.out_text();
    let line = shown.strip_prefix("report: killed by SI\nreport: killed by SIGKILL after ");
    let is_told = line.is_some_and(|rest| rest.ends_with("; restart in 1 ms\n"));
    assert!(is_told && shown.matches('\n').count() == 2, "{shown}");
}

#[test]
fn log_writer_counts_lines_lost_on_a_full_disk() {
    requires!(root);
    let scratch = Scratch::new();
    let steps = "flood-lossy:100 create:full wait:go say-lossy:after note-dropped:dropped stay";
    let script = r"
        $0 -d || exit 1
        until test -e full; do sleep 0.01; done
        head -c 16k small/report.log | wc -c
        : > small/report.log
        touch go
        until test -e dropped; do sleep 0.01; done
        cat small/report.log
        $0 -s stop
    ";
    let outcome = on_a_small_disk(&scratch, "", steps, script);
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let lost = scratch.read("dropped");
    let lost: u32 = lost.trim().parse().expect("a number");
    assert!((84..100).contains(&lost), "{lost}");
    let shown = outcome.out_text();
    let told = format!("\n[{lost} writes to this log were lost]\nafter\n");
    assert!(
        shown.starts_with("16384\n") && shown.contains(&told),
        "{shown}"
    );
}

#[test]
fn log_writer_survives_a_file_size_limit() {
    let scratch = Scratch::new();
    let steps = "flood-lossy:100 note-dropped:dropped stay";
    let start = scratch
        .background()
        .options("pid=report.pid\nlog=report.log")
        .limit(Resource::RLIMIT_FSIZE, 16 * 1024);
    let daemon = scratch.up(start.does(steps));
    eventually("it has gone on", || {
        scratch.path("dropped").exists().then_some(())
    });
    assert_eq!(scratch.read("dropped").trim(), "84");
    assert!(daemon.process.is_alive());
}

#[test]
fn daemon_starts_with_a_full_log() {
    requires!(root);
    let scratch = Scratch::new();
    let script = "dd if=/dev/zero of=small/other 2>&-; $0 -d && $0 -s stop";
    let outcome = on_a_small_disk(&scratch, "", "hang", script);
    assert_eq!(outcome.code(), 0, "{outcome:?}");
}

/// As where the user of the daemon has used up a quota: the calls fail as they do there.
#[test]
fn lines_beyond_a_quota_are_counted() {
    requires!(root, strace);
    let scratch = Scratch::new();
    let steps = "wait:go flood-lossy:30 note-dropped:dropped stay";
    let options = "pid=report.pid\nlog=report.log\nready=exec";
    let daemon = scratch.up(scratch.background().options(options).does(steps));
    let path = scratch.path("report.log").display().to_string();
    let inject = "inject=write:error=EDQUOT:when=5..14";
    let strace = Strace::attach(&scratch, daemon.pid(), &["-P", &path, "-e", inject]);
    scratch.write("go", "");
    let dropped = eventually("it has written all", || {
        let dropped = std::fs::read_to_string(scratch.path("dropped")).ok()?;
        dropped.strip_suffix('\n').map(str::to_owned)
    });
    drop(strace);
    assert_eq!(dropped, "10");
    let log = scratch.read("report.log");
    let lines: Vec<_> = log.lines().map(str::trim_start).collect();
    let mut expected: Vec<_> = (0..30).map(|line| line.to_string()).collect();
    expected.splice(4..14, ["[10 writes to this log were lost]".to_owned()]);
    assert_eq!(lines, expected);
}

#[test]
fn daemon_beyond_a_quota_keeps_its_log() {
    requires!(root, strace, linux("the files of another process"));
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\nready=exec\nlog_rotate=1\ncontrol_flag=-s";
    let daemon = scratch.writer(options);
    daemon.report();
    let log = scratch.path("report.log");
    let path = log.display().to_string();
    let inject = "inject=?open,openat:error=EDQUOT";
    let strace = Strace::attach(&scratch, daemon.pid(), &["-P", &path, "-e", inject]);
    std::fs::rename(&log, scratch.path("report.log.1")).expect("rename");
    daemon.process.signal(nix::sys::signal::Signal::SIGUSR1);
    let complaint = format!("report: cannot reopen the log {path}: Disk quota exceeded\n");
    eventually("the daemon says so", || {
        let old = scratch.read("report.log.1");
        old.contains(&complaint).then_some(())
    });
    scratch.expect_growth("report.log.1");
    drop(strace);
    let rotate = scratch.rotate(options);
    assert_eq!(rotate.code(), 0, "{rotate:?}");
    scratch.expect_growth("report.log");
    daemon.stop();
    let logs = scratch.logs().concat();
    assert_eq!(logs.matches(&*complaint).count(), 1);
    let written = numbers(&logs.replace(&complaint, ""));
    assert!(gaps(&written).is_empty(), "{:?}", gaps(&written));
}

#[test]
fn rotation_beyond_a_quota_loses_no_log() {
    requires!(strace);
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\nlog_rotate=1\nlog_keep=9\ncontrol_flag=-s";
    let names = ["report.log", "report.log.1", "report.log.2"];
    for name in names {
        scratch.write(name, format!("{name}\n"));
    }
    let rotate = |options_of_strace: &[&str]| {
        let start = scratch.report().options(options).args(["-s", "rotate"]);
        start.traced(options_of_strace).run()
    };
    let expect_all = || {
        let files = scratch.files().into_iter();
        let files = files.map(|name| name.to_string_lossy().into_owned());
        let logs = files.filter(|name| name.starts_with("report.log"));
        let mut logs: Vec<_> = logs.map(|name| scratch.read(&name)).collect();
        logs.sort_unstable();
        assert_eq!(logs, names.map(|name| format!("{name}\n")));
    };
    let expect_refused = |outcome: &Outcome| {
        expect_failure(outcome, 73, &["cannot ", "Disk quota exceeded"]);
        expect_all();
    };
    let path = scratch.path("report.pid.new").display().to_string();
    expect_refused(&rotate(&[
        "-P",
        &path,
        "-e",
        "inject=?open,openat:error=EDQUOT",
    ]));
    let calls = "rename,renameat,renameat2,link,linkat";
    let mut number = 1;
    loop {
        let inject = format!("inject={calls}:error=EDQUOT:when={number}");
        let outcome = rotate(&["-e", &inject]);
        if outcome.code() == 0 {
            break;
        }
        expect_refused(&outcome);
        number += 1;
    }
    assert!(number > 1);
    expect_all();
    assert!(!scratch.path("report.log").exists());
}
