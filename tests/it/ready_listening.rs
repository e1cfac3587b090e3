//! `ready = "listening"`: a socket that the daemon made serves.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::support::outcome::Outcome;
use crate::support::scratch::Scratch;
use crate::support::start::Start;
use crate::support::users::NOBODY;
use crate::support::{constructor, requires};

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
    for kind in [
        "listen-tcp",
        "listen-tcp6",
        "listen-udp",
        "listen-unix:server",
    ] {
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
    let scratch = Scratch::new();
    let start = listening(&scratch, "sleep:500 listen-tcp clock:listens hang");
    let began = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC);
    let began = Duration::from(began.expect("the clock"));
    let daemon = scratch.up(start);
    let listens = eventually_read(&scratch, "listens");
    let late = (began + daemon.launch.elapsed).saturating_sub(listens);
    // Ten times what it may take on a machine with nothing else to do.
    assert!(late < Duration::from_millis(150), "{late:?}");
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
        let end = format!("not ready within 1 s; see {}\n", log.display());
        assert!(launch.err_text().ends_with(&end), "{launch:?}");
    }
}

#[test]
fn inherited_socket_does_not_count() {
    requires!(linux("the sockets of another process"));
    let handed_over = || TcpListener::bind("127.0.0.1:0").expect("a socket");
    let options = format!("{OPTIONS}\nkeep_fds=3");

    let scratch = Scratch::new();
    let start = listening(&scratch, "report hang").inherit(handed_over(), 3, 1);
    let launch = start.options(options.replace("60", "1")).run();
    scratch.expect_failed_start(&launch, 75);
    let report = crate::support::daemon::read_report(&scratch.path("report.json"));
    assert!(report.descriptor(3).is_some(), "it was handed over");

    let scratch = Scratch::new();
    let start = listening(&scratch, "listen-tcp stay").inherit(handed_over(), 3, 1);
    scratch.up(start.options(options));
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
        assert!(launch.elapsed < Duration::from_secs(5), "{launch:?}");
    }
}

#[test]
fn undumpable_daemon_is_up_when_settled() {
    requires!(users);
    let scratch = Scratch::new();
    nix::unistd::chown(scratch.dir(), Some(NOBODY.into()), None).expect("chown");
    let start = |steps: &str| {
        scratch
            .report_as(NOBODY)
            .arg("-d")
            .options(OPTIONS)
            .does(steps)
    };
    let daemon = scratch.up(start("undumpable busy:100 hang"));
    let shown = daemon.launch.err_text();
    assert_eq!(shown.matches('\n').count(), 1, "one warning: {shown}");
    assert!(
        shown.starts_with("report: cannot inspect the daemon's sockets"),
        "{shown}"
    );
    assert!(daemon.launch.elapsed < Duration::from_secs(30));
    daemon.stop();

    let launch = start("undumpable busy:100 exit:3").run();
    assert_eq!(launch.code(), 3, "{launch:?}");
}

#[test]
fn deaf_daemon_is_killed_after_the_timeout() {
    requires!(linux("the sockets of another process"));
    let scratch = Scratch::new();
    let launch = never_listens(listening(&scratch, "ignore:15 hang"), &scratch);
    assert!(launch.elapsed >= Duration::from_secs(6), "and 5 s of grace");
}

/// As on a machine that has no IPv6: the tables are missing, in whatever process.
const WITHOUT_IPV6: &str = r#"
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <errno.h>
    #include <fcntl.h>
    #include <stdarg.h>
    #include <string.h>
    #include <unistd.h>
    static int is_hidden(const char *path) {
        const char *file = strstr(path, "/net/");
        return file && (!strcmp(file, "/net/tcp6") || !strcmp(file, "/net/udp6")
            || !strcmp(file, "/net/sockstat6"));
    }
    int open64(const char *path, int flags, ...) {
        int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
        va_list more;
        va_start(more, flags);
        int mode = va_arg(more, int);
        va_end(more);
        if (!is_hidden(path))
            return real(path, flags, mode);
        if (!strcmp(strrchr(path, '/'), "/tcp6"))
            close(real("hidden", O_CREAT | O_WRONLY, 0600));
        errno = ENOENT;
        return -1;
    }
"#;

#[test]
fn server_is_seen_without_ipv6() {
    requires!(linux("the sockets of another process"), preload);
    let scratch = Scratch::new();
    let library = constructor::library(&scratch, WITHOUT_IPV6);
    // With a socket that does not listen yet, the launcher reads every table there is.
    let steps = "bind-tcp report wait:now listen-tcp stay";
    let launch = listening(&scratch, steps)
        .env("LD_PRELOAD", library)
        .spawn();
    crate::support::deadline::eventually("the launcher has missed a table", || {
        scratch.path("hidden").exists().then_some(())
    });
    assert!(launch.is_alive(), "it waits on");
    scratch.write("now", "");
    scratch.daemon_of(launch.wait(), "report.pid");
}
