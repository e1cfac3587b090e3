//! Files of another user, files that other users can write to, and special files.

use crate::support::requires;
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;

use nix::sys::stat::Mode;
use nix::unistd::{chown, mkfifo};

use super::stage::{
    Root, Starter, Unprivileged, VICTIM, expect_each_refused, give, names, place, state,
};
use crate::control::stage::{as_nobody, expect_failure};
use crate::support::scratch::Scratch;
use crate::support::users::{CREW, HELLO, UNPRIVILEGED};

/// Where a file of another user is refused: by root everywhere, by an ordinary user where all users
/// can create it.
const PLACES: [(Starter, u32); 4] = [
    (Root, 0o1777),
    (Root, 0o755),
    (Unprivileged, 0o1777),
    (Unprivileged, 0o777),
];

#[test]
fn file_of_another_user_is_refused() {
    requires!(users);
    for (starter, mode) in PLACES {
        let scratch = Scratch::new();
        place(&scratch, 0, mode);
        let before = names(&scratch).map(|name| {
            fs::write(&name, VICTIM).expect("plant");
            give(&name, HELLO, 0o666);
            state(&name)
        });
        expect_each_refused(&scratch, starter, 78, &["belongs to user 4711"]);
        assert_eq!(names(&scratch).map(|name| state(&name)), before);
    }
}

/// Another user runs a daemon where root's daemon would be.
#[test]
fn daemon_of_another_user_does_not_pass_for_ours() {
    requires!(users);
    let scratch = Scratch::new();
    place(&scratch, 0, 0o1777);
    let options = "pid=place/report.pid\nready=exec\ncontrol_flag=-s";
    let foreign = scratch.background().options(options).does("hang");
    let foreign = as_nobody(foreign).run();
    assert_eq!(foreign.code(), 0, "{foreign:?}");
    let start = scratch.report().options(options).args(["-s", "start"]);
    expect_failure(&start.run(), 78, &["belongs to user 65534"]);
}

#[test]
fn new_pid_file_of_another_user_is_refused() {
    requires!(users);
    for (starter, mode) in PLACES {
        for file_mode in [0o666, 0o600] {
            let scratch = Scratch::new();
            place(&scratch, 0, mode);
            let new = scratch.write("place/report.pid.new", "");
            give(&new, HELLO, file_mode);
            let before = state(&new);
            let launch = starter
                .start(&scratch)
                .options("pid=place/report.pid")
                .run();
            scratch.expect_refusal(&launch, 78, &["report.pid.new", "belongs to user 4711"]);
            assert_eq!(state(&new), before);
        }
    }
}

#[test]
fn group_may_share_a_log() {
    requires!(users);
    let scratch = Scratch::new();
    place(&scratch, HELLO, 0o775);
    let log = scratch.write("place/report.log", "theirs\n");
    give(&log, HELLO, 0o666);
    scratch.directory_of(UNPRIVILEGED, "own");
    let start = Unprivileged.start(&scratch);
    let start = start.options("pid=own/report.pid\nlog=place/report.log");
    let launch = start.does("say:ours stay").run();
    scratch.daemon_of(launch, "own/report.pid");
    assert_eq!(scratch.read("place/report.log"), "theirs\nours\n");
}

#[test]
fn root_refuses_a_writable_pid_file() {
    requires!(users);
    let scratch = Scratch::new();
    let file = scratch.write("report.pid", "4242\n");
    give(&file, 0, 0o666);
    let before = state(&file);
    let launch = Root.start(&scratch).options("pid=report.pid").run();
    scratch.expect_refusal(&launch, 78, &["PID file", "other users can write to it"]);
    assert_eq!(state(&file), before);
    // The same for a group without root.
    give(&file, 0, 0o664);
    let start = || Root.start(&scratch).options("pid=report.pid");
    scratch.daemon_of(start().run(), "report.pid").stop();
    let file = scratch.write("report.pid", "4242\n");
    give(&file, 0, 0o664);
    chown(&file, None, Some(CREW.into())).expect("chown");
    scratch.expect_refusal(&start().run(), 78, &["other users can write to it"]);
    fs::remove_file(&file).expect("remove");
    // No program trusts the content of a log.
    let log = scratch.write("report.log", "");
    give(&log, 0, 0o666);
    let start = scratch
        .background()
        .options("pid=other.pid\nlog=report.log");
    scratch.daemon_of(start.run(), "other.pid");
}

/// Creates a special file.
type Plant = fn(&Path);

#[test]
fn special_files_are_refused_at_once() {
    requires!(users);
    let kinds: [(Plant, [i32; 2]); 3] = [
        // Without a reader, and without a writer.
        (
            |path| mkfifo(path, Mode::from_bits_truncate(0o666)).expect("mkfifo"),
            [73, 73],
        ),
        (|path| fs::create_dir(path).expect("mkdir"), [73, 73]),
        (
            |path| drop(UnixListener::bind(path).expect("bind")),
            [73, 73],
        ),
    ];
    for starter in [Root, Unprivileged] {
        for (plant, statuses) in kinds {
            let scratch = Scratch::new();
            place(&scratch, starter.uid(), 0o755);
            for name in names(&scratch) {
                plant(&name);
                chown(&name, Some(starter.uid().into()), None).expect("chown");
            }
            for (option, status) in ["pid=place/report.pid", "log=place/report.log"]
                .into_iter()
                .zip(statuses)
            {
                let launch = starter.start(&scratch).options(option).run();
                scratch.expect_refusal(&launch, status, &["place/report."]);
                assert!(launch.elapsed.as_secs() < 5, "{launch:?}");
            }
        }
    }
}

#[test]
fn file_without_permission_is_refused() {
    requires!(users);
    let scratch = Scratch::new();
    place(&scratch, 0, 0o1777);
    let before = names(&scratch).map(|name| {
        fs::write(&name, VICTIM).expect("plant");
        give(&name, HELLO, 0o600);
        state(&name)
    });
    expect_each_refused(&scratch, Unprivileged, 73, &["Permission denied"]);
    assert_eq!(names(&scratch).map(|name| state(&name)), before);
}
