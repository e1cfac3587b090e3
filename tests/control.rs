//! The control verbs, on daemons of every kind of temper and on PID files of every kind of content.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken expectation is how a test fails"
)]

mod support;

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use daemon::{Control, ErrorKind, Status, Stopped};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, mkfifo, setgid, setgroups, setuid};

use support::daemon::{Daemon, expect_one_line};
use support::deadline::{End, eventually};
use support::lock;
use support::outcome::Outcome;
use support::process::{self, Process};
use support::requires;
use support::rounds::rounds;
use support::scratch::Scratch;
use support::start::Start;
use support::trace::{self, Action};

const OPTIONS: &str = "pid=report.pid\nlog=report.log\nready=exec\ncontrol_flag=-s\nstop_timeout=1";

impl Scratch {
    /// A start of a daemon that can be controlled, and takes these steps.
    fn controlled(&self, steps: &str) -> Start {
        self.background().options(OPTIONS).does(steps)
    }

    fn verb(&self, verb: &str) -> Start {
        self.report().options(OPTIONS).args(["-s", verb])
    }

    /// A verb some of whose system calls are tampered with, see `strace(1)`.
    fn verb_with(&self, tampering: &str, verb: &str) -> Start {
        let strace = requires::find("strace").expect("strace");
        self.verb(verb)
            .via(&strace)
            .args(["-f", "-qq", "-o", "trace", "-e"])
            .arg(format!("inject={tampering}"))
            .arg(support::program::path("report"))
            .args(["-s", verb])
    }

    fn control(&self) -> Control {
        Control::new(self.path("report.pid"))
    }

    /// A daemon that has come to its step `report`, or past it.
    fn up_and_reported(&self, steps: &str) -> Daemon {
        let daemon = self.up(self.controlled(steps));
        daemon.report();
        daemon
    }
}

/// A verb that succeeded and said so in one line.
fn expect_answer(outcome: &Outcome, status: i32, answer: &str) {
    assert_eq!(outcome.code(), status, "{outcome:?}");
    assert_eq!(outcome.out_text(), format!("report: {answer}\n"));
    assert_eq!(outcome.err_text(), "");
}

/// A verb that failed and said why in one line.
fn expect_failure(outcome: &Outcome, status: i32, words: &[&str]) {
    assert_eq!(outcome.code(), status, "{outcome:?}");
    expect_one_line(outcome, words);
}

/// A process that has nothing to do with any daemon, and whose number stands in files.
struct Canary(Child);

impl Canary {
    fn new() -> Self {
        Self::with(Stdio::null())
    }

    fn with(stdin: impl Into<Stdio>) -> Self {
        let mut command = Command::new("sleep");
        Self(command.arg("600").stdin(stdin).spawn().expect("sleep"))
    }

