//! `stop`: the daemon has ended when it returns, and nothing of it is left.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::Resource;
use nix::sys::signal::Signal;
use nix::unistd::setsid;

use super::stage::{OPTIONS, expect_answer, expect_failure};
use crate::support::daemon::read_report;
use crate::support::deadline::eventually;
use crate::support::process::{self, Process};
use crate::support::requires;
use crate::support::scratch::Scratch;

#[test]
fn stop_ends_daemons_with_and_without_handler() {
    let scratch = Scratch::new();
    for steps in ["stay", "hang"].repeat(50) {
        let daemon = scratch.up(scratch.controlled(steps));
        let answer = format!("stopped, pid {}", daemon.pid());
        expect_answer(&scratch.verb("stop").run(), 0, &answer);
        // The next daemon starts at once, and the old one is still a zombie.
        assert!(!daemon.process.is_alive());
        assert!(!scratch.path("report.pid").exists(), "{steps}");
    }
}

#[test]
fn daemon_that_ignores_sigterm_is_killed() {
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("ignore:15 report hang");
    let outcome = scratch.verb("stop").run();
    let answer = format!("killed, pid {}: it did not end in time", daemon.pid());
    expect_answer(&outcome, 0, &answer);
    assert!(outcome.elapsed >= Duration::from_secs(1), "{outcome:?}");
    assert!(!scratch.path("report.pid").exists());
}

#[test]
fn suspended_daemon_is_continued_and_stopped() {
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

#[test]
fn stop_ends_a_start_that_waits() {
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

#[test]
fn stop_reports_a_lock_held_by_a_child() {
    requires!(linux("the holder of a lock"));
    let scratch = Scratch::new();
    let start = scratch.controlled("report wait:go leak-lock create:leaked stay");
    let daemon = scratch.up(start);
    daemon.report();
    scratch.write("go", "");
    eventually("its child has the lock", || {
        scratch.path("leaked").exists().then_some(())
    });
    let ended = format!("pid {} has ended, but process ", daemon.pid());
    let only_the_daemon = format!("{OPTIONS}\nkill_mode=process");
    let stop = scratch.verb("stop").options(only_the_daemon).run();
    expect_failure(&stop, 4, &[&ended]);
}

#[test]
fn stop_ends_the_process_group() {
    requires!(linux("the members of a process group"));
    let scratch = Scratch::new();
    // Children from before the stop, from after the signal and from the very end, and one that holds
    // the lock.
    let steps = "wait:go leave-child leak-lock report stay leave-child sleep:300 leave-child";
    let daemon = scratch.up(scratch.controlled(steps));
    scratch.write("go", "");
    daemon.report();
    scratch.expect_processes(3);
    let answer = format!("stopped, pid {}", daemon.pid());
    expect_answer(&scratch.verb("stop").run(), 0, &answer);
    assert!(scratch.processes().is_empty());
    assert!(!scratch.path("report.pid").exists());
}

/// Fault 302: as programs do that signal their children by it.
#[test]
fn stop_ends_a_group_that_the_daemon_has_made() {
    requires!(linux("the members of a process group"));
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.controlled("new-group leave-child report stay"));
    daemon.report();
    scratch.expect_processes(2);
    let answer = format!("stopped, pid {}", daemon.pid());
    expect_answer(&scratch.verb("stop").run(), 0, &answer);
    assert!(scratch.processes().is_empty());
}

/// Each member needs a descriptor of the verb.
#[test]
fn stop_ends_a_process_group_beyond_the_descriptor_limit() {
    requires!(linux("the members of a process group"));
    let scratch = Scratch::new();
    let steps = format!("{}report stay", "leave-child ".repeat(40));
    let daemon = scratch.up(scratch.controlled(&steps));
    daemon.report();
    scratch.expect_processes(41);
    let stop = scratch.verb("stop").limit(Resource::RLIMIT_NOFILE, 20);
    let answer = format!("stopped, pid {}", daemon.pid());
    expect_answer(&stop.run(), 0, &answer);
    assert!(scratch.processes().is_empty());
}

#[test]
fn stop_spares_a_process_that_has_left_the_group() {
    requires!(linux("the members of a process group"));
    let scratch = Scratch::new();
    // The child leaves after the stop has begun, when it is known as a member.
    let child = "leave-child:wait:leaves%20new-session%20create:left%20hang";
    let steps = format!("{child} report stay create:leaves wait:left");
    let daemon = scratch.up(scratch.controlled(&steps));
    daemon.report();
    let answer = format!("stopped, pid {}", daemon.pid());
    expect_answer(&scratch.verb("stop").run(), 0, &answer);
    scratch.expect_processes(1);
}

#[test]
fn killed_daemon_leaves_no_process_group() {
    requires!(linux("the members of a process group"));
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.controlled("ignore:15 leave-child report hang"));
    daemon.report();
    let answer = format!("killed, pid {}: it did not end in time", daemon.pid());
    expect_answer(&scratch.verb("stop").run(), 0, &answer);
    assert!(scratch.processes().is_empty());
}

