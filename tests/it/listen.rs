//! `listen`, the sockets that the launcher binds, and `daemon::listener`, which takes them.

pub(crate) mod handed_over;
mod users;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::support::daemon::read_report;
use crate::support::deadline::eventually;
use crate::support::report::Report;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::trace::{self, Action};

/// An address that no other test has, below the ports that the system chooses.
fn free_address(port: u16) -> SocketAddr {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = process::id().to_be_bytes();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    (Ipv4Addr::new(127, count, high, low), port).into()
}

/// `report -d`, ready by its call, which stays.
fn start(scratch: &Scratch, options: &str, steps: &str) -> Start {
    let options = format!("pid=report.pid\nlog=report.log\nready=notify\n{options}");
    let steps = format!("{steps} ready report stay");
    scratch.background().options(options).does(&steps)
}

/// The address and the fd of the socket that the program has taken.
fn taken(scratch: &Scratch, name: &str) -> (String, i32) {
    let note = eventually("the program has its socket", || {
        fs::read_to_string(scratch.path(name)).ok()
    });
    let (address, fd) = note.rsplit_once(' ').expect("an address and an fd");
    (address.to_owned(), fd.parse().expect("an fd"))
}

fn expect_variables(report: &Report, count: &str, names: &str) {
    let pid = report.pid.to_string();
    for (name, value) in [
        ("LISTEN_PID", &*pid),
        ("LISTEN_FDS", count),
        ("LISTEN_FDNAMES", names),
    ] {
        assert_eq!(report.variable(name), Some(value.as_bytes()), "{name}");
    }
}

#[test]
fn daemon_takes_the_sockets_of_the_launcher() {
    let sockets = "listen=http=127.0.0.1:0\nlisten=control=unix:control.sock";
    let steps = "listener:control=unix:control.sock listener:http=127.0.0.1:0";
    // The caller's own files are where the sockets go, or leave room.
    for first in [3, 4, 5] {
        let scratch = Scratch::new();
        let file = fs::File::open("/dev/zero").expect("/dev/zero");
        let start = start(&scratch, sockets, steps).inherit(file, first, 4);
        let daemon = scratch.up(start);
        let report = daemon.report();
        expect_variables(&report, "2", "http:control");
        let (address, fd) = taken(&scratch, "http");
        assert_eq!(fd, 3);
        TcpStream::connect(address).expect("the daemon listens");
        let (_, fd) = taken(&scratch, "control");
        assert_eq!(fd, 4);
        UnixStream::connect(scratch.path("control.sock")).expect("the daemon listens");
        let above = report.descriptors_above_two();
        assert_eq!(above.len(), 3, "the sockets and the PID file: {above:?}");
        assert_eq!(scratch.read("report.log"), "");
    }
}

#[test]
fn children_of_the_daemon_do_not_get_its_sockets() {
    let scratch = Scratch::new();
    let start = start(&scratch, "listen=http=127.0.0.1:0", "child");
    let daemon = scratch.up(start);
    assert!(daemon.report().descriptor(3).is_some());
    let child = read_report(&scratch.path("child.json"));
    assert_eq!(child.descriptors_above_two(), []);
}

/// Closes the socket `control.sock`. A child that another test has just forked holds it a little longer.
fn close(scratch: &Scratch, server: UnixListener) {
    drop(server);
    eventually("no process listens", || {
        UnixStream::connect(scratch.path("control.sock"))
            .is_err()
            .then_some(())
    });
}

#[test]
fn taken_address_ends_the_start_with_69() {
    let scratch = Scratch::new();
    let socket = TcpListener::bind(free_address(4000)).expect("a socket");
    let address = socket.local_addr().expect("an address").to_string();
    let options = format!("listen=control=unix:control.sock\nlisten=http={address}");
    let launch = start(&scratch, &options, "").run();
    let words = format!("cannot listen on {address}: Address ");
    scratch.expect_refusal(&launch, 69, &[&words, " in use\n"]);
    assert!(
        !scratch.path("control.sock").exists(),
        "what it made is gone"
    );
    assert!(!scratch.path("report.pid").exists(), "there is no PID file");
    let server = UnixListener::bind(scratch.path("control.sock")).expect("a server");
    let launch = start(&scratch, "listen=control=unix:control.sock", "").run();
    scratch.expect_refusal(&launch, 69, &["/control.sock: Address ", " in use\n"]);
    close(&scratch, server);
    scratch.up(start(&scratch, "listen=control=unix:control.sock", ""));
}

