//! What becomes of a daemon when the disk of its log is full.

use nix::sys::resource::Resource;

use crate::support::deadline::eventually;
use crate::support::outcome::Outcome;
use crate::support::requires;
use crate::support::scratch::Scratch;

/// Runs a script where the directory `small` is a file system of a few pages.
fn on_a_small_disk(scratch: &Scratch, steps: &str, script: &str) -> Outcome {
    std::fs::create_dir(scratch.path("small")).expect("mkdir");
    let script = format!("mount -t tmpfs -o size=16k tmpfs small && {script}");
    scratch
        .start("report")
        .under(&["unshare", "-m", "sh", "-c", &script])
        .options(
            "pid=report.pid
log=small/report.log
control_flag=-s",
        )
        .does(steps)
        .run()
}

#[test]
fn println_panics_with_a_full_log() {
    requires!(root);
    let scratch = Scratch::new();
    let outcome = on_a_small_disk(&scratch, "flood:100 stay", "$0 -d");
    // As in the foreground with its output on a full disk. Not even the panic has room.
    assert_eq!(outcome.code(), scratch.panic_status(), "{outcome:?}");
    scratch.expect_nothing_left();
}

#[test]
fn full_log_is_rotated() {
    requires!(linux("the signal handlers of another process"), root);
    let scratch = Scratch::new();
    let script = r"
        export TEST_OPTIONS='pid=report.pid
log=small/report.log
control_flag=-s
log_rotate=1
log_keep=1'
        $0 -d || exit 1
        until test -e full; do sleep 0.01; done
        $0 -s rotate || echo $?
        wc -c < small/report.log.1
        wc -c < small/report.log
        $0 -s stop > stopped
    ";
    let steps = "flood-lossy:100 create:full stay";
    let outcome = on_a_small_disk(&scratch, steps, script);
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert_eq!(outcome.out_text(), "16384\n0\n");
}

#[test]
fn rotation_on_a_full_disk_drops_no_old_log() {
    requires!(linux("the signal handlers of another process"), root);
    let scratch = Scratch::new();
    let script = r"
        export TEST_OPTIONS='pid=small/report.pid
log=small/report.log
control_flag=-s
log_rotate=1
log_keep=3'
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
    let outcome = on_a_small_disk(&scratch, steps, script);
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
        export TEST_OPTIONS='pid=report.pid
log=small/report.log
ready=exec
control_flag=-s
restart=on-failure
restart_delay=1..1
log_rotate=1000000'
        # Twenty bytes less than a page.
        head -c 4075 /dev/zero | tr '\0' x > small/report.log
        echo >> small/report.log
        dd if=/dev/zero of=small/other 2>&-
        $0 -d || exit 1
        until test -e runs; do sleep 0.01; done
        kill -KILL $(cat report.pid)
        until test $(wc -l < runs) = 2; do sleep 0.01; done
        tail -n +2 small/report.log
        echo
        rm small/other
        until tail -n 1 small/report.log | grep -q restart; do sleep 0.01; done
        tail -n +3 small/report.log
        $0 -s stop > stopped
    ";
    let outcome = on_a_small_disk(&scratch, "note:runs hang", script);
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
    let outcome = on_a_small_disk(&scratch, steps, script);
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
    let outcome = on_a_small_disk(&scratch, "hang", script);
    assert_eq!(outcome.code(), 0, "{outcome:?}");
}
