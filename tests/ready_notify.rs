//! `ready = "notify"`: the daemon says so, by the protocol of `sd_notify(3)`.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken expectation is how a test fails"
)]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::AT_FDCWD;
use nix::sys::signal::Signal;
use nix::sys::stat::{UtimensatFlags::FollowSymlink, utimensat};
use nix::sys::time::TimeSpec;
use support::daemon::{expect_one_line, read_report};
use support::deadline::{End, eventually};
use support::outcome::{Launch, Outcome};
use support::process::{self, Process};
use support::report::Report;
use support::scratch::Scratch;
use support::start::Start;
use support::{constructor, requires};

const OPTIONS: &str = "pid=report.pid\nready=notify\nready_timeout=60";

fn notify(scratch: &Scratch, steps: &str) -> Start {
    scratch.background().options(OPTIONS).does(steps)
}

/// A start of a daemon that is never ready, and soon given up.
fn never_ready(scratch: &Scratch, steps: &str) -> Outcome {
    let options = OPTIONS.replace("60", "1");
    let launch = notify(scratch, steps).options(options).run();
    scratch.expect_failed_start(&launch, 75);
    launch
}

/// A launcher that waits for a daemon which has reported.
fn waiting(scratch: &Scratch, steps: &str) -> (Launch, Report) {
    let launch = notify(scratch, steps).spawn();
    let report = read_report(&scratch.path("report.json"));
    assert!(launch.is_alive());
    (launch, report)
}

/// Where the daemon that has reported would say that it is ready.
fn address(report: &Report) -> PathBuf {
    let path = report.variable("NOTIFY_SOCKET").expect("NOTIFY_SOCKET");
    PathBuf::from(OsStr::from_bytes(path))
}

#[test]
fn the_launcher_waits_until_the_daemon_says_that_it_is_ready() {
    let scratch = Scratch::new();
    let (launch, _) = waiting(&scratch, "report wait:now ready stay");
    // Quiet, which would be enough under `settled`.
    thread::sleep(Duration::from_millis(300));
    assert!(launch.is_alive(), "it waits on");
    scratch.write("now", "");
    scratch.daemon_of(launch.wait(), "report.pid");
}

#[test]
fn ready_can_be_said_again_and_by_any_thread() {
    for steps in ["ready ready", "ready-by-threads", "ready-by-child:1 ready"] {
        let scratch = Scratch::new();
        let daemon = scratch.up(notify(&scratch, &format!("{steps} report ready stay")));
        assert!(daemon.report().is_daemon);
        // Once the launcher is gone there is nobody to hear it.
        assert_eq!(daemon.stop().and_then(|end| end.code()), Some(0));
    }
}

#[cfg_attr(target_env = "musl", ignore = "nothing is preloaded there")]
#[test]
fn a_child_with_copies_of_all_descriptors_is_not_waited_for() {
    let child = r#"
        #include <stdlib.h>
        #include <unistd.h>

        __attribute__((constructor)) static void begin(void) {
            pid_t daemon = getpid();
            if (getenv("__DAEMON_HANDOFF") && fork() == 0) {
                while (getppid() == daemon)
                    usleep(10000);
                _exit(0);
            }
        }
    "#;
    let scratch = Scratch::new();
    let library = constructor::library(&scratch, child);
    for ready in ["exec", "settled", "notify"] {
        let options = OPTIONS.replace("notify", ready);
        let start = scratch.background().options(options).does("ready stay");
        let launch = start.env("LD_PRELOAD", &library).run();
        assert_eq!(launch.code(), 0, "{launch:?}");
        assert!(launch.elapsed < Duration::from_secs(30), "{launch:?}");
        let pid = scratch.read("report.pid");
        let daemon = Process::open(pid.trim().parse().expect("a pid")).expect("a live daemon");
        daemon.signal(Signal::SIGKILL);
        eventually("the child is gone", || {
            scratch.processes().is_empty().then_some(())
        });
    }
}

#[test]
fn ready_does_nothing_once_the_launcher_was_killed() {
    let scratch = Scratch::new();
    let steps = "report wait:now ready status:up ready extend:1 note:survived stay";
    let (launch, report) = waiting(&scratch, steps);
    launch.signal(Signal::SIGKILL);
    assert_eq!(launch.wait().code(), 137);
    // It could not do that itself.
    fs::remove_file(address(&report)).expect("the socket");
    let daemon = Process::open(report.pid).expect("a live daemon");
    scratch.write("now", "");
    eventually("the daemon has gone on", || {
        scratch.path("survived").exists().then_some(())
    });
    assert!(daemon.is_alive());
}

