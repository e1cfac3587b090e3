//! The hand-off: it is taken by the daemon alone, leaves no trace, and cannot be forged.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    reason = "a broken expectation is how a test fails"
)]

mod support;

use std::fs::{self, File, Permissions};
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nix::sys::resource::Resource;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use nix::unistd::{Gid, Pid, Uid, chown, getpid, setresgid, setresuid};
use support::daemon::read_report;
use support::outcome::Outcome;
use support::report::Report;
use support::rounds::{is_long, rounds};
use support::scratch::Scratch;
use support::start::Start;
use support::terminal::Terminal;
use support::trace::{self, Action, Role};
use support::users::{CREW, NOBODY};
use support::{constructor, lock, program, requires};

/// The variable that holds the number of the daemon's end of the socket pair.
const MARKER: &str = "__DAEMON_HANDOFF";

fn expect_no_trace(report: &Report) {
    assert_eq!(report.variable(MARKER), None);
}

#[test]
fn the_marker_is_gone_in_the_daemon_and_in_its_children() {
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background().does("child nested report stay"));
    expect_no_trace(&daemon.report());
    for name in ["child.json", "nested.json"] {
        expect_no_trace(&read_report(&scratch.path(name)));
    }
}

/// Gives the program that follows its own pid in the marker, as only a launcher's daemon has it.
const FORGE: &str = r#"
    #include <stdio.h>
    #include <stdlib.h>
    #include <unistd.h>

    int main(int argc, char **argv) {
        char marker[100];
        snprintf(marker, sizeof marker, "57:%d", (int) getpid());
        setenv("__DAEMON_HANDOFF", marker, 1);
        execv(argv[1], argv + 1);
        return 127;
    }
"#;

/// A start of the program with a marker that says 57.
fn forged(scratch: &Scratch, start: Start, program: &Path) -> Start {
    let wrapper = constructor::wrapper(scratch, FORGE);
    start.via(&wrapper).arg(program)
}

/// Runs a start in the foreground with a marker that is not ours, and expects what would be
/// without it; then the same in the background.
fn expect_ignored(name: &str, prepare: impl Fn(&Scratch, Start) -> Start) {
    let scratch = Scratch::new();
    let start = prepare(&scratch, scratch.report().does("report say:hello"));
    let outcome = start.run();
    assert_eq!(
        (outcome.code(), &*outcome.out_text()),
        (0, "hello\n"),
        "{name:?}: {outcome:?}"
    );
    assert_eq!(outcome.err_text(), "", "silently: {name:?}");
    let report = read_report(&scratch.path("report.json"));
    assert!(!report.is_daemon, "{name:?}");
    fs::remove_file(scratch.path("report.json")).expect("the report");

    let start = scratch.report().options("pid=report.pid\nlog=report.log");
    let start = prepare(&scratch, start.does("report stay")).arg("-d");
    expect_no_trace(&scratch.up(start).report());
}

#[test]
fn a_forged_marker_means_nothing() {
    for value in [
        "",
        "0",
        "1",
        "2",
        "3",
        "-1",
        "57",
        "x",
        "99999999999999999999",
        " 3",
        "3 4",
        "57:1",
        "57:",
        ":",
        "57:57:57",
    ] {
        expect_ignored(value, |_, start| start.env(MARKER, value));
    }
}

#[test]
fn a_marker_with_a_descriptor_that_is_no_hand_off_means_nothing() {
    let file = || OwnedFd::from(File::open("/dev/zero").expect("/dev/zero"));
    let stream = || OwnedFd::from(UnixStream::pair().expect("a socket").0);
    let seqpacket = || pair(SockType::SeqPacket).0;
    let datagram = || pair(SockType::Datagram).0;
    let terminal = || Terminal::new().1;
    let makers: [&dyn Fn() -> OwnedFd; 5] = [&file, &stream, &seqpacket, &datagram, &terminal];
    for maker in makers {
        expect_ignored("57", |scratch, start| {
            let start = forged(scratch, start, &program::path("report"));
            start.inherit(maker(), 57, 1)
        });
    }
}

fn pair(kind: SockType) -> (OwnedFd, OwnedFd) {
    let flags = SockFlag::SOCK_CLOEXEC;
    socketpair(AddressFamily::Unix, kind, None, flags).expect("a socket pair")
}

