//! The holder of the lock: only that process is the daemon.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::geteuid;

use super::canary::Canary;
use super::stage::{OPTIONS, as_nobody, expect_answer, expect_failure};
use crate::support::daemon::read_report;
use crate::support::deadline::eventually;
use crate::support::process::Process;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::{lock, process, requires};

#[test]
fn daemon_without_its_first_thread_is_controlled() {
    requires!(linux("the holder of a lock"));
    let scratch = Scratch::new();
    let start = scratch.controlled("report end-first-thread");
    let start = start.env("TEST_THREAD", "catch:1 create:goes-on hang");
    let launch = start.run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    let pid = read_report(&scratch.path("report.json")).pid;
    eventually("its first thread has ended", || {
        let is_zombie = process::stat(pid)?.state == 'Z';
        (is_zombie && scratch.path("goes-on").exists()).then_some(())
    });
    let status = scratch.verb("status").run();
    let running = format!("report: running, pid {pid}, since ");
    assert!(status.out_text().starts_with(&running), "{status:?}");
    assert_eq!(scratch.verb("reload").run().code(), 0);
    let again = scratch.controlled("hang").run();
    expect_failure(&again, 69, &[&format!("already running, pid {pid}")]);
    expect_answer(
        &scratch.verb("stop").run(),
        0,
        &format!("stopped, pid {pid}"),
    );
    assert!(!scratch.path("report.pid").exists());
}

/// A busy machine may take longer for one look than a verb waits for a pid.
#[test]
fn daemon_that_becomes_ready_during_a_slow_look_is_found() {
    requires!(strace, linux("locks on ranges of bytes"));
    for (verb, answer) in [("status", "running, pid "), ("stop", "stopped, pid ")] {
        let scratch = Scratch::new();
        let options = OPTIONS.replace("exec", "notify");
        let start = scratch.controlled("wait:go ready hang").options(&options);
        let launch = start.spawn();
        let pid = eventually("the pid", || {
            let content = fs::read_to_string(scratch.path("report.pid")).ok()?;
            content.trim_end().parse::<i32>().ok()
        });
        let tampering = "pidfd_open:delay_enter=600000:when=1";
        let verb = scratch.verb_with(tampering, verb).spawn();
        thread::sleep(Duration::from_millis(300));
        scratch.write("go", "");
        let outcome = verb.wait();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
        let answer = format!("report: {answer}{pid}");
        assert!(outcome.out_text().starts_with(&answer), "{outcome:?}");
        assert_eq!(launch.wait().code(), 0);
        assert_eq!(scratch.verb("stop").run().code(), 0);
    }
}

/// An ordinary user may not look at the files of a thread that has ended, only at those of the others.
#[test]
fn lock_of_a_daemon_without_its_first_thread_is_seen() {
    requires!(linux("the holder of a lock"));
    let scratch = Scratch::new();
    fs::set_permissions(scratch.dir(), fs::Permissions::from_mode(0o777)).expect("chmod");
    // Another holder that can be seen refutes one that cannot.
    let start = as_nobody(scratch.controlled("report leak-lock end-first-thread"));
    let start = start.env("TEST_THREAD", "create:goes-on hang");
    let launch = start.run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    let pid = read_report(&scratch.path("report.json")).pid;
    eventually("its first thread has ended", || {
        scratch.path("goes-on").exists().then_some(())
    });
    let status = as_nobody(scratch.verb("status")).run();
    let daemon = Process::open(pid).expect("a daemon");
    daemon.signal(Signal::SIGKILL);
    daemon.wait();
    let running = format!("report: running, pid {pid}, since ");
    assert!(status.out_text().starts_with(&running), "{status:?}");
}

#[test]
fn process_without_the_lock_is_not_signalled() {
    requires!(linux("the holder of a lock"));
    let scratch = Scratch::new();
    let path = scratch.write("report.pid", "");
    // It has the file open, or holds the lock of another one.
    let file = File::open(&path).expect("the file");
    let other = lock::hold(&scratch.path("other.pid"));
    for mut canary in [Canary::new(), Canary::with(file), Canary::with(other)] {
        scratch.write("report.pid", format!("{}\n", canary.0.id()));
        let _lock = lock::hold(&path);
        for verb in ["status", "stop", "reload"] {
            let words = [
                "locked by process ",
                &*format!("the file names process {}", canary.0.id()),
            ];
            expect_failure(&scratch.verb(verb).run(), 4, &words);
        }
        canary.expect_alive();
    }
}

#[test]
fn lock_in_a_child_of_a_dead_daemon_is_reported() {
    requires!(linux("the holder of a lock"));
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("report wait:go leak-lock create:leaked stay");
    scratch.write("go", "");
    eventually("its child has the lock", || {
        scratch.path("leaked").exists().then_some(())
    });
    daemon.process.signal(Signal::SIGKILL);
    daemon.process.wait();
    let holders = lock::holders(&scratch.path("report.pid"));
    let [child] = holders[..] else {
        panic!("not one holder: {holders:?}")
    };
    for verb in ["status", "stop"] {
        let words = [
            &*format!("locked by process {child}"),
            &format!("the file names process {}", daemon.pid()),
        ];
        expect_failure(&scratch.verb(verb).run(), 4, &words);
    }
    assert!(process::stat(child).is_some(), "it was signalled");
}

