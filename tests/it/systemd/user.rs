//! The manager of a user runs the program in units of every kind that the documentation shows.

use std::fs;
use std::path::Path;

use super::is_possible;
use crate::support::outcome::Outcome;
use crate::support::scratch::Scratch;
use crate::support::{program, requires};

const MANAGER: &str = "/usr/lib/systemd/systemd";

/// Makes a control group for everything that follows, and removes it afterwards.
const OUTER: &str = r#"
    mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>&- || test -e /sys/fs/cgroup/cgroup.procs || exit 77
    group=/sys/fs/cgroup/$TEST_MARK
    mkdir $group || exit 77
    (echo 0 > $group/cgroup.procs && exec unshare -pfm --mount-proc --kill-child sh -c "$INNER" sh "$@")
    status=$?
    find $group -depth -type d -exec rmdir {} +
    exit $status
"#;

/// Starts the manager; when this shell ends, so does everything that was started.
const INNER: &str = r#"
    mount -t tmpfs tmpfs /run || exit 77
    mkdir -p /run/systemd/system run home
    export XDG_RUNTIME_DIR=$PWD/run HOME=$PWD/home
    $MANAGER --user --unit=basic.target > manager.log 2>&1 < /dev/null &
    tries=0
    until test -S run/systemd/private; do
        tries=$((tries + 1))
        test $tries -lt 3000 && kill -0 $! || exit 77
        sleep 0.02
    done
    run() {
        unit=$1
        shift
        systemd-run --user --quiet --unit=$unit -p WorkingDirectory=$PWD "$@"
        echo $?
    }
    tell() { systemctl --user show $1 --property=$2 --value; }
    stop() { systemctl --user stop $1; }
    has_cleared_up() { test ! -e report.pid && tell $1 ActiveState && tell $1 Result; }
"#;

/// Runs a script, in which `$1` is the program `report`, where there is a manager.
fn under_systemd(scratch: &Scratch, script: &str) -> Option<Outcome> {
    if !requires::namespaces() || !requires::program("systemd-run") {
        return None;
    }
    let outcome = scratch
        .start("report")
        .under(&["unshare", "-m", "sh", "-c", OUTER, "sh"])
        .env("INNER", format!("{INNER}\n{script}"))
        .env("MANAGER", MANAGER)
        .run();
    let log = scratch.read("manager.log");
    is_possible(&outcome, "a manager of systemd's", &log).then_some(outcome)
}

fn expect_said(script: &str, expected: &str) {
    let scratch = Scratch::new();
    let Some(outcome) = under_systemd(&scratch, script) else {
        return;
    };
    let log = scratch.read("manager.log");
    assert_eq!(outcome.out_text(), expected, "{outcome:?}\n{log}");
}

#[test]
fn foreground_is_a_notify_unit() {
    let script = r#"
        run it -p Type=notify -E TEST_DOES="status:open ready stay stopping" $1
        tell it ActiveState
        tell it StatusText
        stop it
        has_cleared_up it
    "#;
    expect_said(script, "0\nactive\nopen\ninactive\nsuccess\n");
}

#[test]
fn failure_before_ready_fails_the_notify_unit() {
    let script = r#"
        run it -p Type=notify -E TEST_DOES="status:opening exit:3" $1 2>&-
        tell it Result
        tell it ExecMainStatus
    "#;
    expect_said(script, "1\nexit-code\n3\n");
}

#[test]
fn forking_unit_finds_the_main_pid_in_the_file() {
    for steps in ["stay", "hang"] {
        let script = format!(
            r#"
                run it -p Type=forking -p PIDFile=$PWD/report.pid -E TEST_DOES={steps} \
                    -E TEST_OPTIONS="pid=report.pid
control_flag=-s" $1 -d
                tell it ActiveState
                test $(tell it MainPID) = $(cat report.pid) && echo the same
                TEST_OPTIONS="pid=report.pid
control_flag=-s" $1 -s stop > answer
                until test $(tell it ActiveState) = inactive; do sleep 0.02; done
                has_cleared_up it
            "#
        );
        expect_said(&script, "0\nactive\nthe same\ninactive\nsuccess\n");
    }
}

#[test]
fn notify_unit_with_the_switch_is_refused() {
    let script = r"
        run it -p Type=notify -E TEST_OPTIONS=pid=report.pid $1 -d 2>&-
        tell it ExecMainStatus
        test ! -e report.pid && echo nothing is left
    ";
    expect_said(script, "1\n64\nnothing is left\n");
}

#[test]
fn units_of_the_documentation_are_valid() {
    requires!(program("systemd-analyze"));
    let scratch = Scratch::new();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/service-managers.md");
    let page = fs::read_to_string(page).expect("the page");
    let shown = page.split("```ini\n").skip(1);
    let units: Vec<_> = shown.filter_map(|rest| rest.split("```").next()).collect();
    assert!(units.len() >= 2, "{page}");
    for unit in units {
        let installed = program::path("report").display().to_string();
        let unit = unit.replace("/usr/local/bin/hello", &installed);
        // A socket unit belongs to the service before it.
        let kind = if unit.contains("[Socket]") {
            "socket"
        } else {
            "service"
        };
        let name = format!("./hello.{kind}");
        scratch.write(&name, unit);
        let analyze = requires::find("systemd-analyze").expect("systemd-analyze");
        let outcome = scratch
            .start_path(&analyze)
            .args(["verify", "--man=no", &name])
            .run();
        let said = (outcome.code(), outcome.out_text(), outcome.err_text());
        assert_eq!(said, (0, String::new(), String::new()));
    }
}
