//! `listen`, the sockets that the launcher binds, and `daemon::listener`, which takes them.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::support::daemon::read_report;
use crate::support::deadline::eventually;
use crate::support::report::Report;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::trace::{self, Action};
use crate::support::users::{HELLO, HELLO_GROUP};
use crate::support::{program, requires};

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

/// `report -d`, executed by a shell that has this descriptor for 3, with `LISTEN_PID` for the launcher.
pub(crate) fn with_inherited(
    scratch: &Scratch,
    name: &str,
    socket: impl Into<std::os::fd::OwnedFd>,
    start: Start,
) -> Start {
    let shell = requires::find("sh").expect("sh");
    let words =
        format!("export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES={name}; exec \"$0\" \"$@\"");
    let arguments: Vec<_> = start.words().skip(1).map(ToOwned::to_owned).collect();
    let start = start.via(&shell).args(["-c", &words]);
    let start = start.arg(program::path("report")).args(arguments);
    start.cwd(scratch.dir()).inherit(socket, 3, 1)
}

#[test]
fn sockets_follow_those_of_a_service_manager() {
    let scratch = Scratch::new();
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let first = socket.local_addr().expect("an address").to_string();
    // Without the variables of the caller the daemon still gets what `listen` promises.
    let options = "listen=two=127.0.0.1:0\nenv_remove=LISTEN_FDS,LISTEN_PID";
    let steps = "listener:two=127.0.0.1:0 listener:one=127.0.0.1:0";
    let start = start(&scratch, options, steps);
    let daemon = scratch.up(with_inherited(&scratch, "one", socket, start));
    expect_variables(&daemon.report(), "2", "one:two");
    assert_eq!(taken(&scratch, "one"), (first, 3));
    assert_eq!(taken(&scratch, "two").1, 4);
}