#[test]
fn a_message_on_a_socket_that_is_not_a_hand_off_is_left_there() {
    let scratch = Scratch::new();
    let (ours, theirs) = pair(SockType::SeqPacket);
    let message = b"daemon hand-off 1\n and then garbage";
    send(ours.as_raw_fd(), message, MsgFlags::empty()).expect("send");
    let copy = theirs.try_clone().expect("a copy");
    let start = forged(&scratch, scratch.report(), &program::path("report"));
    let start = start.does("report").inherit(copy, 57, 1);
    assert_eq!(start.run().code(), 0);
    let report = read_report(&scratch.path("report.json"));
    assert!(!report.is_daemon);
    assert!(report.descriptor(57).is_some(), "it stays open");
    let mut bytes = [0; 100];
    let length = nix::unistd::read(&theirs, &mut bytes).expect("the message");
    assert_eq!(&bytes[..length], message);
}

#[test]
fn a_marker_that_leaked_from_a_daemon_with_its_socket_closed_means_nothing() {
    // The value that a real daemon was given, in a program that the daemon did not start.
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.background());
    daemon.report();
    let environ = fs::read(format!("/proc/{}/environ", daemon.pid())).expect("environ");
    let prefix = format!("{MARKER}=");
    let leaked = environ
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(prefix.as_bytes()))
        .map_or_else(
            || "3".to_owned(),
            |value| String::from_utf8_lossy(value).into_owned(),
        );
    expect_ignored(&leaked, |_, start| start.env(MARKER, &leaked));
}

const ROOT: Uid = Uid::from_raw(0);
const ROOTS: Gid = Gid::from_raw(0);
const USER: Uid = Uid::from_raw(NOBODY);
const GROUP: Gid = Gid::from_raw(CREW);

/// Where the pid of the launcher stands in a record.
const LAUNCHER: Range<usize> = 22..26;

/// A change of the ids.
type Become = fn() -> nix::Result<()>;

/// What a launcher sends of whose order nothing is known but the name.
fn record(launcher: u32) -> Vec<u8> {
    let length = |text: &[u8]| u32::try_from(text.len()).expect("a short text");
    let text = |text: &[u8]| [&length(text).to_le_bytes(), text].concat();
    let missing = u32::MAX.to_le_bytes().repeat(13);
    let (launcher, name) = (text(&launcher.to_le_bytes()), text(b"forged"));
    [b"daemon hand-off 1\n", &*launcher, &*name, &*missing].concat()
}

#[cfg_attr(daemon_fork, ignore = "the maker of a socket is not known there")]
#[test]
fn a_record_is_believed_only_if_it_names_the_maker_of_such_a_socket() {
    let own = std::process::id();
    for (kind, launcher, is_believed) in [
        (SockType::SeqPacket, own, true),
        (SockType::SeqPacket, 1, false),
        (SockType::SeqPacket, own + 1, false),
        (SockType::Datagram, own, false),
        (SockType::Stream, own, false),
    ] {
        let scratch = Scratch::new();
        let (ours, theirs) = pair(kind);
        send(ours.as_raw_fd(), &record(launcher), MsgFlags::empty()).expect("send");
        let copy = theirs.try_clone().expect("a copy");
        let start = forged(&scratch, scratch.report(), &program::path("report"));
        let start = start.does("report").inherit(copy, 57, 1);
        assert_eq!(start.run().code(), 0);
        let report = read_report(&scratch.path("report.json"));
        assert_eq!(
            report.is_daemon, is_believed,
            "{launcher} for {own}, {kind:?}"
        );
        expect_no_trace(&report);
        let left = recv(theirs.as_raw_fd(), &mut [0; 1], MsgFlags::MSG_DONTWAIT);
        assert_eq!(left.is_ok(), !is_believed, "it is taken once");
    }
}

#[cfg_attr(daemon_fork, ignore = "the maker of a socket is not known there")]
#[test]
fn a_record_of_the_right_process_is_believed_only_among_equals() {
    if !requires::root() {
        return;
    }
    // Who makes the socket and sends the record becomes the program itself. What that process does
    // before it, and after it; and the mode of the program, which is the user's and the group's.
    let nothing: Become = || Ok(());
    let cases: [(&str, Become, Become, u32, bool); 5] = [
        ("an equal", nothing, nothing, 0o755, true),
        (
            "another user",
            nothing,
            || setresuid(USER, USER, USER),
            0o755,
            false,
        ),
        (
            "another group",
            nothing,
            || setresgid(GROUP, GROUP, GROUP),
            0o755,
            false,
        ),
        (
            "to a set-uid program",
            || setresuid(ROOT, USER, ROOT),
            nothing,
            0o4755,
            false,
        ),
        (
            "to a set-gid program",
            || setresgid(ROOTS, GROUP, ROOTS),
            nothing,
            0o2755,
            false,
        ),
    ];
    for (name, before, after, mode, is_believed) in cases {
        let scratch = Scratch::new();
        let program = scratch.copy_program(&program::path("report"), "report");
        chown(&program, Some(USER), Some(GROUP)).expect("chown");
        fs::set_permissions(&program, Permissions::from_mode(mode)).expect("chmod");
        // Whoever it becomes, it can report.
        fs::create_dir(scratch.path("out")).expect("mkdir");
        fs::set_permissions(scratch.path("out"), Permissions::from_mode(0o777)).expect("chmod");
        let mut record = record(0);
        let start = forged(&scratch, scratch.report(), &program);
        let start = start
            .env("TEST_REPORT", scratch.path("out/report.json"))
            .does("report")
            .before_exec(move || {
                before()?;
                let (ours, theirs) = pair(SockType::SeqPacket);
                record[LAUNCHER].copy_from_slice(&getpid().as_raw().to_le_bytes());
                send(ours.as_raw_fd(), &record, MsgFlags::empty())?;
                // SAFETY: the socket is open, and in the child the numbers are ours to give.
                if unsafe { libc::dup2(theirs.as_raw_fd(), 57) } < 0 {
                    return Err(io::Error::last_os_error());
                }
                Ok(after()?)
            });
        assert_eq!(start.run().code(), 0, "{name}");
        let report = read_report(&scratch.path("out/report.json"));
        assert_eq!(report.is_daemon, is_believed, "{name}");
    }
}

