//! The program, or its supervisor, as process 1 of a PID namespace.

use crate::control::stage::OPTIONS as CONTROLLED;
use crate::support::daemon::{expect_one_line, read_report};
use crate::support::requires;
use crate::support::scratch::Scratch;

#[test]
fn foreground_works_as_process_1() {
    requires!(namespaces);
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
fn restarted_container_may_reuse_the_old_pid() {
    requires!(namespaces);
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
    assert_eq!(up(), first, "the same pid again");
    scratch.expect_order();
    assert_eq!(up(), first);
    let outcome = scratch.in_namespaces(&kinds, "exec $0 -d").run();
    assert_eq!(outcome.code(), 78);
    expect_one_line(&outcome, &["foreground"]);
}

/// Fault 311: with `pid_in_foreground` a second start and the verbs find it.
#[test]
fn verbs_find_a_foreground_that_is_process_1() {
    requires!(linux("the holder of a lock"), namespaces);
    let scratch = Scratch::new();
    let kinds = ["-m", "-p", "-f", "--mount-proc"];
    let commands = "
        {
            until test -s report.json; do sleep 0.01; done
            for words in '' '-s status' '-s reload' '-s restart' '-s stop'; do
                $0 $words 2>&1 || echo $?
            done >verbs
        } &
        exec $0";
    let program = scratch.in_namespaces(&kinds, commands);
    let program = program.options(format!("{CONTROLLED}\npid_in_foreground=1"));
    let outcome = program.does("catch:1 report stay").run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let verbs = scratch.read("verbs");
    let lines: Vec<&str> = verbs.lines().collect();
    let [second, "69", status, restart, "64", ..] = lines[..] else {
        panic!("{verbs}");
    };
    assert!(second.ends_with("already running, pid 1"), "{verbs}");
    assert!(status.contains("running, pid 1, since"), "{verbs}");
    assert!(restart.contains("it runs in the foreground"), "{verbs}");
    // The verb `stop` ends with the container.
    assert_eq!(scratch.read("report.pid"), "");
}

/// Fault 308: a client goes on, and its container with it.
#[test]
fn client_may_be_process_1() {
    requires!(namespaces);
    let options = "pid=report.pid\nlog=report.log\nready=notify\nargs=-b";
    for restart in ["", "\nrestart=on-failure"] {
        let scratch = Scratch::new();
        let kinds = ["-m", "-p", "-f", "--mount-proc"];
        let client = scratch.in_namespaces(&kinds, "exec $0 get");
        let client = client.options(format!("{options}{restart}"));
        let client = client
            .env("TEST_START", "ensure")
            .env("TEST_AFTER", "say:more");
        let outcome = client.does("announce:port=80 ready stay").run();
        assert_eq!((outcome.code(), outcome.err_text()), (0, String::new()));
        let pid = scratch.read("report.pid");
        let expected = format!("{} false port=80\nmore\n", pid.trim());
        assert_eq!(outcome.out_text(), expected);
    }
}