    fn expect_alive(&mut self) {
        assert!(
            self.0.try_wait().expect("wait").is_none(),
            "it was signalled"
        );
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[cfg_attr(daemon_fork, ignore = "the time of a start is not known there")]
#[test]
fn status_says_who_runs_since_when_and_where_it_logs() {
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("report stay");
    let outcome = scratch.verb("status").run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let answer = outcome.out_text();
    let log = scratch.path("report.log").display().to_string();
    let begin = format!("report: running, pid {}, since ", daemon.pid());
    let end = format!(", log {log}\n");
    let since = answer
        .strip_prefix(&begin)
        .and_then(|rest| rest.strip_suffix(&end));
    let since = since.unwrap_or_else(|| panic!("{outcome:?}"));
    let told = Command::new("date")
        .args(["-d", since, "+%s"])
        .output()
        .expect("date");
    let told: u64 = String::from_utf8_lossy(&told.stdout)
        .trim()
        .parse()
        .expect("a time");
    let now = UNIX_EPOCH.elapsed().expect("a time").as_secs();
    assert!(now.abs_diff(told) < 60, "{since} is not now");
}

#[cfg_attr(daemon_fork, ignore = "the output of others is not seen there")]
#[test]
fn status_names_the_log_that_the_daemon_has() {
    let scratch = Scratch::new();
    let other = OPTIONS.replace("report.log", "other.log");
    let _daemon = scratch.up(scratch.background().options(other).does("hang"));
    let outcome = scratch.verb("status").run();
    let log = scratch.path("other.log").display().to_string();
    assert!(
        outcome.out_text().ends_with(&format!(", log {log}\n")),
        "{outcome:?}"
    );
}

#[test]
fn without_a_daemon_each_verb_says_so() {
    let scratch = Scratch::new();
    expect_answer(&scratch.verb("status").run(), 3, "not running");
    expect_answer(&scratch.verb("stop").run(), 0, "not running");
    expect_failure(&scratch.verb("reload").run(), 7, &["not running"]);
    let reopen = scratch
        .verb("reopen")
        .options(format!("{OPTIONS}\nlog_reopen=10"));
    expect_failure(&reopen.run(), 7, &["not running"]);
    assert!(scratch.files().is_empty(), "{:?}", scratch.files());
}

#[test]
fn after_a_crash_status_is_1_and_stop_clears_the_file_away() {
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("report stay");
    daemon.process.signal(Signal::SIGKILL);
    daemon.process.wait();
    let left = "not running, but its PID file is left";
    expect_answer(&scratch.verb("status").run(), 1, left);
    expect_answer(&scratch.verb("stop").run(), 0, "not running");
    assert!(!scratch.path("report.pid").exists());
    expect_answer(&scratch.verb("status").run(), 3, "not running");
}

#[test]
fn stop_leaves_nothing_behind_with_a_handler_and_without() {
    let scratch = Scratch::new();
    for steps in ["stay", "hang"].repeat(10) {
        let daemon = scratch.up(scratch.controlled(steps));
        let answer = format!("stopped, pid {}", daemon.pid());
        expect_answer(&scratch.verb("stop").run(), 0, &answer);
        // The next one starts at once, and nobody has reaped the old one yet.
        assert!(!daemon.process.is_alive());
        assert!(!scratch.path("report.pid").exists(), "{steps}");
    }
}

#[test]
fn a_daemon_that_ignores_sigterm_is_killed() {
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("ignore:15 report hang");
    let outcome = scratch.verb("stop").run();
    let answer = format!("killed, pid {}: it did not end in time", daemon.pid());
    expect_answer(&outcome, 0, &answer);
    assert!(outcome.elapsed >= Duration::from_secs(1), "{outcome:?}");
    assert!(!scratch.path("report.pid").exists());
}

#[test]
fn a_daemon_that_is_stopped_is_woken_to_end() {
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("report stay");
    daemon.process.signal(Signal::SIGSTOP);
    eventually("it is stopped", || {
        (process::stat(daemon.pid())?.state == 'T').then_some(())
    });
    expect_answer(
        &scratch.verb("stop").run(),
        0,
        &format!("stopped, pid {}", daemon.pid()),
    );
}

#[cfg_attr(daemon_fork, ignore = "nobody says there who holds a lock")]
#[test]
fn a_daemon_whose_first_thread_has_ended_is_known_all_the_same() {
    let scratch = Scratch::new();
    let start = scratch.controlled("report end-first-thread");
    let start = start.env("TEST_THREAD", "catch:1 create:goes-on hang");
    let launch = start.run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    let pid = support::daemon::read_report(&scratch.path("report.json")).pid;
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

#[test]
fn of_two_stops_at_once_both_say_0() {
    let scratch = Scratch::new();
    for _ in 0..20 {
        scratch.up(scratch.controlled("stay"));
        let stops = [scratch.verb("stop").spawn(), scratch.verb("stop").spawn()];
        for outcome in stops.map(support::outcome::Launch::wait) {
            assert_eq!(outcome.code(), 0, "{outcome:?}");
        }
        assert!(!scratch.path("report.pid").exists());
        expect_answer(&scratch.verb("status").run(), 3, "not running");
    }
}

#[test]
fn stop_while_it_starts_ends_the_start() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("exec", "notify");
    let launch = scratch
        .background()
        .options(options)
        .does("report hang")
        .spawn();
    eventually("it is on its way", || {
        scratch.path("report.json").exists().then_some(())
    });
    let outcome = scratch.verb("stop").run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert!(outcome.out_text().contains("stopped, pid"), "{outcome:?}");
    let launch = launch.wait();
    scratch.expect_refusal(&launch, 143, &["killed by signal 15"]);
    assert!(!scratch.path("report.pid").exists());
}

#[cfg_attr(daemon_fork, ignore = "nobody says there who holds a lock")]
#[test]
fn stop_ends_a_start_though_only_the_launcher_is_seen_to_hold_the_lock() {
    if !requires::root() {
        return;
    }
    let scratch = Scratch::new();
    fs::set_permissions(scratch.dir(), fs::Permissions::from_mode(0o777)).expect("chmod");
    let options = OPTIONS.replace("exec", "notify");
    let start = scratch.background().options(options);
    let launch = as_nobody(start.does("undumpable report hang")).spawn();
    eventually("it is on its way", || {
        scratch.path("report.json").exists().then_some(())
    });
    let outcome = as_nobody(scratch.verb("stop")).run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    scratch.expect_refusal(&launch.wait(), 143, &["killed by signal 15"]);
}

/// With what a container gives to root.
fn with_few_capabilities(start: Start, arguments: &[&str]) -> Start {
    let kept = "-all,+chown,+dac_override,+fowner,+fsetid,+setgid,+setuid,+setpcap,+kill";
    let setpriv = requires::find("setpriv").expect("setpriv");
    start
        .via(&setpriv)
        .arg(format!("--bounding-set={kept}"))
        .arg("--inh-caps=-all")
        .arg(support::program::path("report"))
        .args(arguments)
}

#[cfg_attr(daemon_fork, ignore = "it is not known there who catches a signal")]
#[test]
fn root_of_a_container_controls_a_daemon_of_another_user() {
    if !requires::root() || !requires::program("setpriv") {
        return;
    }
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nuser=nobody\nlog_reopen=1");
    let start = scratch.background().options(&*options);
    let daemon = scratch.up(with_few_capabilities(start.does("catch:1 hang"), &["-d"]));
    for verb in ["status", "reload", "reopen", "stop"] {
        let start = scratch.report().options(&*options);
        let outcome = with_few_capabilities(start, &["-s", verb]).run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
    }
    assert!(!daemon.process.is_alive());
}

#[test]
fn whatever_stands_in_an_unlocked_file_nobody_is_signalled() {
    let scratch = Scratch::new();
    let mut canary = Canary::new();
    let number = canary.0.id();
    let long = "9".repeat(10_000_000);
    for content in [
        &format!("{number}\n"),
        &format!("\n{number}\n"),
        "",
        "\n",
        "abc",
        "-1\n",
        "0\n",
        "1\n",
        "2147483648\n",
        "4294967297\n",
        "99999999999999999999\n",
        "12 34\n",
        "0x10\n",
        "+5\n",
        " 5\n",
        "5\0\n",
        "5\r\n",
        &long,
    ] {
        scratch.write("report.pid", content);
        let left = "not running, but its PID file is left";
        expect_answer(&scratch.verb("status").run(), 1, left);
        expect_failure(&scratch.verb("reload").run(), 7, &["not running"]);
        expect_answer(&scratch.verb("stop").run(), 0, "not running");
    }
    // What no start leaves may be somebody's own.
    assert!(scratch.path("report.pid").exists());
    canary.expect_alive();
}

#[test]
fn a_locked_file_without_a_pid_is_reported_and_nobody_signalled() {
    let scratch = Scratch::new();
    let _lock = lock::hold(&scratch.path("report.pid"));
    for content in ["", "\n", "abc\n", "-1\n", "0\n", "1\n", "4294967297\n", "5"] {
        scratch.write("report.pid", content);
        for verb in ["status", "stop", "reload"] {
            let outcome = scratch.verb(verb).run();
            expect_failure(&outcome, 4, &["its content is not a pid"]);
        }
        assert_eq!(scratch.read("report.pid"), content);
    }
}

#[cfg_attr(daemon_fork, ignore = "nobody says there who holds a lock")]
#[test]
fn a_process_that_does_not_hold_the_lock_is_not_signalled() {
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
                &*format!("not provably by {}", canary.0.id()),
            ];
            expect_failure(&scratch.verb(verb).run(), 4, &words);
        }
        canary.expect_alive();
    }
}