#[cfg_attr(daemon_fork, ignore = "nobody says there who sent a datagram")]
#[test]
fn what_other_processes_say_does_not_count() {
    for steps in ["ready-by-child:1 hang", "ready-by-child:2 hang"] {
        never_ready(&Scratch::new(), steps);
    }
    let scratch = Scratch::new();
    let (launch, report) = waiting(&scratch, "report wait:now ready stay");
    let stranger = UnixDatagram::unbound().expect("a socket");
    for _ in 0..3 {
        // Root, and the very user of the daemon, but another process.
        let sent = stranger.send_to(b"READY=1", address(&report));
        assert_eq!(sent.expect("send"), 7);
    }
    thread::sleep(Duration::from_millis(300));
    assert!(launch.is_alive(), "it was not deceived");
    scratch.write("now", "");
    scratch.daemon_of(launch.wait(), "report.pid");
}

#[test]
fn a_client_of_another_make_is_understood() {
    let scratch = Scratch::new();
    let launch = scratch.start("sd_notify").arg("-d").run();
    // One second was too short, and it asked for more.
    assert!(launch.elapsed >= Duration::from_secs(2), "{launch:?}");
    let daemon = scratch.daemon_of(launch, "sd_notify.pid");
    // It cannot know that its output was kept. What was written so far takes no memory any more.
    let output = format!("/proc/{}/fd/1", daemon.pid());
    let target = fs::read_link(&output).expect("standard output");
    let target = target.to_string_lossy();
    assert!(
        target.contains("daemon") && target.ends_with(" (deleted)"),
        "{target}"
    );
    assert_eq!(fs::metadata(output).expect("standard output").len(), 0);
}

#[test]
fn a_client_of_another_make_says_why_it_fails() {
    let scratch = Scratch::new();
    let launch = scratch.start("sd_notify").args(["-d", "--fail"]).run();
    assert_eq!(launch.code(), 1, "{launch:?}");
    let shown = launch.err_text();
    assert!(shown.contains("no luck"), "{launch:?}");
    assert!(
        shown.ends_with(": No such file or directory\n"),
        "{launch:?}"
    );
}

#[test]
fn systemd_notify_is_understood_and_not_kept_waiting() {
    if !requires::program("systemd-notify") || !requires::root() {
        return;
    }
    // Without `--no-block` it waits until the descriptor that it sent is closed, for five seconds,
    // and fails then.
    for arguments in ["--ready,--no-block", "--ready", "--ready,--status=up"] {
        let scratch = Scratch::new();
        let steps = format!("systemd-notify:{arguments} report stay");
        let daemon = scratch.up(notify(&scratch, &steps));
        assert!(daemon.launch.elapsed < Duration::from_secs(4));
        daemon.report();
    }
}

#[test]
fn what_cannot_be_understood_is_passed_over() {
    let scratch = Scratch::new();
    let garbage = "notify: notify:%00 notify:READY notify:READY=2 notify:READY=1x \
                   notify:%ff%fe=%0a%0a=1 notify:EXTEND_TIMEOUT_USEC=-1 notify:ERRNO=x";
    never_ready(&scratch, &format!("{garbage} big-status hang"));
    let steps = format!("{garbage} notify:X=1%0aREADY=1%0a report stay");
    scratch.up(notify(&scratch, &steps)).report();
}

#[test]
fn descriptors_that_are_sent_do_not_stay_with_the_launcher() {
    let scratch = Scratch::new();
    let steps = format!("{}report hang", "descriptors ".repeat(10));
    let (launch, _) = waiting(&scratch, &steps);
    let open = || fs::read_dir(format!("/proc/{}/fd", launch.pid())).expect("list");
    eventually("all have been received", || {
        (open().count() < 32).then_some(())
    });
    launch.signal(Signal::SIGTERM);
    launch.wait();
}

/// Sends to an address as fast as it can.
fn flood(report: &Report, is_over: &AtomicBool) -> u64 {
    let socket = UnixDatagram::unbound().expect("a socket");
    socket.set_nonblocking(true).expect("nonblocking");
    let address = address(report);
    let mut sent = 0;
    while !is_over.load(Ordering::Relaxed) {
        match socket.send_to(b"READY=1\nSTATUS=flood", &address) {
            Ok(_) => sent += 1,
            Err(_) => thread::sleep(Duration::from_micros(20)),
        }
    }
    sent
}

