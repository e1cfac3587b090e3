//! Under a service manager: sockets and variables arrive, and the launcher gives advice about
//! other settings.

mod sockets;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::support::daemon::{Daemon, expect_one_line};
use crate::support::deadline::eventually;
use crate::support::report::Report;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::{program, requires};

/// `report -d`, executed by a shell after these commands: there `$$` is the pid of the launcher.
fn after(scratch: &Scratch, words: &str) -> Start {
    let shell = requires::find("sh").expect("sh");
    scratch
        .start_path(&shell)
        .args(["-c", &format!("{words}\nexec \"$0\" \"$@\"")])
        .arg(program::path("report"))
        .arg("-d")
        .env("TEST_REPORT", scratch.path("report.json"))
        .options("pid=report.pid\nlog=report.log")
        .does("report stay")
}

fn expect_variable(report: &Report, name: &str, value: &str) {
    assert_eq!(report.variable(name), Some(value.as_bytes()), "{name}");
}

/// The daemon of a start here. Inherited sockets stay open in the launcher until it ends.
fn up(scratch: &Scratch, launch: crate::support::outcome::Outcome) -> Daemon {
    let daemon = scratch.daemon_of(launch, "report.pid");
    assert_eq!(daemon.launch.out_text(), "");
    daemon
}

#[test]
fn watchdog_pid_names_the_daemon() {
    let scratch = Scratch::new();
    let words = "export WATCHDOG_PID=$$ WATCHDOG_USEC=30000000";
    let daemon = up(&scratch, after(&scratch, words).run());
    let report = daemon.report();
    expect_variable(&report, "WATCHDOG_PID", &daemon.pid().to_string());
    expect_variable(&report, "WATCHDOG_USEC", "30000000");
    assert_eq!(report.variable("LISTEN_PID"), None, "nothing is added");
}

#[test]
fn notify_socket_of_the_caller_is_dropped() {
    for (ready, steps) in [("settled", "report stay"), ("notify", "ready report stay")] {
        let scratch = Scratch::new();
        let start = scratch.background().env("NOTIFY_SOCKET", "/run/other");
        let options = format!("pid=report.pid\nlog=report.log\nready={ready}");
        let daemon = scratch.up(start.options(options).does(steps));
        assert_eq!(daemon.report().variable("NOTIFY_SOCKET"), None, "{ready}");
    }
}

#[test]
fn notify_socket_is_gone_after_ready() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\nready=notify";
    let start = scratch.background().options(options);
    let daemon = scratch.up(start.does("report ready notify-variable:later stay"));
    assert!(daemon.report().variable("NOTIFY_SOCKET").is_some());
    let left = eventually("the daemon has looked", || {
        fs::read_to_string(scratch.path("later")).ok()
    });
    assert_eq!(left, "gone\n");
}

#[test]
fn daemon_is_named_as_the_process_of_its_unit() {
    let scratch = Scratch::new();
    let words = "export SYSTEMD_EXEC_PID=$$; unset NOTIFY_SOCKET";
    let daemon = up(&scratch, after(&scratch, words).run());
    let pid = daemon.pid().to_string();
    expect_variable(&daemon.report(), "SYSTEMD_EXEC_PID", &pid);
}

fn supervised(scratch: &Scratch) -> Start {
    scratch.report().env("SUPERVISOR_ENABLED", "1")
}

#[test]
fn supervisord_gets_one_line_of_advice() {
    requires!(linux("the name of another process"));
    let scratch = Scratch::new();
    let daemon = scratch.up(scratch.below("supervisord", supervised(&scratch), "$0 -d"));
    expect_one_line(&daemon.launch, &["supervisord", "run in the foreground"]);
    // In the foreground it is as if it were not there.
    let start = scratch.below("supervisord", supervised(&scratch), "$0");
    let outcome = start.does("say:hello").run();
    assert_eq!(
        (outcome.out_text(), outcome.err_text()),
        ("hello\n".to_owned(), String::new())
    );
}