#[test]
fn a_hand_off_with_the_highest_number_there_can_be_is_taken() {
    let (mut ups, mut refusals) = (0, 0);
    // What is kept has the number 99, and ours lie above it.
    for limit in 101..=106 {
        let scratch = Scratch::new();
        let options = "pid=report.pid\nlog=report.log\nkeep_fds=99";
        let start = scratch.background().options(options);
        let start = start.inherit(File::open("/dev/null").expect("/dev/null"), 99, 1);
        let launch = start.limit(Resource::RLIMIT_NOFILE, limit).run();
        if launch.code() == 0 {
            scratch.daemon_of(launch, "report.pid").report();
            ups += 1;
        } else {
            scratch.expect_refusal(&launch, 71, &["Too many open files"]);
            refusals += 1;
        }
    }
    assert!(ups > 0 && refusals > 0, "{ups} starts, {refusals} refusals");
}

/// Kills one process of a launch at one stop after the other, as the numbers say, until a launch
/// goes through unharmed; each time `expect` judges what came of it. Gives the number of launches
/// that were harmed. The stops count from when there is a PID file, since before nothing is ours; in
/// the long form from the very exec.
fn kill_at_stops(
    role: Role,
    numbers: impl Iterator<Item = usize> + Send,
    expect: impl Fn(&Scratch, Outcome) + Sync,
) -> usize {
    let numbers = Mutex::new(numbers);
    let harmed = AtomicUsize::new(0);
    let worker = || {
        loop {
            let number = numbers
                .lock()
                .expect("the numbers")
                .next()
                .expect("a number");
            let scratch = Scratch::new();
            let (mut stops, mut killed) = (0, false);
            let start = scratch.background().does("report stay");
            let launch = trace::run(start, |stop| {
                let is_counted = || is_long() || stops > 0 || scratch.path("report.pid").exists();
                if stop.role == role && is_counted() {
                    stops += 1;
                }
                if stop.role == role && stops == number {
                    killed = true;
                    return Action::Kill;
                }
                Action::Go
            });
            if !killed {
                scratch.daemon_of(launch, "report.pid");
                return;
            }
            harmed.fetch_add(1, Ordering::Relaxed);
            expect(&scratch, launch);
        }
    };
    // Most of a launch is waiting.
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(worker);
        }
    });
    harmed.into_inner()
}

/// A start that does not wait for the daemon to settle.
fn quick(scratch: &Scratch) -> Start {
    let start = scratch
        .background()
        .options("pid=report.pid\nlog=report.log\nready=exec");
    start.does("report stay")
}

#[test]
fn an_intermediate_process_that_is_killed_anywhere_is_a_failure_or_a_daemon() {
    let daemons = AtomicUsize::new(0);
    let harmed = kill_at_stops(Role::Intermediate, 1.., |scratch, launch| {
        if launch.code() == 0 {
            let daemon = scratch.daemon_of(launch, "report.pid");
            expect_no_trace(&daemon.report());
            daemons.fetch_add(1, Ordering::Relaxed);
        } else {
            scratch.expect_refusal(&launch, 71, &["intermediate process"]);
            scratch.up(quick(scratch));
        }
    });
    let daemons = daemons.into_inner();
    // Before and after `setsid`, the clone and the exit; after the clone there is a daemon.
    assert!(harmed >= 5, "{harmed}");
    assert!((1..harmed).contains(&daemons), "{daemons} of {harmed}");
}

