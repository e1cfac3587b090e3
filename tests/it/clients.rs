//! `Daemon::ensure()`, for a client that needs its daemon, and what the daemon announces.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;

use crate::support::daemon::read_report;
use crate::support::requires;
use crate::support::scratch::Scratch;
use crate::support::start::Start;

const OPTIONS: &str = "pid=report.pid\nlog=report.log\nready=notify\nargs=-b,x";

/// A client, and what its daemon does.
fn client(scratch: &Scratch, steps: &str) -> Start {
    let start = scratch.report().env("TEST_START", "ensure");
    start.options(OPTIONS).arg("get").does(steps)
}

#[test]
fn ensure_starts_the_daemon_and_goes_on() {
    let scratch = Scratch::new();
    let steps = "announce:port=80 ready report stay";
    let start = client(&scratch, steps).env("TEST_AFTER", "say:more");
    let launch = start.run();
    assert_eq!(launch.err_text(), "");
    let said = launch.out_text();
    let daemon = scratch.daemon_of(launch, "report.pid");
    assert_eq!(said, format!("{} false port=80\nmore\n", daemon.pid()));
    assert_eq!(daemon.report().arguments[1..], [b"-b", &b"x"[..]]);

    let again = client(&scratch, "").run();
    assert_eq!(again.out_text(), format!("{} true \n", daemon.pid()));
}

#[test]
fn ensure_starts_a_supervised_daemon() {
    requires!(linux("locks on ranges of bytes"));
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nrestart=on-failure");
    let client = |steps| client(&scratch, steps).options(&options).run();
    let launch = client("announce:port=80 ready stay");
    assert_eq!((launch.code(), launch.err_text()), (0, String::new()));
    let pid = scratch.read("report.pid").trim().to_owned();
    assert_eq!(launch.out_text(), format!("{pid} false port=80\n"));
    assert_eq!(client("").out_text(), format!("{pid} true \n"));
}

/// Fault 308: the client is the program that the container runs.
#[test]
fn client_may_be_the_child_of_an_init_program() {
    requires!(linux("the name of another process"));
    let scratch = Scratch::new();
    let client = scratch.report().env("TEST_START", "ensure");
    let client = client.options(OPTIONS).does("ready stay");
    let launch = scratch.below("docker-init", client, "$0 get").run();
    let said = launch.out_text();
    let daemon = scratch.daemon_of(launch, "report.pid");
    assert_eq!(said, format!("{} false \n", daemon.pid()));
}

/// The supervisor is the program of the daemon, and has the code of its own readiness alone.
#[test]
fn supervised_daemon_has_the_readiness_of_its_client() {
    requires!(linux("locks on ranges of bytes"));
    let scratch = Scratch::new();
    let options = format!("{OPTIONS}\nrestart=on-failure");
    let of_daemon = options.replace("notify", "exec").replace('\n', "%0A");
    let options = format!("{options}\nenv=TEST_OPTIONS:{of_daemon}");
    let launch = client(&scratch, "ready stay").options(options).run();
    scratch.expect_refusal(&launch, 78, &["another `ready`", "the same in both"]);
}

#[test]
fn ensure_gives_the_signals_back() {
    let scratch = Scratch::new();
    let start = client(&scratch, "ready stay");
    let settings = "block:10 ignore:1 catch:15 first:once report:before";
    let start = start
        .env("TEST_BEFORE", settings)
        .env("TEST_AFTER", "report:after");
    scratch.up(start);
    let report = |name| read_report(&scratch.path(name));
    let (before, after) = (report("before.json"), report("after.json"));
    assert_eq!(before.pid, after.pid);
    assert_eq!(after.signals, before.signals);
    assert_eq!(after.descriptors, before.descriptors);
}

/// Fault 266: a start that finds the handlers of another one would put these back.
#[test]
fn threads_that_ensure_leave_the_signals_as_they_were() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("pid=report.pid", "pid_template={instance}.pid");
    let options = options.replace("log=report.log\n", "");
    let start = client(&scratch, "ready stay").options(options);
    let start = start.env("TEST_START", "ensure-in-threads");
    let start = start.env("TEST_BEFORE", "block:10 ignore:1 catch:15 report:before");
    let launch = start.env("TEST_AFTER", "report:after").run();
    assert_eq!((launch.code(), launch.err_text()), (0, String::new()));
    // Those above are for the threads of the C library.
    let standard = |signals: u64| signals & 0x7fff_ffff;
    let signals = |name| {
        let signals = read_report(&scratch.path(name)).signals;
        (standard(signals.ignored), standard(signals.caught))
    };
    assert_eq!(signals("after.json"), signals("before.json"));
}

#[test]
fn signal_during_the_end_of_a_failed_start_is_kept() {
    requires!(linux("CLONE_PARENT"));
    let scratch = Scratch::new();
    // The first one is the reason why the launcher stops the daemon.
    let steps = "block:15 run:interrupt-parent stay run:interrupt-parent";
    let launch = client(&scratch, steps).run();
    assert_eq!(launch.status.signal(), Some(libc::SIGINT), "{launch:?}");
    scratch.expect_nothing_left();
}