#[test]
fn a_file_of_any_length_is_read_as_far_as_a_pid_can_stand() {
    let scratch = Scratch::new();
    let lock = lock::hold(&scratch.path("report.pid"));
    // No memory holds so much, and no disk need.
    lock.set_len(1 << 40).expect("a length");
    let outcome = scratch.verb("status").run();
    expect_failure(&outcome, 4, &["its content is not a pid"]);
}

#[cfg_attr(daemon_fork, ignore = "nobody says there who holds a lock")]
#[test]
fn a_lock_that_outlives_the_daemon_in_its_child_is_reported() {
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
            &format!("not provably by {}", daemon.pid()),
        ];
        expect_failure(&scratch.verb(verb).run(), 4, &words);
    }
    assert!(process::stat(child).is_some(), "it was signalled");
}

#[cfg_attr(daemon_fork, ignore = "nobody says there who holds a lock")]
#[test]
fn stop_does_not_say_that_the_lock_is_free_while_a_child_holds_it() {
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("report wait:go leak-lock create:leaked stay");
    scratch.write("go", "");
    eventually("its child has the lock", || {
        scratch.path("leaked").exists().then_some(())
    });
    let ended = format!("pid {} has ended, but process ", daemon.pid());
    expect_failure(&scratch.verb("stop").run(), 4, &[&ended]);
}

