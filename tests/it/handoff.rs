//! The hand-off: it is taken by the daemon alone, leaves no trace, and cannot be forged.

use std::fs::{self, File, Permissions};
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::support::daemon::read_report;
use crate::support::report::Report;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::terminal::Terminal;
use crate::support::users::{CREW, UNPRIVILEGED};
use crate::support::{constructor, program, requires};
use nix::sys::resource::Resource;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use nix::unistd::{Gid, Uid, chown, getpid, setresgid, setresuid};

/// The variable that names the fd of the daemon's end of the socket pair.
const MARKER: &str = "__DAEMON_HANDOFF";

fn expect_no_trace(report: &Report) {
    assert_eq!(report.variable(MARKER), None);
}

#[test]
fn marker_is_removed_from_the_environment() {
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

/// A start of the program with a marker that names fd 57.
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
fn forged_marker_is_ignored() {
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
fn marker_with_another_descriptor_is_ignored() {
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
fn message_on_another_socket_is_not_consumed() {
    let scratch = Scratch::new();
    let (ours, theirs) = pair(SockType::SeqPacket);
    let message = b"daemon hand-off 3\n and then garbage";
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
fn leaked_marker_without_its_socket_is_ignored() {
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
const USER: Uid = Uid::from_raw(UNPRIVILEGED);
const GROUP: Gid = Gid::from_raw(CREW);

/// Where the pid of the launcher stands in a record.
const LAUNCHER: Range<usize> = 18..22;

/// A change of the ids.
type Become = fn() -> nix::Result<()>;

/// A record of a launcher, the name of its program, and no setting: zeros stand for none.
fn record(launcher: u32) -> Vec<u8> {
    let name = b"forged";
    let length = u32::try_from(name.len()).expect("a short name");
    let (launcher, length) = (launcher.to_le_bytes(), length.to_le_bytes());
    [
        b"daemon hand-off 3\n",
        &launcher[..],
        &length,
        name,
        &[0; 200],
    ]
    .concat()
}

#[test]
fn record_must_name_the_creator_of_the_socket() {
    requires!(linux("the creator of a socket"));
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

#[test]
fn record_of_another_user_is_not_believed() {
    requires!(linux("the creator of a socket"), root);
    // The process that creates the socket and sends the record becomes the program. What it does
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
        expect_belief(name, before, after, mode, None, is_believed);
    }
    // Fault 218: a set-uid program that lowers its ids, or drops them, before it asks.
    for lowered in ["lower", "drop-ids"] {
        for (before, mode) in [
            ((|| setresuid(ROOT, USER, ROOT)) as Become, 0o4755),
            (|| setresgid(ROOTS, GROUP, ROOTS), 0o2755),
        ] {
            expect_belief(lowered, before, nothing, mode, Some(lowered), false);
        }
    }
}

/// Sends a record to the program. `lowered` is a step of a program that then calls `start`.
fn expect_belief(
    name: &str,
    before: Become,
    after: Become,
    mode: u32,
    lowered: Option<&str>,
    is_believed: bool,
) {
    let scratch = Scratch::new();
    let program = scratch.copy_program(&program::path("report"), "report");
    chown(&program, Some(USER), Some(GROUP)).expect("chown");
    fs::set_permissions(&program, Permissions::from_mode(mode)).expect("chmod");
    // The program can report as any user.
    scratch.directory_with_mode(0o777, "out");
    let mut record = record(0);
    let start = forged(&scratch, scratch.report(), &program);
    let start = start
        .env("TEST_REPORT", scratch.path("out/report.json"))
        .does("report");
    let start = match lowered {
        Some(step) => start
            .env("TEST_START", "start")
            .env("TEST_BEFORE", step)
            .arg("-b"),
        None => start,
    };
    let start = start.before_exec(move || {
        before()?;
        let (ours, theirs) = pair(SockType::SeqPacket);
        record[LAUNCHER].copy_from_slice(&getpid().as_raw().to_le_bytes());
        send(ours.as_raw_fd(), &record, MsgFlags::empty())?;
        // SAFETY: the socket is open, and the child uses no other descriptor of that value.
        if unsafe { libc::dup2(theirs.as_raw_fd(), 57) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(after()?)
    });
    let outcome = start.run();
    if lowered.is_some() {
        // Without the record it is a launcher, which is refused.
        assert_eq!(outcome.code(), 77, "{name}: {outcome:?}");
        return;
    }
    assert_eq!(outcome.code(), 0, "{name}: {outcome:?}");
    let report = read_report(&scratch.path("out/report.json"));
    assert_eq!(report.is_daemon, is_believed, "{name}");
}

#[test]
fn hand_off_at_the_descriptor_limit_works() {
    let (mut ups, mut refusals) = (0, 0);
    // The caller has left none free below 100.
    for limit in 101..=120 {
        let scratch = Scratch::new();
        let options = "pid=report.pid\nlog=report.log\nkeep_fds=99";
        let start = scratch.background().options(options);
        let start = start.inherit(File::open("/dev/null").expect("/dev/null"), 3, 97);
        let launch = start.limit(Resource::RLIMIT_NOFILE, limit).run();
        if launch.code() == 0 {
            scratch.daemon_of(launch, "report.pid").report();
            ups += 1;
        } else {
            let code = launch.code();
            assert!([71, 73].contains(&code), "{launch:?}");
            scratch.expect_refusal(&launch, code, &["Too many open files"]);
            refusals += 1;
        }
    }
    assert!(ups > 0 && refusals > 0, "{ups} starts, {refusals} refusals");
}