#[test]
fn shell_below_supervisord_is_not_supervisord() {
    let scratch = Scratch::new();
    let daemon = scratch.up(supervised(&scratch).arg("-d"));
    assert_eq!(daemon.launch.err_text(), "");
}

#[test]
fn child_of_an_ending_init_is_refused() {
    requires!(linux("the name of another process"));
    for init in [
        "tini",
        "docker-init",
        "podman-init",
        "dumb-init",
        "catatonit",
    ] {
        let scratch = Scratch::new();
        let launch = scratch.below(init, scratch.report(), "$0 -d").run();
        scratch.expect_refusal(&launch, 78, &[init, "run in the foreground"]);
        let launch = scratch
            .below(init, scratch.report(), "sh -c '$0 -d; exit $?' $0")
            .run();
        scratch.daemon_of(launch, "report.pid");
    }
}

#[test]
fn container_inits_are_recognised() {
    requires!(linux("the name of another process"));
    for (init, arguments) in [
        ("tini", &["--"][..]),
        ("dumb-init", &[]),
        ("catatonit", &["--"]),
    ] {
        if !requires::root() || !requires::program("unshare") || !requires::program(init) {
            return;
        }
        let scratch = Scratch::new();
        let commands = format!("exec {init} {} $0 -d", arguments.join(" "));
        let kinds = ["-m", "-p", "-f", "--mount-proc"];
        let launch = scratch.in_namespaces(&kinds, &commands).run();
        scratch.expect_refusal(&launch, 78, &[init, "run in the foreground"]);
    }
}

#[test]
fn app_image_is_refused() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("mount")).expect("a directory");
    let copy = scratch.copy_program(&program::path("report"), "mount/report");
    let inside = |program: &Path| {
        let start = scratch.background().via(program).arg("-d");
        start.env("APPDIR", scratch.path("mount"))
    };
    let image = scratch.path("hello.AppImage");
    let launch = inside(&copy).env("APPIMAGE", &image).run();
    scratch.expect_refusal(&launch, 78, &["AppImage", "run in the foreground"]);
    // In a container the variable may name any directory.
    scratch.up(inside(&copy)).stop();
    // A program that is started from within an AppImage is not in it.
    let outside = inside(&program::path("report")).env("APPIMAGE", image);
    scratch.up(outside);
}

#[test]
fn unit_without_a_pid_file_gets_advice() {
    let scratch = Scratch::new();
    let words = "export SYSTEMD_EXEC_PID=$$; unset NOTIFY_SOCKET";
    let launch = after(&scratch, words).options("log=report.log").run();
    assert_eq!(launch.code(), 0, "it is obeyed: {launch:?}");
    expect_one_line(
        &launch,
        &["systemd", "run in the foreground", "Type=forking"],
    );
}

#[test]
fn unit_with_a_pid_file_gets_no_advice() {
    let scratch = Scratch::new();
    // As under `Type=forking`: when the launcher ends, the file names the main process.
    let words = "export SYSTEMD_EXEC_PID=$$; unset NOTIFY_SOCKET";
    let daemon = up(&scratch, after(&scratch, words).run());
    assert_eq!(daemon.launch.err_text(), "");
    assert_eq!(
        fs::metadata(&daemon.pid_file).expect("the file").uid(),
        nix::unistd::geteuid().as_raw()
    );
}

#[test]
fn variables_of_another_unit_give_no_advice() {
    for pid in ["1", "$PPID", "x"] {
        let scratch = Scratch::new();
        let words = format!("export SYSTEMD_EXEC_PID={pid}; unset NOTIFY_SOCKET");
        let launch = after(&scratch, &words).options("log=report.log").run();
        assert_eq!((launch.code(), launch.err_text()), (0, String::new()));
    }
}

#[test]
fn failed_start_under_a_manager_has_one_line() {
    let scratch = Scratch::new();
    let words = "export SYSTEMD_EXEC_PID=$$ SUPERVISOR_ENABLED=1; unset NOTIFY_SOCKET";
    let launch = after(&scratch, words)
        .options("log=missing/report.log")
        .run();
    scratch.expect_refusal(&launch, 73, &["missing"]);
}