#[test]
fn stop_removes_a_file_only_while_nobody_can_begin_to_use_it() {
    if !requires::program("strace") {
        return;
    }
    let scratch = Scratch::new();
    scratch.write("report.pid", "5000000\n");
    let slowly = "?unlink,unlinkat:delay_enter=500000";
    let stop = scratch.verb_with(slowly, "stop").spawn();
    eventually("it is about to remove the file", || {
        lock::is_held(&scratch.path("report.pid")).then_some(())
    });
    assert_eq!(scratch.controlled("hang").run().code(), 69);
    expect_answer(&stop.wait(), 0, "not running");
    assert!(!scratch.path("report.pid").exists());
}

#[test]
fn stop_removes_no_file_that_a_new_daemon_has_made_meanwhile() {
    let mut up = 0;
    for number in 1.. {
        let scratch = Scratch::new();
        let path = scratch.write("report.pid", "5000000\n");
        let (mut stops, mut launch) = (0, None);
        trace::run(scratch.verb("stop"), |stop| {
            stops += usize::from(process::has_open(stop.pid, &path));
            if stops == number && launch.is_none() {
                // Another one is quicker, and the next daemon makes a file of its own.
                scratch.verb("stop").run();
                launch = Some(scratch.controlled("hang").run());
            }
            Action::Go
        });
        match launch {
            Some(launch) if launch.code() == 0 => {
                scratch.daemon_of(launch, "report.pid");
                up += 1;
            }
            // There who looks at a lock holds one, and this one is held up while it looks.
            Some(launch) if cfg!(daemon_fork) && launch.code() == 73 => {}
            Some(launch) => assert_eq!(launch.code(), 69, "{launch:?}"),
            None => break,
        }
    }
    assert!(up > 5, "{up}");
}

#[test]
fn a_daemon_that_ends_by_itself_at_any_moment_of_a_stop_is_stopped() {
    let mut ended = 0;
    for number in 1.. {
        let scratch = Scratch::new();
        let daemon = scratch.up(scratch.controlled("hang"));
        // As after a change of the clock: it must be enough that it was seen to hold the lock.
        let pid_file = File::open(&daemon.pid_file).expect("open the PID file");
        pid_file.set_modified(UNIX_EPOCH).expect("set its time");
        let (mut stops, mut is_ended) = (0, false);
        let stop = trace::run(scratch.verb("stop"), |stop| {
            stops += usize::from(process::has_open(stop.pid, &daemon.pid_file));
            if stops == number && !is_ended {
                daemon.process.signal(Signal::SIGKILL);
                daemon.process.wait();
                is_ended = true;
            }
            Action::Go
        });
        assert_eq!(stop.code(), 0, "{number}: {stop:?}");
        assert!(!daemon.pid_file.exists(), "{number}: {stop:?}");
        if !is_ended {
            break;
        }
        ended += 1;
    }
    assert!(ended > 20, "{ended}");
}

#[test]
fn what_is_no_regular_file_is_not_waited_for() {
    let scratch = Scratch::new();
    let path = scratch.path("report.pid");
    mkfifo(&path, Mode::S_IRWXU).expect("mkfifo");
    expect_failure(&scratch.verb("stop").run(), 4, &["not a regular file"]);
    fs::remove_file(&path).expect("remove");
    fs::create_dir(&path).expect("mkdir");
    expect_failure(&scratch.verb("stop").run(), 4, &["not a regular file"]);
    fs::remove_dir(&path).expect("remove");
    drop(UnixListener::bind(&path).expect("bind"));
    expect_failure(&scratch.verb("stop").run(), 4, &["not a regular file"]);
    fs::remove_file(&path).expect("remove");
    symlink(scratch.write("victim", "1234\n"), &path).expect("link");
    let words = ["report.pid: it is a symbolic link"];
    expect_failure(&scratch.verb("stop").run(), 4, &words);
    assert_eq!(scratch.read("victim"), "1234\n");
}