#[test]
fn socket_of_a_service_manager_is_not_bound_again() {
    let scratch = Scratch::new();
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket.set_nonblocking(true).expect("non-blocking");
    let address = socket.local_addr().expect("an address").to_string();
    let options = format!("listen=http={address}");
    let start = start(&scratch, &options, &format!("listener:http={address}"));
    let daemon = scratch.up(with_inherited(&scratch, "http", socket, start));
    expect_variables(&daemon.report(), "1", "http");
    assert_eq!(taken(&scratch, "http"), (address, 3));
    assert_eq!(scratch.read("report.log"), "");
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
    let words = format!("cannot use the option `listen`: 0.0.0.0:4002 takes in {part}; use one");
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
fn other_address_of_a_service_manager_is_used() {
    let scratch = Scratch::new();
    // Another address each time: a child of another test may hold the socket a little longer.
    let foreground = |wanted: fn(SocketAddr) -> String| {
        let socket = TcpListener::bind(free_address(4000)).expect("a socket");
        let bound = socket.local_addr().expect("an address");
        let wanted = wanted(bound);
        let steps = format!("listener:http={wanted} ready return:0");
        let start = scratch.report().options("").does(&steps);
        let outcome = with_inherited(&scratch, "http", socket, start).run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
        assert_eq!(taken(&scratch, "http"), (bound.to_string(), 3));
        let line = format!(
            "report: the socket `http` was handed over with the address {bound}, and not {wanted}\n"
        );
        (outcome.err_text(), line)
    };
    let same: [fn(SocketAddr) -> String; 3] = [
        |bound| bound.to_string(),
        |_| "0.0.0.0:4000".to_owned(),
        |bound| format!("{}:0", bound.ip()),
    ];
    for wanted in same {
        assert_eq!(foreground(wanted).0, "");
    }
    for wanted in [
        |_| "127.0.0.1:4000".to_owned(),
        |_| "0.0.0.0:4001".to_owned(),
    ] {
        let (said, line) = foreground(wanted);
        assert_eq!(said, line);
    }
}

#[test]
fn socket_without_its_file_is_told() {
    let scratch = Scratch::new();
    let path = scratch.path("control.sock");
    let socket = UnixListener::bind(&path).expect("a socket");
    fs::remove_file(&path).expect("remove");
    let steps = "listener:control=unix:control.sock return:0";
    let start = scratch.report().options("").does(steps);
    let outcome = with_inherited(&scratch, "control", socket, start).run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let path = path.display();
    let line = format!("report: the socket `control` was handed over without its file {path}\n");
    assert_eq!(outcome.err_text(), line);
}

#[test]
fn socket_of_another_kind_is_an_error() {
    let scratch = Scratch::new();
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let start = scratch.report().options("").does("listener:http=unix:x");
    let outcome = with_inherited(&scratch, "http", socket, start).run();
    assert_eq!(outcome.code(), 99, "{outcome:?}");
    let words = "the socket `http` that was handed over is no Unix listener";
    assert!(outcome.err_text().contains(words), "{outcome:?}");
}

#[test]
fn stored_descriptors_are_sent_to_systemd() {
    let scratch = Scratch::new();
    let manager = std::os::unix::net::UnixDatagram::bind(scratch.path("notify")).expect("bind");
    let run = |variables: &str| {
        let steps = "listener:http=127.0.0.1:0 return:0";
        let shell = requires::find("sh").expect("sh");
        let start = scratch.report().options("").does(steps).via(&shell);
        let start = start.args(["-c", &format!("{variables} exec \"$0\"")]);
        let outcome = start
            .arg(program::path("report"))
            .env("NOTIFY_SOCKET", scratch.path("notify"))
            .run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
    };
    // systemd has started another process.
    run("SYSTEMD_EXEC_PID=1");
    run("SYSTEMD_EXEC_PID=$$");
    let (text, socket) = receive_fd(&manager);
    assert_eq!(text, "FDSTORE=1\nFDNAME=http");
    let stored = TcpListener::from(socket.expect("a descriptor"));
    let address = stored.local_addr().expect("an address").to_string();
    assert_eq!(address, taken(&scratch, "http").0);
}

fn receive_fd(socket: &std::os::unix::net::UnixDatagram) -> (String, Option<std::os::fd::OwnedFd>) {
    use std::io::IoSliceMut;
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

    let mut text = [0; 100];
    let mut control = nix::cmsg_space!([std::os::fd::RawFd; 1]);
    let mut parts = [IoSliceMut::new(&mut text)];
    let flags = MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags);
    let message = message.expect("a message");
    let mut messages = message.cmsgs().expect("whole messages");
    let fd = messages.find_map(|message| match message {
        ControlMessageOwned::ScmRights(fds) => fds.first().copied(),
        _ => None,
    });
    // SAFETY: the kernel has just made this descriptor.
    let fd = fd.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    let length = message.bytes;
    (String::from_utf8_lossy(&text[..length]).into_owned(), fd)
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

fn privileged_address() -> SocketAddr {
    let free = (600..1024).rev().map(free_address);
    let mut free = free.filter(|address| TcpListener::bind(address).is_ok());
    free.next().expect("a free port below 1024")
}

#[test]
fn port_below_1024_goes_with_a_user() {
    requires!(users);
    let scratch = crate::privileges::stage::scratch();
    let address = privileged_address();
    let options = format!(
        "pid=report.pid\nready=notify\numask=007\nuser=hello\nworkdir=out\nlisten=http={address}\n\
         listen=control=unix:control.sock"
    );
    let steps =
        format!("listener:http={address} listener:control=unix:control.sock ready report stay");
    let start = crate::privileges::stage::start(&scratch, &[]);
    let launch = start.options(options).does(&steps).run();
    scratch.daemon_of(launch, "report.pid");
    TcpStream::connect(address).expect("the daemon listens");
    expect_file(&scratch.path("control.sock"), HELLO, HELLO_GROUP, 0o770);
}

fn expect_file(path: &Path, uid: u32, gid: u32, mode: u32) {
    let file = fs::symlink_metadata(path).expect("a socket");
    assert!(file.file_type().is_socket());
    let found = (file.uid(), file.gid(), file.mode() & 0o7777);
    assert_eq!(found, (uid, gid, mode));
}

#[test]
fn port_below_1024_needs_root() {
    requires!(users);
    let scratch = crate::privileges::stage::scratch();
    let address = privileged_address();
    let options = format!("listen=http={address}");
    let start = scratch.report_as(HELLO).arg("-d").options(options);
    let launch = start.run();
    let words = format!("cannot listen on {address}: a port below 1024 is for root; use a higher");
    // Some containers let every user bind every port.
    if requires::machine(launch.code() != 0, "a limit on ports below 1024") {
        scratch.expect_refusal(&launch, 77, &[&words]);
    }
}

#[test]
fn path_that_may_not_be_written_ends_with_73() {
    requires!(users);
    let scratch = crate::privileges::stage::scratch();
    let options = "listen=control=unix:control.sock";
    let launch = scratch.report_as(HELLO).arg("-d").options(options).run();
    let words = "/control.sock: Permission denied";
    scratch.expect_refusal(&launch, 73, &["cannot listen on unix:", words]);
}

#[test]
fn socket_in_a_directory_of_another_user_is_refused() {
    requires!(users);
    let scratch = crate::privileges::stage::scratch();
    let path = scratch.path("theirs/below");
    fs::create_dir_all(&path).expect("a directory");
    std::os::unix::fs::chown(scratch.path("theirs"), Some(12345), None).expect("chown");
    let options = "pid=report.pid\nlisten=control=unix:theirs/below/control.sock";
    let launch = scratch.background().options(options).run();
    scratch.expect_refusal(&launch, 78, &["cannot use the socket ", "user 12345 owns"]);
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