#[cfg_attr(daemon_fork, ignore = "nobody says there who sent a datagram")]
#[test]
fn a_flood_costs_the_launcher_next_to_nothing_and_ready_comes_through() {
    let scratch = Scratch::new();
    let (launch, report) = waiting(&scratch, "report wait:now ready stay");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        // An assertion that fails ends the flood too, for which the scope would wait.
        let _end = End(&is_over);
        let flood = scope.spawn(|| flood(&report, &is_over));
        let cpu = || process::cpu_time(launch.pid()).expect("a live launcher");
        let (begin, before) = (Instant::now(), cpu());
        thread::sleep(Duration::from_secs(1));
        let share = cpu().saturating_sub(before).as_secs_f64() / begin.elapsed().as_secs_f64();
        assert!(share < 0.2, "{share} of a processor");
        scratch.write("now", "");
        eventually("the launcher ends", || (!launch.is_alive()).then_some(()));
        is_over.store(true, Ordering::Relaxed);
        assert!(flood.join().expect("the flood") > 1000);
    });
    scratch.daemon_of(launch.wait(), "report.pid");
}

#[test]
fn a_daemon_that_talks_too_much_is_heard_in_the_end() {
    let scratch = Scratch::new();
    let launch = notify(&scratch, "chatter:500 ready report stay");
    scratch.up(launch).report();
}

#[test]
fn the_last_words_of_a_daemon_are_heard_though_it_is_dead() {
    let scratch = Scratch::new();
    // After the first message the launcher looks away for a moment.
    let steps = "notify:STATUS=failing notify:ERRNO=28 raise:9";
    for _ in 0..30 {
        let launch = notify(&scratch, steps).run();
        scratch.expect_failed_start(&launch, 137);
        let reason = ": No space left on device\n";
        assert!(launch.err_text().ends_with(reason), "{launch:?}");
    }
}

#[test]
fn more_time_counts_from_when_it_is_asked_for_and_never_shortens_the_wait() {
    let second = |options: &str| OPTIONS.replace("60", options);
    let scratch = Scratch::new();
    let start = notify(&scratch, "sleep:500 extend:60000 sleep:1500 ready stay");
    scratch.up(start.options(second("1")));
    let scratch = Scratch::new();
    let start = notify(
        &scratch,
        "extend:1 notify:EXTEND_TIMEOUT_USEC=0 sleep:500 ready stay",
    );
    scratch.up(start);
    let scratch = Scratch::new();
    // Microseconds, and as many as there are.
    let start = notify(
        &scratch,
        "notify:EXTEND_TIMEOUT_USEC=99999999999999999999 sleep:1500 ready stay",
    );
    scratch.up(start.options(second("1")));
    let scratch = Scratch::new();
    let launch = notify(&scratch, "extend:1500 hang")
        .options(second("1"))
        .run();
    scratch.expect_failed_start(&launch, 75);
    assert!(launch.elapsed >= Duration::from_millis(1500), "{launch:?}");
    assert!(launch.err_text().contains("within 1.5 s"), "{launch:?}");
}

#[test]
fn the_longest_timeout_there_is_can_be_set() {
    let scratch = Scratch::new();
    for seconds in [u64::from(u32::MAX), u64::MAX] {
        let options = OPTIONS.replace("60", &seconds.to_string());
        let daemon = scratch.up(notify(&scratch, "ready stay").options(options));
        daemon.stop();
    }
}

#[test]
fn a_daemon_that_is_never_ready_is_stopped_at_the_timeout() {
    let scratch = Scratch::new();
    let launch = never_ready(&scratch, "say:loading hang");
    let shown = launch.err_text();
    assert!(shown.starts_with("loading\nreport: "), "{launch:?}");
    assert!(shown.ends_with("not ready within 1 s\n"), "{launch:?}");
    assert!(launch.elapsed >= Duration::from_secs(1));

    let options = "pid=report.pid\nlog=report.log\nready=notify\nready_timeout=1";
    let launch = notify(&scratch, "ignore:15 say:loading hang")
        .options(options)
        .run();
    scratch.expect_failed_start(&launch, 75);
    assert!(launch.elapsed >= Duration::from_secs(6), "and 5 s of grace");
    let log = scratch.path("report.log").display().to_string();
    assert!(launch.err_text().ends_with(&format!("; see {log}\n")));
}