#[cfg_attr(daemon_fork, ignore = "it is not known there who catches a signal")]
#[test]
fn reload_never_kills() {
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("report stay");
    expect_failure(&scratch.verb("reload").run(), 4, &["no handler"]);
    assert!(daemon.process.is_alive());
    expect_answer(
        &scratch.verb("stop").run(),
        0,
        &format!("stopped, pid {}", daemon.pid()),
    );
    fs::remove_file(scratch.path("report.json")).expect("the report");

    // As a program does that takes it by sigwait(3): without a handler beside it, and with one.
    let daemon = scratch.up_and_reported("block:1 report stay");
    expect_failure(&scratch.verb("reload").run(), 4, &["that can be seen"]);
    assert!(daemon.process.is_alive());
    assert_eq!(scratch.verb("stop").run().code(), 0);
    fs::remove_file(scratch.path("report.json")).expect("the report");

    let daemon = scratch.up_and_reported("catch:1 block:1 report stay");
    let outcome = scratch.verb("reload").run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert!(daemon.process.is_alive());
}

#[test]
fn restart_uses_the_new_command_line_and_starts_what_is_down() {
    let scratch = Scratch::new();
    for word in ["first", "second"] {
        let outcome = scratch.verb("restart").arg(word).run();
        let daemon = scratch.daemon_of(outcome, "report.pid");
        let report = daemon.report();
        assert_eq!(report.arguments[1..], [word.as_bytes().to_vec()]);
        fs::remove_file(scratch.path("report.json")).expect("the report");
    }
    assert_eq!(scratch.processes().len(), 1);
}

#[test]
fn a_restart_whose_start_fails_says_that_the_old_daemon_is_stopped() {
    let scratch = Scratch::new();
    scratch.up_and_reported("report stay");
    let options = OPTIONS.replace("exec", "settled");
    let outcome = scratch
        .verb("restart")
        .options(options)
        .does("return:3")
        .run();
    assert_eq!(outcome.code(), 3, "{outcome:?}");
    assert!(
        outcome
            .err_text()
            .contains("stopped the old daemon, but cannot start")
    );
    scratch.expect_nothing_left();
}

#[test]
fn a_restart_that_cannot_start_does_not_stop() {
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("report stay");
    let restart = scratch
        .verb("restart")
        .options(format!("{OPTIONS}\nworkdir="));
    expect_failure(&restart.run(), 78, &["empty"]);
    assert!(daemon.process.is_alive());
}

#[test]
fn a_verb_beside_the_switch_and_an_unknown_one_are_usage_errors() {
    let scratch = Scratch::new();
    expect_failure(&scratch.verb("stop").arg("-d").run(), 64, &["-d"]);
    expect_failure(&scratch.verb("halt").run(), 64, &["unknown verb halt"]);
}

#[test]
fn a_verb_creates_no_directory() {
    let scratch = Scratch::new();
    let options = "pid_template={state_dir}/{name}/report.pid\ncontrol_flag=-s";
    let status = scratch.verb("status").options(options);
    let status = as_nobody(status).env("XDG_STATE_HOME", scratch.path("state"));
    fs::set_permissions(scratch.dir(), fs::Permissions::from_mode(0o777)).expect("chmod");
    expect_answer(&status.run(), 3, "not running");
    assert!(!scratch.path("state").exists());
}

/// A start as another user, if this one may.
fn as_nobody(start: Start) -> Start {
    let nobody = 65534;
    if !Uid::effective().is_root() {
        return start;
    }
    start.before_exec(move || {
        setgroups(&[])?;
        setgid(Gid::from_raw(nobody))?;
        Ok(setuid(Uid::from_raw(nobody))?)
    })
}

#[cfg_attr(daemon_fork, ignore = "it is not known there who catches a signal")]
#[test]
fn another_users_daemon_is_seen_and_not_stopped() {
    if !requires::root() {
        return;
    }
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("catch:1 report stay");
    let status = as_nobody(scratch.verb("status")).run();
    assert_eq!(status.code(), 0, "{status:?}");
    assert!(
        status
            .out_text()
            .contains(&format!("running, pid {}", daemon.pid()))
    );
    for verb in ["stop", "reload"] {
        let outcome = as_nobody(scratch.verb(verb)).run();
        expect_failure(&outcome, 4, &["Operation not permitted"]);
    }
    assert!(daemon.process.is_alive());
}

#[test]
fn a_number_that_changes_while_it_is_looked_at_is_not_believed() {
    if !requires::root() {
        return;
    }
    let scratch = Scratch::new();
    // Nobody can see what root's processes have open.
    let (old, new) = (Canary::new(), Canary::new());
    let path = scratch.write("report.pid", format!("{}\n", old.0.id()));
    let _lock = lock::hold(&path);
    let status = as_nobody(scratch.verb("status")).spawn();
    eventually("it looks a second time", || {
        (process::stat(status.pid())?.state == 'S').then_some(())
    });
    scratch.write("report.pid", format!("{}\n", new.0.id()));
    expect_failure(&status.wait(), 4, &["report.pid"]);
}