#[cfg_attr(daemon_fork, ignore = "no memory is shared there")]
#[test]
fn a_daemon_whose_intermediate_process_was_killed_starts_on_memory_that_nobody_touched() {
    // The launcher runs again while the daemon's side, held here, still runs on its memory.
    let scratch = Scratch::new();
    let argument = "x".repeat(10_000);
    let mut intermediate = None;
    let mut stops = 0;
    let launch = trace::run(quick(&scratch).arg(&argument), |stop| match stop.role {
        Role::Daemon => {
            stops += 1;
            if stops > 1 {
                return Action::Go;
            }
            let pid = Pid::from_raw(intermediate.expect("it came first"));
            kill(pid, Signal::SIGKILL).expect("kill the intermediate process");
            Action::Hold
        }
        Role::Intermediate => {
            intermediate = Some(stop.pid);
            Action::Go
        }
        _ => Action::Go,
    });
    // Even a launcher that waits for the exec alone has waited for it.
    assert!(
        stops > 10,
        "{stops} stops of the daemon before the launcher ended"
    );
    let daemon = scratch.daemon_of(launch, "report.pid");
    let report = daemon.report();
    assert_eq!(report.arguments[1..], [argument.into_bytes()]);
    expect_no_trace(&report);
}

#[test]
fn a_daemon_that_is_killed_anywhere_before_it_is_ready_is_a_failure_at_once() {
    let failures = AtomicUsize::new(0);
    // All until the exec, and some of the many that the program makes then.
    let step = if is_long() { 1 } else { 9 };
    let numbers = (1..40).chain((40..).step_by(step));
    kill_at_stops(Role::Daemon, numbers, |scratch, launch| {
        match launch.code() {
            // It was killed when the launcher had just seen it settled.
            0 => scratch.expect_nothing_left(),
            71 => scratch.expect_refusal(&launch, 71, &[]),
            _ => {
                failures.fetch_add(1, Ordering::Relaxed);
                scratch.expect_failed_start(&launch, 137);
            }
        }
        scratch.up(quick(scratch));
    });
    let failures = failures.into_inner();
    assert!(failures > 10, "{failures}");
}

#[test]
fn a_launcher_that_is_killed_anywhere_leaves_a_daemon_or_nothing() {
    let daemons = AtomicUsize::new(0);
    let harmed = kill_at_stops(Role::Launcher, 1.., |scratch, launch| {
        assert_eq!(launch.code(), 137);
        // A daemon that is still on its way holds the lock already.
        let again = quick(scratch).run();
        if again.code() == 0 {
            scratch.daemon_of(again, "report.pid");
            return;
        }
        assert_eq!(again.code(), 69, "{again:?}");
        daemons.fetch_add(1, Ordering::Relaxed);
        let report = read_report(&scratch.path("report.json"));
        assert_eq!(lock::holders(&scratch.path("report.pid")), [report.pid]);
    });
    let daemons = daemons.into_inner();
    assert!((1..harmed).contains(&daemons), "{daemons} of {harmed}");
}

#[cfg_attr(
    daemon_fork,
    ignore = "what was killed there before its exec is not to be known"
)]
#[test]
fn a_daemon_that_is_killed_on_the_way_to_its_exec_is_not_called_up() {
    // The system kills it for a call that it makes, and on one processor the launcher is quick to
    // see that nothing of it is left but its number.
    for _ in 0..rounds(60, 600) {
        let scratch = Scratch::new();
        let start = quick(&scratch).kill_at(libc::SYS_close_range);
        let start = start.limit(Resource::RLIMIT_CORE, 0);
        let launch = start.on_one_processor().run();
        assert_eq!(launch.code(), 128 + libc::SIGSYS, "{launch:?}");
        let said = launch.err_text();
        assert!(said.contains("before it was ready"), "{said}");
    }
}

#[test]
fn what_comes_into_the_pid_file_until_it_is_locked_does_not_stay() {
    // At the first stop after the file was made, at the second, and so on to the lock.
    for number in 1.. {
        let scratch = Scratch::new();
        let path = scratch.path("report.pid");
        let mut stops = 0;
        let launch = trace::run(quick(&scratch), |stop| {
            if stop.role == Role::Launcher && path.exists() && !lock::is_held(&path) {
                stops += 1;
                if stops == number {
                    fs::write(&path, "99999999\n88888888\n").expect("write into it");
                }
            }
            Action::Go
        });
        let daemon = scratch.daemon_of(launch, "report.pid");
        let content = fs::read_to_string(&daemon.pid_file).expect("the PID file");
        assert_eq!(content, format!("{}\n", daemon.pid()), "stop {number}");
        if stops < number {
            assert!(number > 5, "{number}");
            return;
        }
    }
}