#[test]
fn client_reads_its_input_and_may_be_a_service() {
    let scratch = Scratch::new();
    let input = scratch.write("input", "for the client\n");
    let start = client(&scratch, "ready stay").env("TEST_AFTER", "prompt:answer");
    let commands = "export SYSTEMD_EXEC_PID=$$ NOTIFY_SOCKET=/run/x; exec $0 $1";
    let start = start.under(&["sh", "-c", commands]);
    let launch = start.stdin(File::open(input).expect("the input")).run();
    assert_eq!((launch.code(), launch.err_text()), (0, String::new()));
    assert_eq!(scratch.read("answer"), "for the client\n");
}

#[test]
fn daemon_of_a_service_gets_nothing_of_its_manager() {
    let scratch = Scratch::new();
    let given = "export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=http SYSTEMD_EXEC_PID=$$ \
                 WATCHDOG_PID=$$ WATCHDOG_USEC=9000000 NOTIFY_SOCKET=/run/x; exec $0 $1";
    for ready in ["notify", "exec", "exec\nrestart=always"] {
        let options = OPTIONS.replace("notify", ready);
        let start = client(&scratch, "ready report stay").options(options);
        let start = start.under(&["sh", "-c", given]);
        let socket = File::open("/dev/null").expect("a descriptor");
        let launch = start.inherit(socket, 3, 1).run();
        assert_eq!((launch.code(), launch.err_text()), (0, String::new()));
        let report = read_report(&scratch.path("report.json"));
        for name in [
            "LISTEN_",
            "WATCHDOG_",
            "SYSTEMD_EXEC_PID",
            "NOTIFY_SOCKET=/run/x",
        ] {
            let entries = report.environment.iter();
            let mut entries = entries.map(|(name, value)| [&name[..], b"=", value].concat());
            assert!(!entries.any(|it| it.starts_with(name.as_bytes())), "{name}");
        }
        assert!(
            report
                .descriptor(3)
                .is_none_or(|it| it.target != b"/dev/null")
        );
        let stop = scratch.report().options("pid=report.pid\ncontrol_flag=-s");
        assert_eq!(stop.args(["-s", "stop"]).run().code(), 0);
        std::fs::remove_file(scratch.path("report.json")).expect("the report");
    }
}

#[test]
fn ensure_names_an_instance() {
    let scratch = Scratch::new();
    let client = |name: &str, steps: &str| {
        let options = OPTIONS.replace("pid=report.pid", "pid_template={instance}.pid");
        client(&scratch, steps).options(format!("{options}\ninstance={name}"))
    };
    for name in ["a", "b@1"] {
        let launch = client(name, "ready stay").run();
        assert_eq!((launch.code(), launch.err_text()), (0, String::new()));
        let pid = scratch.read(&format!("{name}.pid"));
        assert_eq!(launch.out_text(), format!("{} false \n", pid.trim()));
        let again = client(name, "note:ran").run();
        assert_eq!(again.out_text(), format!("{} true \n", pid.trim()));
    }
    let files = scratch.files();
    let long = "x".repeat(65);
    for forged in ["../x", "", "a/b", ".", "..", "-a", "a\u{e9}", &long] {
        let launch = client(forged, "note:ran").run();
        assert_eq!(launch.code(), 78, "{launch:?}");
        assert!(launch.err_text().contains("`instance`"), "{launch:?}");
    }
    assert_eq!(scratch.files(), files, "nothing is started");
}

#[test]
fn ensure_needs_arguments_for_the_daemon() {
    let scratch = Scratch::new();
    let options = OPTIONS.replace("\nargs=-b,x", "");
    let launch = client(&scratch, "note:ran").options(options).run();
    scratch.expect_refusal(&launch, 78, &["option args is missing"]);
    assert_eq!(scratch.files(), [""; 0]);
}

#[test]
fn arguments_that_lead_to_ensure_again_are_refused() {
    let modes = ["notify", "exec", "settled", "notify\nrestart=always"];
    for ready in modes {
        let scratch = Scratch::new();
        let options = OPTIONS.replace("-b,x", "get").replace("notify", ready);
        let launch = client(&scratch, "note:ran").options(options).run();
        scratch.expect_refusal(&launch, 78, &["`args`", "calls `ensure` before"]);
        assert!(!scratch.path("ran").exists());
    }
    // Without a step that can fail.
    let scratch = Scratch::new();
    let options = "pid=report.pid\nready=exec\nargs=get";
    let launch = client(&scratch, "note:ran").options(options).run();
    scratch.expect_refusal(&launch, 78, &["`args`"]);
}

#[test]
fn ensure_in_the_daemon_finds_itself() {
    let elsewhere = format!("{OPTIONS}\nworkdir=elsewhere");
    for options in [OPTIONS, &elsewhere] {
        let scratch = Scratch::new();
        scratch.directory_with_mode(0o700, "elsewhere");
        let found = scratch.path("found");
        let steps = format!("ensure:{} ready stay", found.display());
        let daemon = scratch.up(client(&scratch, &steps).options(options));
        let line = format!("{} true\n", daemon.pid());
        assert_eq!(scratch.read("found"), line.repeat(2), "{options}");
    }
}