#[cfg_attr(daemon_fork, ignore = "the time of a start is not known there")]
#[test]
fn who_cannot_be_seen_into_is_signalled_only_if_it_wrote_its_number_at_its_start() {
    if !requires::root() {
        return;
    }
    let scratch = Scratch::new();
    let canary = Canary::new();
    let path = scratch.write("report.pid", format!("{}\n", canary.0.id()));
    let lock = lock::hold(&path);
    let stop = || as_nobody(scratch.verb("stop")).run();
    expect_failure(&stop(), 4, &["Operation not permitted"]);
    let later = std::time::SystemTime::now() + Duration::from_secs(60);
    File::open(&path)
        .and_then(|file| file.set_modified(later))
        .expect("touch");
    expect_failure(&stop(), 4, &["not provably by"]);
    drop(lock);
}

#[cfg_attr(daemon_fork, ignore = "nobody says there who holds a lock")]
#[test]
fn a_descriptor_without_the_lock_is_not_looked_at() {
    if !requires::program("strace") {
        return;
    }
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.controlled("hang"));
    let strace = requires::find("strace").expect("strace");
    let stop = scratch
        .verb("stop")
        .via(&strace)
        .args(["-f", "-qq", "-o", "trace", "-e", "trace=%stat,%lstat,statx"])
        .arg(support::program::path("report"))
        .args(["-s", "stop"]);
    assert_eq!(stop.run().code(), 0);
    // Its log may be on a file system that does not answer any more.
    let trace = scratch.read("trace");
    let looked_at = |number: u32| trace.contains(&format!("/proc/{}/fd/{number}\"", daemon.pid()));
    assert!((3..100).any(looked_at), "{trace}");
    assert!(!(0..3).any(looked_at), "{trace}");
}

#[cfg_attr(daemon_fork, ignore = "nobody says there who holds a lock")]
#[test]
fn a_number_that_cannot_be_seen_into_is_not_believed_beside_a_holder_that_is_seen() {
    if !requires::root() {
        return;
    }
    let scratch = Scratch::new();
    let (daemon, other) = (as_nobody(scratch.controlled("hang")), Canary::new());
    fs::set_permissions(scratch.dir(), fs::Permissions::from_mode(0o777)).expect("chmod");
    let daemon = scratch.up(daemon);
    scratch.write("report.pid", format!("{}\n", other.0.id()));
    let status = as_nobody(scratch.verb("status")).run();
    expect_failure(
        &status,
        4,
        &["locked by process", &daemon.pid().to_string()],
    );
    scratch.write("report.pid", format!("{}\n", daemon.pid()));
}

#[cfg_attr(daemon_fork, ignore = "nobody says there who holds a lock")]
#[test]
fn a_lock_of_another_kind_proves_nothing() {
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
        expect_failure(&scratch.verb(verb).run(), 4, &["not provably by"]);
    }
    holder.expect_alive();
}

#[test]
fn root_does_not_signal_what_others_may_have_written() {
    if !requires::root() {
        return;
    }
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("catch:1 report stay");
    let path = scratch.path("report.pid");
    let refused = |words| {
        for verb in ["stop", "reload"] {
            expect_failure(&scratch.verb(verb).run(), 4, &[words]);
        }
    };
    let chmod = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    };
    chmod(&path, 0o666);
    refused("other users can write to it");
    chmod(&path, 0o644);
    chown(&path, Some(65534), None).expect("chown");
    refused("it belongs to user 65534");
    chown(&path, Some(0), None).expect("chown");
    chmod(scratch.dir(), 0o777);
    refused("anyone can replace it");
    chmod(scratch.dir(), 0o755);
    expect_answer(
        &scratch.verb("stop").run(),
        0,
        &format!("stopped, pid {}", daemon.pid()),
    );
}

#[cfg_attr(daemon_fork, ignore = "there are none there")]
#[test]
fn without_pidfds_the_verbs_work_all_the_same() {
    if !requires::program("strace") {
        return;
    }
    let scratch = Scratch::new();
    for error in ["ENOSYS", "EPERM"] {
        let daemon = scratch.up(scratch.controlled("hang"));
        let calls = format!("pidfd_open,pidfd_send_signal:error={error}");
        let stop = scratch.verb_with(&calls, "stop").run();
        assert!(scratch.read("trace").contains("(INJECTED)"), "{stop:?}");
        expect_answer(&stop, 0, &format!("stopped, pid {}", daemon.pid()));
        assert!(!scratch.path("report.pid").exists());
    }
}