#[test]
fn addresses_that_overlap_are_named() {
    let scratch = Scratch::new();
    let part = free_address(4002);
    let options = format!("listen=a={part}\nlisten=b=0.0.0.0:4002");
    let launch = start(&scratch, &options, "").run();
    let words = format!("cannot use the option `listen`: 0.0.0.0:4002 includes {part}; use one");
    scratch.expect_refusal(&launch, 78, &[&words]);
}

#[test]
fn socket_that_proves_nothing_is_refused() {
    let scratch = Scratch::new();
    for (options, what) in [
        ("ready=listening", "ready"),
        ("ready=udp:9,tcp:4001", "ready"),
        ("ready=unix:control.sock", "ready"),
        ("keep_fds=9,4", "keep_fds"),
    ] {
        let options =
            format!("listen=http=127.0.0.1:4001\nlisten=control=unix:control.sock\n{options}");
        let launch = start(&scratch, &options, "").run();
        scratch.expect_refusal(&launch, 78, &[&format!("cannot use the option `{what}`")]);
    }
    for socket in ["http=80", "http=localhost:80", "a:b=127.0.0.1:80"] {
        let launch = start(&scratch, &format!("listen={socket}"), "").run();
        scratch.expect_refusal(&launch, 78, &["takes a name and an address"]);
    }
}

#[test]
fn sockets_that_are_left_are_named_once() {
    let scratch = Scratch::new();
    let options = "listen=a=127.0.0.1:0\nlisten=b=127.0.0.1:0\nlisten=c=127.0.0.1:0";
    let daemon = scratch.up(start(&scratch, options, "listener:b=127.0.0.1:0 ready"));
    let report = daemon.report();
    let line = "report: ready without these sockets of `listen`: a, c; use daemon::listener or \
                daemon::unix_listener\n";
    assert_eq!(scratch.read("report.log"), line);
    let left = |fd| report.descriptor(fd).expect("it stays open");
    assert!(left(3).target.starts_with(b"socket:") && left(5).target.starts_with(b"socket:"));
}

#[test]
fn foreground_program_binds_its_sockets() {
    let scratch = Scratch::new();
    let earlier = UnixListener::bind(scratch.path("control.sock")).expect("an earlier server");
    close(&scratch, earlier);
    let options = "listen=http=127.0.0.1:0\nlisten=control=unix:control.sock";
    let steps = "listener:http=127.0.0.1:0 listener:control=unix:control.sock ready return:0";
    let outcome = scratch.report().options(options).does(steps).run();
    let said = (outcome.code(), outcome.out_text(), outcome.err_text());
    assert_eq!(said, (0, String::new(), String::new()));
    let (address, _) = taken(&scratch, "http");
    assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":0"));
    assert!(taken(&scratch, "control").0.contains("control.sock"));
}

#[test]
fn restart_binds_the_same_address_again() {
    requires!(linux("the arguments of a process"));
    let scratch = Scratch::new();
    let address = free_address(4000);
    let options = format!("listen=http={address}\ncontrol_flag=-s");
    let start = || start(&scratch, &options, &format!("listener:http={address}"));
    let first = scratch.up(start()).pid();
    // A client whose connection is in TIME_WAIT afterwards.
    TcpStream::connect(address).expect("the first daemon listens");
    let restart = scratch.report().options(format!(
        "pid=report.pid\nlog=report.log\nready=notify\n{options}"
    ));
    let steps = format!("listener:http={address} ready report stay");
    let outcome = restart.args(["-s", "restart"]).does(&steps).run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    assert_ne!(scratch.read("report.pid"), format!("{first}\n"));
    TcpStream::connect(address).expect("the second daemon listens");
}

#[test]
fn socket_file_goes_before_the_next_start_can_begin() {
    let taken = TcpListener::bind(free_address(4000)).expect("a socket");
    let taken = taken.local_addr().expect("an address");
    for (options, steps, status) in [
        (String::new(), "return:3", 3),
        (String::new(), "return:0", 0),
        (format!("listen=http={taken}"), "", 69),
    ] {
        let scratch = Scratch::new();
        let options = format!("pid=report.pid\nlisten=control=unix:control.sock\n{options}");
        let mut has_begun = false;
        let launch = trace::run(scratch.background().options(options).does(steps), |_| {
            let [pid_file, socket] =
                ["report.pid", "control.sock"].map(|name| scratch.path(name).exists());
            has_begun |= pid_file && socket;
            assert!(!has_begun || pid_file || !socket, "the socket is left");
            Action::Go
        });
        assert!(has_begun && !scratch.path("control.sock").exists());
        assert_eq!(launch.code(), status, "{launch:?}");
    }
}
