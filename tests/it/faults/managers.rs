//! Supervisors and containers.

use crate::support::daemon::{expect_one_line, read_report};
use crate::support::deadline::eventually;
use crate::support::process;
use crate::support::scratch::Scratch;
use crate::support::{program, requires};

use crate::control::stage::OPTIONS as CONTROLLED;

#[test]
fn a_program_that_takes_its_address_away_is_ready_and_its_children_do_not_see_it() {
    let scratch = Scratch::new();
    let options = "pid=report.pid\nready=notify";
    let steps = "unset:NOTIFY_SOCKET ready child report stay";
    let daemon = scratch.up(scratch.background().options(options).does(steps));
    assert_eq!(daemon.report().variable("NOTIFY_SOCKET"), None);
    let child = read_report(&scratch.path("child.json"));
    assert_eq!(child.variable("NOTIFY_SOCKET"), None);
}

#[test]
fn under_a_real_supervisord_the_switch_is_obeyed_with_a_word() {
    if !requires::program("supervisord") {
        return;
    }
    let scratch = Scratch::new();
    let report = program::path("report");
    scratch.write(
        "supervisord.conf",
        format!(
            "[supervisord]\nnodaemon=true\nlogfile=supervisord.out\npidfile=supervisord.pid\n\
             [program:report]\ncommand={} -d\nstartsecs=5\nstartretries=0\n\
             stderr_logfile=stderr\nstdout_logfile=stdout\n",
            report.display()
        ),
    );
    let supervisord = requires::find("supervisord").expect("supervisord");
    let start = scratch.report().via(&supervisord);
    let supervisor = start.args(["-c", "supervisord.conf"]).spawn();
    // It takes the end of the launcher for the end of the program.
    eventually("it has given up", || {
        scratch
            .read("supervisord.out")
            .contains("FATAL")
            .then_some(())
    });
    let daemon = read_report(&scratch.path("report.json"));
    assert!(daemon.is_daemon && process::stat(daemon.pid).is_some());
    assert!(scratch.read("stderr").contains("omit the switch"));
    supervisor.signal(nix::sys::signal::Signal::SIGTERM);
    supervisor.wait();
    assert!(
        process::stat(daemon.pid).is_some(),
        "it is not supervisord's"
    );
    scratch.expect_order();
}

#[test]
fn start_stop_daemon_waits_until_the_foreground_is_ready() {
    if !requires::program("start-stop-daemon") {
        return;
    }
    let scratch = Scratch::new();
    let tool = requires::find("start-stop-daemon").expect("start-stop-daemon");
    let start = scratch.report().via(&tool);
    let outcome = start
        .args(["--start", "--quiet", "--background", "--notify-await"])
        .args(["--make-pidfile", "--pidfile"])
        .arg(scratch.path("theirs.pid"))
        .arg("--exec")
        .arg(program::path("report"))
        .does("sleep:500 report ready hang")
        .run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    // Had it not waited, the report would come later.
    assert!(scratch.path("report.json").exists());
}

#[test]
fn the_foreground_of_the_first_process_is_untouched() {
    if !requires::root() || !requires::program("unshare") {
        return;
    }
    let scratch = Scratch::new();
    let kinds = ["-m", "-p", "-f", "--mount-proc"];
    let start = scratch.in_namespaces(&kinds, "exec \"$0\" a b");
    let outcome = start.does("say:hello report return:3").run();
    assert_eq!(outcome.code(), 3, "{outcome:?}");
    assert_eq!(
        (&*outcome.out_text(), &*outcome.err_text()),
        ("hello\n", "")
    );
    let report = read_report(&scratch.path("report.json"));
    assert_eq!((report.pid, report.is_daemon), (1, false));
    assert_eq!(report.arguments[1..], [b"a".to_vec(), b"b".to_vec()]);
}

#[test]
fn a_container_that_starts_again_gives_the_daemon_the_number_in_its_old_file() {
    if !requires::root() || !requires::program("unshare") {
        return;
    }
    let scratch = Scratch::new();
    let kinds = ["-m", "-p", "-f", "--mount-proc"];
    let up = || {
        let commands = "$0 -d && cat report.pid && $0 -s status >status";
        let start = scratch.in_namespaces(&kinds, commands).options(CONTROLLED);
        let outcome = start.does("hang").run();
        assert_eq!(outcome.code(), 0, "{outcome:?}");
        outcome.out_text()
    };
    let first = up();
    assert_eq!(
        scratch.read("report.pid"),
        first,
        "the container was killed"
    );
    assert_eq!(up(), first, "the same number again");
    scratch.expect_order();
    assert_eq!(up(), first);
    let outcome = scratch.in_namespaces(&kinds, "exec $0 -d").run();
    assert_eq!(outcome.code(), 78);
    expect_one_line(&outcome, &["foreground"]);
}