#[cfg_attr(daemon_fork, ignore = "the fault is that of another call there")]
#[test]
fn a_daemon_that_does_not_even_die_of_sigkill_is_given_up() {
    if !requires::program("strace") {
        return;
    }
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.controlled("hang"));
    // The signals are said to be sent, and do not arrive.
    let stop = scratch
        .verb_with("pidfd_send_signal:retval=0", "stop")
        .run();
    expect_failure(&stop, 75, &["not even by SIGKILL"]);
    assert!(daemon.process.is_alive());
    assert!(stop.elapsed < Duration::from_secs(30), "{stop:?}");
}

#[test]
fn of_several_daemons_a_verb_means_the_one_whose_file_is_chosen() {
    let scratch = Scratch::new();
    let options = "control_flag=-s\npid_flag=--pid-file\nlog=report.log\nready=exec";
    let up = |pid_file: &str| {
        let start = scratch.background().options(options).does("stay");
        scratch.daemon_of(start.args(["--pid-file", pid_file]).run(), pid_file)
    };
    let (one, two) = (up("1.pid"), up("2.pid"));
    let stop = scratch.report().options(options);
    let stop = stop.args(["-s", "stop", "--pid-file", "2.pid"]).run();
    expect_answer(&stop, 0, &format!("stopped, pid {}", two.pid()));
    assert!(one.process.is_alive() && !two.process.is_alive());
    let status = scratch
        .report()
        .options(options)
        .args(["-s", "status"])
        .run();
    expect_failure(&status, 78, &["no PID file"]);
}

#[test]
fn a_number_that_was_given_away_again_belongs_to_an_innocent() {
    if !requires::root() {
        return;
    }
    let scratch = Scratch::new();
    // The daemon is killed, and the next process gets its number.
    let script = r"
        $1 -d || exit 1
        read pid < report.pid
        kill -9 $pid
        while kill -0 $pid 2>&-; do wait; done
        echo $((pid - 1)) > /proc/sys/kernel/ns_last_pid
        sleep 600 &
        test $! = $pid || exit 2
        $1 -s status; echo $?
        $1 -s reload; echo $?
        $1 -s stop; echo $?
        kill -0 $pid && echo alive
        kill $pid
    ";
    let outcome = scratch.in_pid_namespace(script).run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let said = outcome.out_text().replace("report: ", "");
    let expected = "not running, but its PID file is left\n1\n7\nnot running\n0\nalive\n";
    assert_eq!(said, expected, "{outcome:?}");
}

#[cfg_attr(daemon_fork, ignore = "nobody says there who holds a lock")]
#[test]
fn a_daemon_in_another_pid_namespace_is_not_mistaken_for_its_number_here() {
    if !requires::root() {
        return;
    }
    let scratch = Scratch::new();
    let script = "$1 -d && touch up && while test ! -e go; do sleep 0.01; done";
    let other = scratch.in_pid_namespace(script).spawn();
    eventually("it is up", || scratch.path("up").exists().then_some(()));
    for verb in ["status", "stop", "reload"] {
        let outcome = scratch.verb(verb).run();
        assert_eq!(outcome.code(), 4, "{outcome:?}");
    }
    assert!(other.is_alive());
    scratch.write("go", "");
    other.wait();
}

#[cfg_attr(daemon_fork, ignore = "nobody says there who holds a lock")]
#[test]
fn where_proc_shows_another_pid_namespace_its_numbers_prove_nothing() {
    if !requires::root() {
        return;
    }
    let scratch = Scratch::new();
    // It would survive a reload.
    let daemon = scratch.up_and_reported("catch:1 report stay");
    let script = r"
        read pid < report.pid
        echo $((pid - 1)) > /proc/sys/kernel/ns_last_pid
        sleep 600 &
        test $! = $pid || exit 2
        for verb in status reload stop; do $1 -s $verb; echo $?; done
        kill -0 $pid && echo alive
    ";
    let outcome = scratch.beside_foreign_proc(script).run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert_eq!(outcome.out_text(), "4\n4\n4\nalive\n", "{outcome:?}");
    assert!(daemon.process.is_alive());
}

#[cfg_attr(daemon_fork, ignore = "no sockets of another process are seen there")]
#[test]
fn where_proc_shows_another_pid_namespace_a_daemon_that_is_to_listen_may_settle() {
    if !requires::root() {
        return;
    }
    let scratch = Scratch::new();
    let script = "$1 -d; echo $?; kill $(cat report.pid)";
    let options = OPTIONS.replace("exec", "listening");
    let outcome = scratch.beside_foreign_proc(script).options(options).run();
    assert_eq!(outcome.out_text(), "0\n", "{outcome:?}");
    assert!(outcome.elapsed < Duration::from_secs(25), "{outcome:?}");
}

