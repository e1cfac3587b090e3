//! Daemons under systemd as process 1.

use super::machine::expect_right;
use crate::support::requires;
use crate::support::rounds::rounds;

/// A unit of `Type=forking`.
const FORKING: &str = r#"
    forking() {
        unit hello << END
[Unit]
StartLimitIntervalSec=0
[Service]
Type=forking
PIDFile=$PWD/report.pid
WorkingDirectory=$PWD
Environment="TEST_OPTIONS=pid=report.pid\ncontrol_flag=-s\nready=exec" TEST_DOES=hang
StandardError=append:$PWD/said
ExecStart=$report -d
$1
END
    }
    report=$1
    export TEST_OPTIONS="pid=report.pid
control_flag=-s"
"#;

fn expect_right_of_forking(script: &str) {
    expect_right(&format!("{FORKING}\n{script}"));
}

#[test]
fn pid_file_names_the_main_process_in_many_starts() {
    let script = r#"
            forking
            # A busy machine has the time for fewer.
            end=$(($(date +%s) + 30))
            for round in $(seq ROUNDS); do
                test $(date +%s) -lt $end || break
                systemctl start hello
                check "$(show hello ActiveState)" active state
                check "$(show hello MainPID)" "$(cat report.pid)" "main process"
                systemctl stop hello
                check "$(show hello Result)" success result
                test ! -e report.pid || echo a PID file is left
            done
            journalctl --quiet --output=cat --unit=hello | grep -i "PID file"
            cat said
        "#;
    let rounds = rounds(25, 100).to_string();
    expect_right_of_forking(&script.replace("ROUNDS", &rounds));
}

#[test]
fn wrong_pid_file_of_a_unit_leaves_no_process() {
    expect_right_of_forking(
        r#"
            forking "PIDFile=$PWD/other.pid
                TimeoutStartSec=2"
            ! systemctl start hello 2>&- || echo it started
            check "$(show hello Result)" timeout result
            group=/sys/fs/cgroup/system.slice/hello.service
            test ! -e $group || cat $group/cgroup.procs
            $report -s status > answer
            check $? 1 status
        "#,
    );
}

#[test]
fn verbs_work_beside_systemd() {
    expect_right_of_forking(
        r#"
            forking
            systemctl start hello
            $report -s status | grep -q "pid $(cat report.pid)" || echo another status
            $report -s stop > answer
            check $? 0 stop
            until_is hello inactive
            check "$(show hello Result)" success result
        "#,
    );
}

#[test]
fn restart_of_a_unit_is_left_to_systemd() {
    requires!(linux("the arguments of a process"));
    expect_right_of_forking(
        r#"
            forking
            systemctl start hello
            pid=$(cat report.pid)
            $report -s restart 2> answer
            check $? 64 status
            grep -q "(hello.service); use systemctl restart hello.service$" answer || cat answer
            check "$(show hello MainPID)" $pid "main process"
            check "$(cat report.pid)" $pid "PID file"
            systemctl restart hello
            check "$(show hello MainPID)" "$(cat report.pid)" "main process"
            systemctl stop hello
            # systemd before version 248 does not name the process that it starts.
            forking "ExecStart=
                ExecStart=/usr/bin/env -u SYSTEMD_EXEC_PID $report -d"
            systemctl start hello
            $report -s restart 2> answer
            check $? 64 "status without a variable"
            systemctl stop hello
            # Started by hand, it is no unit.
            TEST_DOES=hang $report -d
            TEST_DOES=hang $report -s restart > answer || echo $?
            $report -s stop > answer
        "#,
    );
}

#[test]
fn forking_unit_may_have_a_watchdog_and_a_socket() {
    requires!(linux("the name of another process"));
    expect_right_of_forking(
        r#"
            for option in WatchdogSec=60 NotifyAccess=all FileDescriptorStoreMax=1; do
                forking $option
                systemctl start hello || cat said
                pid=$(cat report.pid)
                check "$(show hello MainPID)" $pid "main process"
                tr '\0' '\n' < /proc/$pid/environ > environment
                grep -q ^NOTIFY_SOCKET= environment || echo no socket with $option
                test $option != WatchdogSec=60 || grep -qx WATCHDOG_PID=$pid environment ||
                    echo another watchdog
                systemctl stop hello
            done
        "#,
    );
}

#[test]
fn notify_unit_with_the_switch_is_refused() {
    requires!(linux("the name of another process"));
    // systemd before version 248 does not name the process that it starts.
    for before in ["", "/usr/bin/env -u SYSTEMD_EXEC_PID "] {
        let script = r#"
            forking "Type=notify
                ExecStart=
                ExecStart=BEFORE$report -d"
            ! systemctl start hello 2>&- || echo it started
            check "$(show hello ExecMainStatus)" 64 status
            grep -q "Type=notify.*run in the foreground" said || cat said
            test ! -e report.pid || echo a PID file is left
        "#;
        expect_right_of_forking(&script.replace("BEFORE", before));
    }
}

#[test]
fn supervisor_below_systemd_is_refused() {
    requires!(linux("the name of another process"));
    expect_right_of_forking(
        r#"
            supervised() {
                forking "Type=$1
                    Environment=\"TEST_OPTIONS=pid=report.pid\nready=exec\nrestart=always\"
                    ExecStart=
                    ExecStart=$2"
            }
            for type in simple forking; do
                supervised $type "$report -d"
                systemctl start hello 2>&-
                until_is hello failed
                show hello ExecStart | grep -q status=64 || show hello ExecStart
                grep -q "systemd starts this program again by itself; use Restart= in" said ||
                    cat said
                test ! -e report.pid || echo a PID file is left
                rm said
            done
            # Without the switch systemd is its supervisor.
            supervised simple $report
            systemctl start hello
            check "$(show hello ActiveState)" active state
            check "$(wc -w < /sys/fs/cgroup/system.slice/hello.service/cgroup.procs)" 1 processes
            systemctl stop hello
            check "$(show hello Result)" success result
        "#,
    );
}

#[test]
fn simple_unit_with_the_switch_is_warned() {
    expect_right_of_forking(
        r#"
            for type in simple exec oneshot; do
                forking "Type=$type
                    PIDFile="
                systemctl start hello
                until_is hello inactive
                grep -q "kills the daemon .*(Type=$type); run in the foreground" said || cat said
                rm said
            done
            # Such a unit goes on when the launcher has exited, and so does the daemon.
            forking "Type=oneshot
                RemainAfterExit=yes
                PIDFile="
            systemctl start hello
            cat said
            systemctl stop hello
        "#,
    );
}
