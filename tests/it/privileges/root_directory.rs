//! Another root directory, and the log inside of it and outside.

use crate::support::requires;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::sys::signal::Signal;
use nix::unistd::chown;

use super::stage::{scratch, start};
use crate::support::daemon::expect_one_line;
use crate::support::deadline::eventually;
use crate::support::process::status_field;
use crate::support::scratch::Scratch;
use crate::support::users::{HELLO, HELLO_GROUP};

#[test]
fn daemon_runs_in_its_root_directory() {
    requires!(users);
    let scratch = scratch();
    let data = scratch.path("jail/data");
    fs::create_dir_all(&data).expect("the root directory");
    chown(&data, Some(HELLO.into()), Some(HELLO_GROUP.into())).expect("chown");
    // A relative working directory is one of the new root directory, where there is neither `/proc`
    // nor `/dev`; and the launcher still hears that the daemon is ready.
    let ready = if cfg!(daemon_fork) {
        "settled"
    } else {
        "notify"
    };
    let options = format!(
        "pid=report.pid\nlog=report.log\nchroot=jail\nworkdir=data\nuser=hello\nready={ready}"
    );
    let steps = "create:/data/one create:two say:hello ready stay";
    let launch = start(&scratch, &[]).options(options).does(steps).run();
    let daemon = scratch.daemon_of(launch, "report.pid");
    assert_eq!(daemon.launch.err_text(), "");
    let link = |name: &str| fs::read_link(format!("/proc/{}/{name}", daemon.pid()));
    assert_eq!(link("root").expect("its root"), scratch.path("jail"));
    assert_eq!(link("cwd").expect("its directory"), data);
    assert!(data.join("one").exists() && data.join("two").exists());
    assert_eq!(scratch.read("report.log"), "hello\n");
    let uids = status_field(daemon.pid(), "Uid").expect("its ids");
    assert_eq!(uids.split_whitespace().next(), Some("4711"));
}

#[cfg(daemon_fork)]
#[test]
fn notify_with_chroot_is_refused() {
    requires!(linux("a socket in the file system"), users);
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("jail")).expect("mkdir");
    let options = "pid=report.pid\nchroot=jail\nready=notify";
    let launch = scratch
        .background()
        .options(options)
        .does("ready stay")
        .run();
    scratch.expect_refusal(&launch, 71, &["notification socket", "root directory"]);
}

#[test]
fn root_directory_without_a_user_works() {
    requires!(users);
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("jail")).expect("mkdir");
    let options = "pid=report.pid\nlog=report.log\nchroot=jail";
    let launch = scratch.background().options(options).does("stay").run();
    let daemon = scratch.daemon_of(launch, "report.pid");
    let link = |name: &str| fs::read_link(format!("/proc/{}/{name}", daemon.pid()));
    assert_eq!(link("root").expect("its root"), scratch.path("jail"));
    assert_eq!(
        link("cwd").expect("its directory"),
        scratch.path("jail"),
        "no way out"
    );
}

#[cfg(not(daemon_fork))]
#[test]
fn ready_releases_the_kept_output_in_a_root_directory() {
    requires!(users);
    // By the option, and by the program itself.
    for (option, steps) in [
        ("chroot=jail", "ready stay"),
        ("", "chroot:jail ready stay"),
    ] {
        let scratch = Scratch::new();
        fs::create_dir(scratch.path("jail")).expect("mkdir");
        let options = format!("pid=report.pid\nready=notify\n{option}");
        let daemon = scratch.up(scratch.background().options(options).does(steps));
        for stream in [1, 2] {
            let link = fs::read_link(format!("/proc/{}/fd/{stream}", daemon.pid()));
            assert_eq!(link.expect("a stream"), Path::new("/dev/null"));
        }
    }
}

#[test]
fn log_outside_the_root_directory_is_a_warning() {
    requires!(users);
    let scratch = scratch();
    fs::create_dir(scratch.path("jail")).expect("mkdir");
    let options = "pid=report.pid\nlog=report.log\nchroot=jail\nuser=hello\nlog_reopen=1";
    let launch = start(&scratch, &[]).options(options).does("stay").run();
    let daemon = scratch.daemon_of(launch, "report.pid");
    let words = ["report.log", "No such file or directory", "copytruncate"];
    expect_one_line(&daemon.launch, &words);
}

#[test]
fn log_inside_the_root_directory_is_reopened() {
    requires!(users);
    for name in ["jail/report.log", "link"] {
        let scratch = scratch();
        fs::create_dir(scratch.path("jail")).expect("mkdir");
        chown(&scratch.path("jail"), Some(HELLO.into()), None).expect("chown");
        let target = Path::new("..").join(scratch.mark()).join("jail/report.log");
        symlink(target, scratch.path("link")).expect("symlink");
        let options = format!("pid=report.pid\nlog={name}\nchroot=jail\nuser=hello\nlog_reopen=1");
        let steps = "create:/up wait:/go say:after create:/done stay";
        let launch = start(&scratch, &[]).options(options).does(steps).run();
        let daemon = scratch.daemon_of(launch, "report.pid");
        assert_eq!(daemon.launch.err_text(), "", "no warning");
        let (log, old) = (
            scratch.path("jail/report.log"),
            scratch.path("jail/old.log"),
        );
        fs::rename(&log, &old).expect("rotate");
        daemon.process.signal(Signal::SIGHUP);
        eventually("the new log is there", || log.exists().then_some(()));
        scratch.write("jail/go", "");
        eventually("it has written", || {
            scratch.path("jail/done").exists().then_some(())
        });
        assert_eq!(fs::read_to_string(&log).expect("the new log"), "after\n");
        assert_eq!(fs::read_to_string(&old).expect("the old log"), "");
    }
}

#[test]
fn unusable_root_directory_fails_before_main() {
    requires!(users);
    let without_right = [
        "setpriv",
        "--bounding-set=-sys_chroot",
        "--inh-caps=-sys_chroot",
    ];
    for (option, before, words) in [
        (
            "chroot=missing",
            &[][..],
            ["root directory", "No such file or directory"],
        ),
        (
            "chroot=out",
            &without_right,
            ["root directory", "Operation not permitted"],
        ),
        (
            "chroot=out\nworkdir=missing",
            &[],
            ["working directory /missing", "No such file or directory"],
        ),
    ] {
        let scratch = scratch();
        let options = format!("pid=report.pid\nlog=report.log\nready=exec\n{option}");
        let start = start(&scratch, before).options(options);
        let launch = start.does("create:file").run();
        scratch.expect_refusal(&launch, 71, &words);
        assert!(!scratch.path("file").exists());
    }
}
