//! Under a service manager: sockets and variables arrive, and the launcher gives advice about
//! other settings.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::daemon::{Daemon, expect_one_line};
use crate::support::deadline::{WAIT_TIMEOUT, eventually};
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

/// These fds are open, and one above them: the PID file.
fn expect_handed_over(report: &Report, fds: &[i32]) {
    let above = report.descriptors_above_two();
    let (last, sockets) = above.split_last().expect("the PID file at least");
    let open: Vec<i32> = sockets.iter().map(|open| open.fd).collect();
    assert_eq!(open, fds);
    assert!(last.target.ends_with(b"report.pid"), "{above:?}");
    assert!(fds.iter().all(|fd| last.fd > *fd));
}

#[test]
fn sockets_of_systemd_keep_their_fds() {
    let activate = "systemd-socket-activate";
    requires!(program(activate));
    let scratch = Scratch::new();
    let mut start = scratch.start_path(&requires::find(activate).expect("the program"));
    for name in ["first", "second"] {
        start = start.arg("-l").arg(scratch.path(name));
    }
    // It passes on little of the environment.
    for (name, value) in [
        ("TEST_MARK", scratch.mark()),
        ("TEST_REPORT", "report.json"),
        ("TEST_OPTIONS", "pid=report.pid\nlog=report.log"),
        ("TEST_DOES", "report stay"),
    ] {
        start = start.arg("-E").arg(format!("{name}={value}"));
    }
    let launch = start.arg("--fdname=one:two");
    let launch = launch.arg(program::path("report")).arg("-d").spawn();
    // It starts the program for the first connection.
    let caller = eventually("the sockets listen", || {
        UnixStream::connect(scratch.path("second")).ok()
    });
    let daemon = up(&scratch, launch.wait());
    drop(caller);
    let report = daemon.report();
    expect_handed_over(&report, &[3, 4]);
    expect_variable(&report, "LISTEN_PID", &daemon.pid().to_string());
    expect_variable(&report, "LISTEN_FDS", "2");
    expect_variable(&report, "LISTEN_FDNAMES", "one:two");
    // The same sockets, in the same order.
    let table = fs::read_to_string("/proc/net/unix").expect("the sockets");
    for (fd, name) in [(3, "first"), (4, "second")] {
        let open = report.descriptor(fd).expect("a socket");
        let target = String::from_utf8_lossy(&open.target).into_owned();
        let inode = target.trim_start_matches("socket:[").trim_end_matches(']');
        let path = scratch.path(name);
        let listens = table.lines().any(|line| {
            let mut fields = line.split_whitespace().skip(6);
            fields.next() == Some(inode) && fields.next() == path.to_str()
        });
        assert!(listens, "{name} is {target}");
    }
}

#[test]
fn program_in_the_foreground_takes_the_socket_of_systemd() {
    let activate = "systemd-socket-activate";
    requires!(program(activate));
    let scratch = Scratch::new();
    let path = scratch.path("control.sock");
    let start = scratch.start_path(&requires::find(activate).expect("the program"));
    let mut start = start.arg("-l").arg(&path).arg("--fdname=control");
    // It passes on little of the environment.
    for (name, value) in [
        ("TEST_MARK", scratch.mark()),
        ("TEST_OPTIONS", "listen=control=unix:control.sock"),
        ("TEST_DOES", "serve:control=unix:control.sock"),
    ] {
        start = start.arg("-E").arg(format!("{name}={value}"));
    }
    let launch = start.arg(program::path("report")).spawn();
    // The program is started for the first client.
    for _ in 0..2 {
        let mut client = eventually("the socket listens", || UnixStream::connect(&path).ok());
        client
            .set_read_timeout(Some(WAIT_TIMEOUT))
            .expect("a timeout");
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("an answer");
        assert_eq!(answer, "hello");
    }
    // The same process, without a handler.
    let pid = Pid::from_raw(launch.pid());
    kill(pid, Signal::SIGTERM).expect("the program runs");
    let said = launch.wait().err_text();
    assert!(!said.contains("handed over"), "{said}");
}