/// Fault 232: as Ctrl-Z stops it. An ordinary user may not look at the descriptors of a zombie.
#[test]
fn stopped_launcher_of_a_dead_daemon_is_named() {
    requires!(linux("the holder of a lock"));
    expect_stopped_launcher_named(&Scratch::new(), |start| start);
    if geteuid().is_root() {
        let scratch = Scratch::new();
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(scratch.dir(), open).expect("chmod");
        expect_stopped_launcher_named(&scratch, as_nobody);
    }
}

fn expect_stopped_launcher_named(scratch: &Scratch, as_user: fn(Start) -> Start) {
    let options = OPTIONS.replace("ready=exec", "ready=notify\nready_timeout=600");
    let start = scratch.controlled("report hang").options(options);
    let launch = as_user(start).spawn();
    let daemon = read_report(&scratch.path("report.json")).pid;
    launch.signal(Signal::SIGSTOP);
    let launcher = launch.pid();
    eventually("the launcher is stopped", || {
        (process::stat(launcher)?.state == 'T').then_some(())
    });
    Process::open(daemon)
        .expect("it waits")
        .signal(Signal::SIGKILL);
    eventually("the daemon is dead", || {
        (process::stat(daemon)?.state == 'Z').then_some(())
    });
    let words = [
        &*format!("its launcher, pid {launcher}, is stopped"),
        &format!("use kill -CONT {launcher}"),
    ];
    let second = as_user(scratch.controlled("hang")).run();
    expect_failure(&second, 69, &words);
    for verb in ["status", "stop"] {
        expect_failure(&as_user(scratch.verb(verb)).run(), 4, &words);
    }
    launch.signal(Signal::SIGCONT);
    scratch.expect_failed_start(&launch.wait(), 137);
}

#[test]
fn only_the_locked_descriptor_is_opened() {
    requires!(linux("the holder of a lock"), strace);
    let scratch = Scratch::new();
    let other = scratch.write("other", "");
    let daemon = scratch.up_and_reported("open:other report hang");
    let leads_to_other = |fd: &u32| {
        let link = format!("/proc/{}/fd/{fd}", daemon.pid());
        fs::read_link(link).is_ok_and(|path| path == other)
    };
    let other = (3..100).find(leads_to_other).expect("it is open");
    let calls = ["-e", "trace=%stat,%lstat,statx"];
    let stop = scratch.verb("stop").traced(&calls);
    assert_eq!(stop.run().code(), 0);
    // Other descriptors may be on a file system that does not respond.
    let trace = scratch.read("trace");
    let looked_at = |fd: u32| trace.contains(&format!("/proc/{}/fd/{fd}\"", daemon.pid()));
    assert!((3..100).any(looked_at), "{trace}");
    assert!(!(0..3).chain([other]).any(looked_at), "{trace}");
}

#[test]
fn flock_proves_no_holder() {
    requires!(linux("the holder of a lock"));
    let scratch = Scratch::new();
    let path = scratch.write("report.pid", "\n");
    let _lock = lock::hold(&path);
    let flock = requires::find("flock").expect("flock");
    let mut holder = Command::new(flock);
    let holder = holder.arg("-F").arg(&path).args(["sleep", "600"]).spawn();
    let mut holder = Canary(holder.expect("flock"));
    eventually("it holds its lock", || {
        let details = fs::read_dir(format!("/proc/{}/fdinfo", holder.0.id())).ok()?;
        details
            .filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok())
            .any(|details| details.contains(" FLOCK ") && details.contains(" WRITE "))
            .then_some(())
    });
    scratch.write("report.pid", format!("{}\n", holder.0.id()));
    for verb in ["status", "reload", "stop"] {
        expect_failure(&scratch.verb(verb).run(), 4, &["the file names process"]);
    }
    holder.expect_alive();
}

#[test]
fn recycled_pid_is_not_signalled() {
    requires!(root);
    let scratch = Scratch::new();
    // The daemon is killed, and the next process gets its pid.
    let script = r"
        $0 -d || exit 1
        read pid < report.pid
        kill -9 $pid
        while kill -0 $pid 2>&-; do wait; done
        echo $((pid - 1)) > /proc/sys/kernel/ns_last_pid
        sleep 600 &
        test $! = $pid || exit 2
        $0 -s status; echo $?
        $0 -s reload; echo $?
        $0 -s stop; echo $?
        kill -0 $pid && echo alive
        kill $pid
    ";
    let outcome = scratch.first_process(script).run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let pid_file = format!(" (PID file {})", scratch.path("report.pid").display());
    let said = outcome.out_text().replace("report: ", "");
    let said = said.replace(&pid_file, "");
    let expected = "not running, but it left its PID file\n1\n7\nnot running\n0\nalive\n";
    assert_eq!(said, expected, "{outcome:?}");
}

#[test]
fn daemon_that_closed_its_lock_is_not_running() {
    let scratch = Scratch::new();
    let start = scratch.controlled("close-all create:closed hang");
    let launch = start.run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    eventually("it has closed everything", || {
        scratch.path("closed").exists().then_some(())
    });
    let status = scratch.verb("status").run();
    assert_eq!(status.code(), 1, "{status:?}");
    let daemon = scratch.expect_processes(1)[0];
    // No file names its pid, so no verb signals it.
    assert_eq!(scratch.verb("stop").run().code(), 0);
    scratch.expect_only(daemon);
}