#[test]
fn kill_mode_process_spares_the_process_group() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.controlled("leave-child report stay"));
    daemon.report();
    let options = format!("{OPTIONS}\nkill_mode=process");
    let answer = format!("stopped, pid {}", daemon.pid());
    let stop = scratch.verb("stop").options(options).run();
    expect_answer(&stop, 0, &answer);
    // Its child goes on.
    scratch.expect_processes(1);
}

#[test]
fn stop_spares_a_group_that_no_launcher_made() {
    requires!(linux("the members of a process group"));
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\npid_in_foreground=1");
    // A shell that has ended leaves a session like a daemon's, with other programs in it.
    let shell = scratch.shell("sleep 600 >&- 2>&- & \"$0\" >&- 2>&- &");
    let shell = shell.options(&options).does("report stay");
    let shell = shell.before_exec(|| Ok(setsid().map(drop)?)).run();
    assert_eq!(shell.code(), 0, "{shell:?}");
    let program = read_report(&scratch.path("report.json")).pid;
    let stop = scratch.verb("stop").options(options).run();
    expect_answer(&stop, 0, &format!("stopped, pid {program}"));
    assert_eq!(scratch.processes().len(), 1, "the other program goes on");
}

#[test]
fn stop_sends_the_stop_signal() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.controlled("ignore:15 report hang"));
    daemon.report();
    let options = format!("{OPTIONS}\nstop_signal=SIGINT");
    let answer = format!("stopped, pid {}", daemon.pid());
    let stop = scratch.verb("stop").options(options).run();
    expect_answer(&stop, 0, &answer);
}

#[test]
fn stop_signal_that_cannot_stop_is_refused() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.controlled("hang"));
    for signal in [daemon::Signal::SIGKILL, daemon::Signal::SIGSEGV] {
        let stop = scratch.control().stop_signal(signal);
        let refused = stop.stop(Duration::from_secs(1));
        assert_eq!(refused.map_err(|error| error.exit_status()), Err(78));
    }
    assert!(daemon.process.is_alive());
}

/// The verb is in the group too, and goes on.
#[test]
fn stop_from_within_the_group_ends_the_rest_of_it() {
    requires!(linux("the members of a process group"));
    let scratch = Scratch::new();
    let steps = "wait:go leave-child control:stop report stay";
    let daemon = scratch.up(scratch.controlled(steps));
    scratch.write("go", "");
    daemon.process.wait_for_end();
    eventually("the verb has done its work", || {
        (!scratch.path("report.pid").exists()).then_some(())
    });
    scratch.expect_processes(0);
}

#[test]
fn verbs_work_without_pidfds() {
    requires!(linux("pidfds"), strace);
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

#[test]
fn without_pidfds_a_former_holder_is_not_signalled() {
    requires!(linux("pidfds"), strace);
    for _ in 0..5 {
        let scratch = Scratch::new();
        let daemon = scratch.up(scratch.controlled("wait:go close-all create:closed hang"));
        // `stop` has seen that the daemon holds the lock and is about to signal its pid.
        let slowly = "pidfd_send_signal:error=ENOSYS:delay_enter=1000000";
        let stop = scratch.verb_with(slowly, "stop").spawn();
        eventually("it is about to signal", || {
            scratch
                .read("trace")
                .contains("pidfd_send_signal")
                .then_some(())
        });
        scratch.write("go", "");
        eventually("the daemon has let go", || {
            scratch.path("closed").exists().then_some(())
        });
        let is_late = scratch.read("trace").contains("ENOSYS");
        let stop = stop.wait();
        // The moment is long, but not for every machine.
        if is_late {
            continue;
        }
        assert!(daemon.process.is_alive(), "it was signalled: {stop:?}");
        let words = ["cannot stop the daemon", &daemon.pid().to_string()];
        expect_failure(&stop, 75, &words);
        return;
    }
    panic!("the moment was missed five times");
}

#[test]
fn daemon_that_survives_sigkill_is_reported() {
    requires!(linux("the system calls of the launch"), strace);
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.controlled("hang"));
    // The calls report success and send nothing.
    let stop = scratch
        .verb_with("pidfd_send_signal:retval=0", "stop")
        .run();
    expect_failure(&stop, 75, &["still running after SIGKILL"]);
    assert!(daemon.process.is_alive());
    assert!(stop.elapsed < Duration::from_secs(30), "{stop:?}");
}

#[test]
fn stop_returns_as_soon_as_the_daemon_ends() {
    requires!(linux("CLONE_VFORK"));
    let lateness = (0..5).map(|_| {
        let scratch = Scratch::new();
        let daemon = scratch.up_and_reported("report stay");
        let process = Process::open(daemon.pid()).expect("the daemon");
        let ended = thread::spawn(move || {
            process.wait();
            Instant::now()
        });
        let stop = scratch.control().stop(Duration::from_secs(30));
        stop.expect("stop");
        let returned = Instant::now();
        returned.saturating_duration_since(ended.join().expect("its end"))
    });
    // A busy machine may delay some rounds. Expected: within 5 ms.
    let quickest = lateness.min().expect("five rounds");
    assert!(quickest < Duration::from_millis(50), "{quickest:?}");
}
