//! `ready = "listening"`: a socket that the daemon made serves.

mod limited_view;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::support::outcome::Outcome;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::terminal::Terminal;

const OPTIONS: &str = "pid=report.pid\nlog=report.log\nready=listening\nready_timeout=60";

fn listening(scratch: &Scratch, steps: &str) -> Start {
    scratch.background().options(OPTIONS).does(steps)
}

/// A start of a daemon that does not listen.
fn never_listens(start: Start, scratch: &Scratch) -> Outcome {
    let launch = start.options(OPTIONS.replace("60", "1")).run();
    scratch.expect_failed_start(&launch, 75);
    launch
}

#[test]
fn each_kind_of_server_is_up_when_it_listens() {
    for kind in ["listen-tcp", "listen-tcp6", "listen-unix:server"] {
        let scratch = Scratch::new();
        let start = listening(&scratch, &format!("wait:now {kind} report stay"));
        let launch = start.spawn();
        scratch.write("now", "");
        scratch.daemon_of(launch.wait(), "report.pid").report();
        if kind == "listen-unix:server" {
            UnixStream::connect(scratch.path("server")).expect("connect");
        }
    }
}

#[test]
fn server_on_tokio_is_up_when_it_listens() {
    let scratch = Scratch::new();
    let launch = scratch.start("tokio_server").arg("-d").run();
    scratch.daemon_of(launch, "tokio_server.pid");
    let address = scratch.read("address");
    TcpStream::connect(address).expect("connect at once");
}

#[test]
fn server_that_listens_late_is_waited_for() {
    requires!(linux("the sockets of another process"));
    let scratch = Scratch::new();
    let daemon = scratch.up(listening(&scratch, "sleep:2000 listen-tcp stay"));
    assert!(daemon.launch.elapsed >= Duration::from_secs(2));
}

#[test]
fn launcher_ends_soon_after_listen() {
    requires!(linux("the sockets of another process"));
    // A busy machine may delay some rounds. Ten times what it may take on an idle one.
    let is_soon = (0..5).any(|_| {
        let scratch = Scratch::new();
        let start = listening(&scratch, "sleep:500 listen-tcp clock:listens hang");
        let began = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC);
        let began = Duration::from(began.expect("the clock"));
        let daemon = scratch.up(start);
        let listens = eventually_read(&scratch, "listens");
        let late = (began + daemon.launch.elapsed).saturating_sub(listens);
        late < Duration::from_millis(150)
    });
    assert!(is_soon);
}

fn eventually_read(scratch: &Scratch, name: &str) -> Duration {
    crate::support::deadline::eventually("the daemon says when it listened", || {
        let text = fs::read_to_string(scratch.path(name)).ok()?;
        text.parse().ok().map(Duration::from_nanos)
    })
}

#[test]
fn client_sockets_do_not_count() {
    requires!(linux("the sockets of another process"));
    for steps in ["bind-tcp hang", "ask-udp hang", "hang"] {
        let scratch = Scratch::new();
        let launch = never_listens(listening(&scratch, steps), &scratch);
        let log = scratch.path("report.log");
        let end = format!(
            "not ready within 1 s: no socket of it listens; see {}\n",
            log.display()
        );
        assert!(launch.err_text().ends_with(&end), "{launch:?}");
    }
}

#[test]
fn udp_does_not_count_by_itself() {
    requires!(linux("the sockets of another process"));
    let scratch = Scratch::new();
    let launch = never_listens(listening(&scratch, "listen-udp hang"), &scratch);
    let shown = launch.err_text();
    let advice = "no socket of it listens, but UDP port ";
    assert!(shown.contains(advice), "{shown}");
    assert!(shown.contains("is bound; use ready = \"udp:"), "{shown}");
}

#[test]
fn socket_of_a_child_counts() {
    let scratch = Scratch::new();
    scratch.up(listening(&scratch, "start-waits:child-that-serves"));
}

#[test]
fn inherited_socket_does_not_count() {
    requires!(linux("the sockets of another process"));
    let handed_over = || TcpListener::bind("127.0.0.1:0").expect("a socket");
    let options = format!("{OPTIONS}\nkeep_fds=3");

    // It is the only one: as `settled`.
    let scratch = Scratch::new();
    let steps = "start-waits:sleep exit:3";
    let start = listening(&scratch, steps).inherit(handed_over(), 3, 1);
    let launch = start.options(&options).run();
    scratch.expect_failed_start(&launch, 3);
    let start = listening(&scratch, steps).stdin(OwnedFd::from(handed_over()));
    let launch = start.options(format!("{OPTIONS}\nstdin=keep")).run();
    scratch.expect_failed_start(&launch, 3);
    let start = listening(&scratch, "report stay").inherit(handed_over(), 3, 1);
    let daemon = scratch.up(start.options(&options));
    assert!(
        daemon.report().descriptor(3).is_some(),
        "it was handed over"
    );
    assert!(daemon.launch.elapsed < Duration::from_secs(30));

    // An address is not satisfied by it.
    let scratch = Scratch::new();
    let socket = handed_over();
    let port = socket.local_addr().expect("its address").port();
    let options =
        format!("pid=report.pid\nlog=report.log\nready_timeout=1\nkeep_fds=3\nready=tcp:{port}");
    let start = scratch.background().does("hang").inherit(socket, 3, 1);
    let launch = start.options(options).run();
    scratch.expect_failed_start(&launch, 75);
}

