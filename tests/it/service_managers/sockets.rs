//! The sockets of systemd arrive in the daemon, with the variables that describe them.

use std::fs;
use std::io::Read;
use std::os::unix::net::UnixStream;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{after, expect_variable, up};
use crate::support::deadline::{WAIT_TIMEOUT, eventually};
use crate::support::report::Report;
use crate::support::scratch::Scratch;
use crate::support::{program, requires};

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