/// Fault 303: `configure` names the PID file.
#[test]
fn ensure_in_the_daemon_finds_itself_by_configure() {
    for first in ["", "pid=other.pid\n"] {
        let scratch = Scratch::new();
        let options = format!("{first}log=report.log\nready=notify\nargs=-b,x\nconfigure=");
        let start = client(&scratch, "ensure:found ready stay").options(&options);
        let start = start.env("TEST_CONFIGURE", "pid=report.pid\nready_timeout=3");
        let computed = scratch.path("computed");
        let daemon = scratch.up(start.env("TEST_COMPUTED", computed));
        let line = format!("{} true\n", daemon.pid());
        assert_eq!(scratch.read("found"), line.repeat(2), "{first}");
    }
}

/// Fault 297: the PID file tells which daemon is asked for.
#[test]
fn ensure_in_a_daemon_starts_another() {
    let scratch = Scratch::new();
    let steps = "ensure-other:found ensure-other:found ready stay";
    let daemon = scratch.up(client(&scratch, steps));
    let other = scratch.read("other.pid");
    let other = other.trim();
    let lines = format!("{other} false\n{other} true\n");
    assert_eq!(scratch.read("found"), lines);
    assert_ne!(other, daemon.pid().to_string());
}

/// Fault 298: a runtime that begins to handle signals while another of its threads is in `ensure`.
#[test]
fn handler_that_is_set_during_a_start_stays() {
    let scratch = Scratch::new();
    let start = client(&scratch, "note:begun wait:handled ready stay");
    let start = start.env("TEST_BEFORE", "run:handle-soon");
    let launch = start.env("TEST_AFTER", "report:after").run();
    assert_eq!((launch.code(), launch.err_text()), (0, String::new()));
    let caught = read_report(&scratch.path("after.json")).signals.caught;
    for signal in [
        libc::SIGINT,
        libc::SIGTERM,
        libc::SIGCHLD,
        libc::SIGUSR1,
        libc::SIGURG,
    ] {
        assert_ne!(caught & 1 << (signal - 1), 0, "signal {signal}");
    }
}

#[test]
fn client_gets_the_reason_of_a_failed_start() {
    let scratch = Scratch::new();
    let launch = client(&scratch, "announce:port complain:no-luck exit:3").run();
    scratch.expect_failed_start(&launch, 3);
    assert_eq!(launch.out_text(), "");
    let said = launch.err_text();
    assert!(said.starts_with("no-luck\nreport: cannot start"), "{said}");

    // A short job is no daemon.
    let options = OPTIONS.replace("notify", "settled");
    let launch = client(&scratch, "").options(options).run();
    scratch.expect_failed_start(&launch, 70);
}

#[test]
fn announcement_goes_to_standard_output() {
    let scratch = Scratch::new();
    let background = |options: &str, steps: &str| {
        let options = format!("pid=report.pid\nlog=report.log\n{options}");
        scratch.background().options(options).does(steps)
    };
    let out = |start: Start| {
        let daemon = scratch.up(start);
        let out = daemon.launch.out_text();
        daemon.stop();
        out
    };
    let steps = "announce:a status:up announce:b ready announce:c stay";
    assert_eq!(out(background("ready=notify", steps)), "ab");
    // What is too much is dropped.
    let steps = "announce-bytes:65000 announce-bytes:65000 ready stay";
    assert_eq!(out(background("ready=notify", steps)).len(), 64 * 1024);
    let short_job = background("ready=settled", "announce:a say:b").run();
    assert_eq!(short_job.out_text(), "b\na");
    let failed = background("ready=notify", "announce:a exit:3").run();
    assert_eq!((failed.code(), failed.out_text()), (3, String::new()));
    let foreground = scratch.report().does("announce:a say:b").run();
    assert_eq!(foreground.out_text(), "ab\n");
}

#[test]
fn announcement_comes_before_ready_by_another_way() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nready=notify";
    for _ in 0..10 {
        // After a status the launcher does not listen for a while.
        let steps = "status:up announce:a notify:READY=1%0aBARRIER=1 stay";
        let daemon = scratch.up(scratch.background().options(options).does(steps));
        assert_eq!(daemon.launch.out_text(), "a");
        daemon.stop();
    }
}

#[test]
fn daemon_keeps_standard_input_if_asked() {
    let scratch = Scratch::new();
    let input = scratch.write("input", "secret\n");
    let options = "pid=report.pid\nlog=report.log\nready=notify\nstdin=keep";
    let start = scratch.background().options(options);
    let start = start.stdin(File::open(input).expect("the input"));
    let daemon = scratch.up(start.does("prompt:answer ready stay"));
    assert_eq!(daemon.launch.err_text(), "", "no warning");
    assert_eq!(scratch.read("answer"), "secret\n");
}

#[test]
fn arguments_replace_those_of_the_command_line() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nlog=report.log\nargs=serve,-d";
    let daemon = scratch.up(scratch.background().options(options).arg("y"));
    assert_eq!(daemon.report().arguments[1..], [b"serve", &b"-d"[..]]);
}