/// A port on which nothing listens now.
fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a socket");
    socket.local_addr().expect("its address").port()
}

fn with_addresses(scratch: &Scratch, addresses: &str, timeout: u32, steps: &str) -> Start {
    let options =
        format!("pid=report.pid\nlog=report.log\nready={addresses}\nready_timeout={timeout}");
    scratch.background().options(options).does(steps)
}

#[test]
fn named_port_is_waited_for_whatever_listens_first() {
    requires!(linux("the sockets of another process"));
    let port = free_port();
    let scratch = Scratch::new();
    let steps = format!("listen-tcp start-waits:sleep listen-tcp:{port} stay");
    let daemon = scratch.up(with_addresses(&scratch, &format!("tcp:{port}"), 60, &steps));
    assert!(daemon.launch.elapsed >= Duration::from_millis(400));

    let scratch = Scratch::new();
    let start = with_addresses(
        &scratch,
        &format!("tcp:{port}"),
        60,
        "listen-tcp start-waits:sleep exit:3",
    );
    scratch.expect_failed_start(&start.run(), 3);
}

#[test]
fn all_addresses_are_waited_for() {
    requires!(linux("the sockets of another process"));
    let (tcp, udp) = (free_port(), free_port());
    let scratch = Scratch::new();
    let addresses = format!("tcp:{tcp},udp:{udp},unix:server,unix:@{}", scratch.mark());
    let steps = format!(
        "listen-tcp:{tcp} bind-udp:{udp} listen-unix:server listen-unix:@{} stay",
        scratch.mark()
    );
    scratch.up(with_addresses(&scratch, &addresses, 60, &steps));

    let scratch = Scratch::new();
    let tcp = free_port();
    let addresses = format!("tcp:{tcp},unix:server");
    let steps = format!("listen-tcp:{tcp} hang");
    let launch = with_addresses(&scratch, &addresses, 1, &steps).run();
    scratch.expect_failed_start(&launch, 75);
    let socket = scratch.path("server");
    let missing = format!("no socket of it is at unix:{}; see ", socket.display());
    assert!(launch.err_text().contains(&missing), "{launch:?}");
}

#[test]
fn address_is_named_on_a_terminal() {
    requires!(linux("the sockets of another process"));
    let port = free_port();
    let scratch = Scratch::new();
    let (mut terminal, tty) = Terminal::new();
    let steps = format!("listen-tcp:{port} stay");
    let launch = listening(&scratch, &steps).on_terminal(tty).run();
    let shown = terminal.read_to_end();
    let daemon = scratch.daemon_of(launch, "report.pid");
    let (pid, log) = (daemon.pid(), scratch.path("report.log"));
    let line = format!(
        "report: listening on 127.0.0.1:{port}, pid {pid}, log {}\n",
        log.display()
    );
    assert_eq!(shown, line);
}

#[test]
fn death_is_noticed_with_its_status() {
    requires!(linux("the sockets of another process"));
    let scratch = Scratch::new();
    for (steps, status) in [
        ("complain:in-use exit:3", 3),
        ("complain:in-use return:0", 70),
        ("complain:in-use raise:9", 137),
    ] {
        let launch = listening(&scratch, steps).run();
        scratch.expect_failed_start(&launch, status);
        assert!(launch.err_text().starts_with("in-use\n"), "{launch:?}");
        assert!(launch.elapsed < Duration::from_secs(20), "{launch:?}");
    }
}

#[test]
fn daemon_that_ignores_sigterm_is_killed() {
    requires!(linux("the sockets of another process"));
    let scratch = Scratch::new();
    let launch = never_listens(listening(&scratch, "ignore:15 hang"), &scratch);
    assert!(launch.elapsed >= Duration::from_secs(6), "and 5 s of grace");
}

#[test]
fn daemon_that_asks_for_time_gets_it() {
    requires!(linux("the sockets of another process"));
    let scratch = Scratch::new();
    let options = "pid=report.pid\nready=listening\nready_timeout=1";
    let start = scratch.background().options(options);
    scratch.up(start.does("extend:60000 sleep:1500 listen-tcp hang"));
}

#[test]
fn ready_call_alone_is_not_listening() {
    requires!(linux("the sockets of another process"));
    let scratch = Scratch::new();
    let options = "pid=report.pid\nready=listening\nready_timeout=1";
    let launch = scratch
        .background()
        .options(options)
        .does("ready hang")
        .run();
    assert_eq!(launch.code(), 75, "{launch:?}");
}