#[test]
fn death_is_noticed_at_once_and_its_status_is_kept() {
    let scratch = Scratch::new();
    for (steps, status, words) in [
        ("complain:no-such-port exit:3", 3, "no-such-port\n"),
        ("say:done return:0", 70, "done\n"),
        (
            "panic:out-of-cheese",
            scratch.panic_status(),
            "out-of-cheese\n",
        ),
        ("say:so-far abort", 134, "so-far\n"),
        ("say:so-far raise:11 raise:11", 139, "so-far\n"),
        ("say:so-far raise:9", 137, "so-far\n"),
    ] {
        let launch = notify(&scratch, steps).run();
        scratch.expect_failed_start(&launch, status);
        let shown = launch.err_text();
        assert_eq!(launch.out_text(), "");
        assert!(shown.contains(words), "{launch:?}");
        let line = shown.lines().last().expect("a line of ours");
        assert!(line.starts_with("report: cannot start"), "{launch:?}");
        assert!(!line.contains("see"), "all there is was shown: {launch:?}");
        assert!(launch.elapsed < Duration::from_secs(5), "{launch:?}");
    }
}

#[test]
fn without_words_of_the_daemon_there_is_one_line_of_ours() {
    let scratch = Scratch::new();
    let launch = notify(&scratch, "exit:3").run();
    scratch.expect_failed_start(&launch, 3);
    expect_one_line(&launch, &["ended with status 3 before it was ready"]);
}

#[test]
fn of_what_was_kept_in_memory_the_last_64_kib_are_shown() {
    let scratch = Scratch::new();
    let launch = notify(&scratch, "print:1048576 complain:the-reason exit:3").run();
    scratch.expect_failed_start(&launch, 3);
    let shown = launch.err_text();
    let (output, line) = shown.split_once("the-reason\n").expect("the reason");
    assert_eq!(output.len() + "the-reason\n".len(), 64 * 1024);
    assert!(line.starts_with("report: "));
}

#[test]
fn ready_lets_go_of_the_output_that_was_kept() {
    let scratch = Scratch::new();
    let daemon = scratch.up(notify(
        &scratch,
        "say:loading ready print:10485760 report stay",
    ));
    let report = daemon.report();
    for stream in [0, 1, 2] {
        let target = &report.descriptor(stream).expect("a stream").target;
        assert_eq!(target, b"/dev/null", "stream {stream}");
    }
}

#[test]
fn ready_leaves_a_stream_alone_that_the_program_has_redirected() {
    let scratch = Scratch::new();
    let daemon = scratch.up(notify(
        &scratch,
        "redirect:own.txt ready say:mine report stay",
    ));
    let report = daemon.report();
    let target = |stream| report.descriptor(stream).expect("a stream").target.clone();
    assert_eq!(
        target(1),
        scratch.path("own.txt").as_os_str().as_encoded_bytes()
    );
    assert_eq!(target(2), b"/dev/null");
    assert_eq!(scratch.read("own.txt"), "mine\n");
}

#[test]
fn ready_leaves_a_log_alone() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\nready=notify";
    let start = notify(&scratch, "say:before ready say:after report stay");
    let daemon = scratch.up(start.options(options));
    daemon.report();
    assert_eq!(scratch.read("report.log"), "before\nafter\n");
}

#[test]
fn a_program_that_closes_every_descriptor_can_still_be_ready() {
    let scratch = Scratch::new();
    let launch = notify(&scratch, "close-all ready report stay").run();
    assert_eq!(launch.code(), 0, "{launch:?}");
    read_report(&scratch.path("report.json"));
}

#[test]
fn a_program_that_ends_well_as_soon_as_it_is_ready_has_succeeded() {
    let scratch = Scratch::new();
    for _ in 0..20 {
        let launch = notify(&scratch, "ready return:0").run();
        scratch.expect_nothing_left();
        assert_eq!(launch.code(), 0, "{launch:?}");
        assert_eq!(launch.err_text(), "");
        let launch = notify(&scratch, "ready exit:3").run();
        assert!([0, 3].contains(&launch.code()), "{launch:?}");
        assert!(launch.code() == 0 || launch.err_text().contains("as soon as it was ready"));
        scratch.expect_nothing_left();
    }
}