impl Scratch {
    /// A shell as process 1 of its own pid namespace; `$1` is the program `report`.
    fn in_pid_namespace(&self, script: &str) -> Start {
        self.unshared(&["-pfm", "--mount-proc"], script)
    }

    /// The same with the `/proc` of the namespace that it was started in.
    fn beside_foreign_proc(&self, script: &str) -> Start {
        self.unshared(&["-pf"], script)
    }

    fn unshared(&self, options: &[&str], script: &str) -> Start {
        let unshare = requires::find("unshare").expect("unshare");
        self.start_path(&unshare)
            .options(OPTIONS)
            .does("hang")
            .args(options)
            .args(["--kill-child", "sh", "-c", script, "sh"])
            .arg(support::program::path("report"))
    }
}

#[test]
fn starts_and_stops_that_race_leave_one_daemon_or_none() {
    let scratch = Scratch::new();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _end = End(&is_over);
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let stop = scratch.verb("stop").run();
                // A launcher that gets no processor leaves the pid unknown for too long.
                let is_unknown = stop.err_text().contains("its content is not a pid");
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
    // A daemon whose file somebody else had removed could not be stopped any more, and would be left.
    scratch.expect_nothing_left();
}

#[test]
fn looking_at_a_daemon_never_makes_a_start_fail() {
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

#[test]
fn a_verb_that_was_killed_is_repeated() {
    let scratch = Scratch::new();
    let patient = OPTIONS.replace("stop_timeout=1", "stop_timeout=60");
    for verb in ["stop", "restart"] {
        let daemon = scratch.up_and_reported("ignore:15 report hang");
        let first = scratch.verb(verb).options(&patient).spawn();
        eventually("it waits for the end", || {
            (process::stat(first.pid())?.state == 'S').then_some(())
        });
        first.signal(Signal::SIGKILL);
        first.wait();
        assert!(daemon.process.is_alive());
        let second = scratch.verb(verb).does("hang").run();
        assert_eq!(second.code(), 0, "{second:?}");
        assert!(!daemon.process.is_alive());
        scratch.verb("stop").run();
        fs::remove_file(scratch.path("report.json")).expect("the report");
    }
}

#[cfg_attr(daemon_fork, ignore = "the time of a start is not known there")]
#[test]
fn a_program_controls_a_daemon_by_its_path() {
    let scratch = Scratch::new();
    let control = scratch.control();
    let timeout = Duration::from_secs(5);
    assert_eq!(control.status().expect("status"), Status::NotRunning);
    assert_eq!(control.stop(timeout).expect("stop"), Stopped::NotRunning);
    let error = control
        .signal(daemon::Signal::SIGTERM)
        .expect_err("nobody is there");
    assert_eq!(
        (error.kind(), error.exit_status()),
        (ErrorKind::NotRunning, 7)
    );

    let daemon = scratch.up_and_reported("catch:12 report stay");
    let own = daemon.pid().unsigned_abs();
    match control.status().expect("status") {
        Status::Running { pid, since, .. } => {
            assert_eq!(pid, own);
            let age = since.expect("a start time").elapsed().unwrap_or_default();
            assert!(age < Duration::from_secs(60), "{age:?}");
        }
        other => panic!("{other:?}"),
    }
    control
        .signal(daemon::Signal::SIGUSR2)
        .expect("a signal it handles");
    assert!(daemon.process.is_alive());
    match control.stop(timeout).expect("stop") {
        Stopped::Ended { pid, .. } => assert_eq!(pid, own),
        other => panic!("{other:?}"),
    }
    assert!(!scratch.path("report.pid").exists());
}

#[cfg_attr(daemon_fork, ignore = "it takes 100 ms there to know the daemon")]
#[test]
fn stop_returns_when_the_daemon_ends_and_not_at_the_timeout() {
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("report stay");
    let process = Process::open(daemon.pid()).expect("the daemon");
    let ended = thread::spawn(move || {
        process.wait();
        Instant::now()
    });
    scratch
        .control()
        .stop(Duration::from_secs(30))
        .expect("stop");
    let returned = Instant::now();
    let late = returned.saturating_duration_since(ended.join().expect("its end"));
    // Expected: within 5 ms.
    assert!(late < Duration::from_millis(50), "{late:?}");
}