/// The daemon of a start here. Inherited sockets
/// stay open in the launcher until it ends.
fn up(scratch: &Scratch, launch: crate::support::outcome::Outcome) -> Daemon {
    let daemon = scratch.daemon_of(launch, "report.pid");
    assert_eq!(daemon.launch.out_text(), "");
    daemon
}

#[test]
fn too_long_range_of_sockets_stays_free() {
    let scratch = Scratch::new();
    // So long that no internal fd is above it by chance.
    let words = "export LISTEN_PID=$$ LISTEN_FDS=50; exec 3</dev/null 4</dev/zero";
    let daemon = up(&scratch, after(&scratch, words).run());
    let report = daemon.report();
    let open: Vec<i32> = report.descriptors.iter().map(|it| it.fd).collect();
    assert_eq!(open[..5], [0, 1, 2, 3, 4]);
    assert!(open[5..].iter().all(|fd| *fd > 52), "{open:?}");
    expect_variable(&report, "LISTEN_PID", &daemon.pid().to_string());
    assert_eq!(report.descriptor(3).expect("3").target, b"/dev/null");
    assert_eq!(report.descriptor(4).expect("4").target, b"/dev/zero");
}

#[test]
fn impossible_listen_fds_counts_open_sockets() {
    for count in ["2147483647", "18446744073709551615", "1000000000"] {
        let scratch = Scratch::new();
        let words = format!("export LISTEN_PID=$$ LISTEN_FDS={count}; exec 3</dev/zero");
        let daemon = up(&scratch, after(&scratch, &words).run());
        assert!(daemon.launch.elapsed.as_secs() < 5, "{:?}", daemon.launch);
        let report = daemon.report();
        expect_handed_over(&report, &[3]);
        expect_variable(&report, "LISTEN_FDS", count);
        expect_variable(&report, "LISTEN_PID", &daemon.pid().to_string());
    }
}

#[test]
fn declared_fd_beyond_the_limit_is_missing() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nkeep_fds=3,2000000000";
    let file = fs::File::open("/dev/zero").expect("/dev/zero");
    let start = scratch.background().options(options).inherit(file, 3, 1);
    expect_handed_over(&scratch.up(start).report(), &[3]);
}

#[test]
fn sockets_for_another_pid_are_closed() {
    for pid in ["1", "", "x", "-1", "0$$", "+$$", "\"$$ \""] {
        let scratch = Scratch::new();
        let words = format!(
            "export LISTEN_PID={pid} LISTEN_FDS=2 WATCHDOG_PID={pid} WATCHDOG_USEC=5\n\
             exec 3</dev/null 4</dev/null"
        );
        let daemon = up(&scratch, after(&scratch, &words).run());
        let report = daemon.report();
        expect_handed_over(&report, &[]);
        // As the shell has understood it.
        let pid = &pid.replace("$$", &daemon.launch.pid.to_string());
        let pid = pid.trim_matches('"');
        expect_variable(&report, "LISTEN_PID", pid);
        expect_variable(&report, "LISTEN_FDS", "2");
        expect_variable(&report, "WATCHDOG_PID", pid);
    }
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
fn pidfd_of_the_launcher_is_dropped_with_listen_pid() {
    let scratch = Scratch::new();
    let words = "export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_PIDFDID=4242; exec 3</dev/zero";
    let report = up(&scratch, after(&scratch, words).run()).report();
    expect_handed_over(&report, &[3]);
    assert_eq!(report.variable("LISTEN_PIDFDID"), None);
    // Meant for another process, it stays as LISTEN_PID does.
    let words = "export LISTEN_PID=1 LISTEN_FDS=1 LISTEN_PIDFDID=4242";
    let scratch = Scratch::new();
    let report = up(&scratch, after(&scratch, words).run()).report();
    expect_variable(&report, "LISTEN_PIDFDID", "4242");
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