#[test]
fn the_same_calls_reach_a_service_manager_from_the_foreground() {
    let scratch = Scratch::new();
    let path = scratch.path("manager");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    let name = format!("daemon-test-manager-{}", scratch.mark());
    let abstract_address = SocketAddr::from_abstract_name(&name).expect("an address");
    let abstract_manager = UnixDatagram::bind_addr(&abstract_address).expect("a socket");
    let dead = scratch.path("dead");
    drop(UnixDatagram::bind(&dead).expect("a socket"));
    for (address, manager) in [
        (path.display().to_string(), Some(&manager)),
        (format!("@{name}"), Some(&abstract_manager)),
        (dead.display().to_string(), None),
        ("vsock:2:1234".to_owned(), None),
        (format!("/{}", "x".repeat(200)), None),
    ] {
        let start = scratch.report().env("NOTIFY_SOCKET", &address);
        let outcome = start.does("status:up extend:2 ready").run();
        assert_eq!((outcome.code(), &*outcome.err_text()), (0, ""), "{address}");
        for message in [
            "STATUS=up",
            "EXTEND_TIMEOUT_USEC=2000",
            "READY=1\nX_DAEMON_BARRIER=0",
        ] {
            let Some(manager) = manager else { break };
            let mut buffer = [0; 100];
            manager.set_nonblocking(true).expect("nonblocking");
            let length = manager.recv(&mut buffer).expect(message);
            assert_eq!(String::from_utf8_lossy(&buffer[..length]), message);
        }
    }
}

#[test]
fn stopping_tells_a_service_manager_and_a_launcher_waits_on() {
    let scratch = Scratch::new();
    let path = scratch.path("manager");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    let start = scratch.report().env("NOTIFY_SOCKET", &path);
    assert_eq!(start.does("ready stopping").run().code(), 0);
    let message = || {
        let mut buffer = [0; 100];
        let length = manager.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert_eq!(message(), "READY=1\nX_DAEMON_BARRIER=0");
    assert_eq!(message(), "STOPPING=1");
    // The launcher cares for the end alone.
    let scratch = Scratch::new();
    scratch.up(notify(&scratch, "stopping ready stay"));
    let launch = notify(&scratch, "stopping exit:3")
        .options("ready=notify")
        .run();
    assert_eq!(launch.code(), 3, "{launch:?}");
}

#[cfg_attr(daemon_fork, ignore = "there are no abstract addresses there")]
#[test]
fn a_daemon_that_changes_its_root_directory_itself_is_heard() {
    if !requires::root() {
        return;
    }
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("root")).expect("mkdir");
    let steps = "report chroot:root status:inside extend:1 ready hang";
    scratch.up(notify(&scratch, steps)).report();
}

#[cfg_attr(daemon_fork, ignore = "nobody can guess the address there")]
#[test]
fn who_binds_the_address_after_the_launcher_hears_nothing() {
    let scratch = Scratch::new();
    let steps = "report ready wait:now status:on ready stopping note:done stay";
    let report = scratch.up(notify(&scratch, steps)).report();
    let address = address(&report);
    let stranger = UnixDatagram::bind(&address).expect("the address is free");
    scratch.write("now", "");
    eventually("it has said all", || {
        scratch.path("done").exists().then_some(())
    });
    stranger.set_nonblocking(true).expect("nonblocking");
    let heard = stranger.recv(&mut [0; 100]);
    fs::remove_file(address).expect("the socket");
    assert!(heard.is_err(), "{heard:?}");
}

#[cfg_attr(daemon_fork, ignore = "the names there are not ours alone")]
#[test]
fn a_later_start_clears_away_what_a_launcher_left_that_was_killed() {
    let scratch = Scratch::new();
    let (launch, report) = waiting(&scratch, "report stay");
    launch.signal(Signal::SIGKILL);
    launch.wait();
    let left = address(&report);
    assert!(left.exists());
    Process::open(report.pid)
        .expect("a live daemon")
        .signal(Signal::SIGKILL);
    let next = || {
        let start = notify(&scratch, "ready stay").options("ready=notify");
        assert_eq!(start.run().code(), 0);
    };
    next();
    assert!(left.exists(), "it may be somebody's who is about to begin");
    let time = TimeSpec::new(1_000_000_000, 0);
    utimensat(AT_FDCWD, &left, &time, &time, FollowSymlink).expect("an old socket");
    next();
    assert!(!left.exists());
}
