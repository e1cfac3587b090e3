//! Daemons under systemd as process 1.

use super::machine::expect_right;
use crate::log_recipes::recipe;
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

/// A user with a shell in a new session.
const USER: &str = r#"
    cp $1 /usr/local/bin/report
    useradd --create-home tester
    export TEST_DOES=hang
    session() { runuser -l tester -w TEST_DOES,TEST_OPTIONS -c "$1"; }
    logind() {
        mkdir -p /etc/systemd/logind.conf.d
        printf '[Login]\nKillUserProcesses=%s\n' $1 > /etc/systemd/logind.conf.d/test.conf
        systemctl restart dbus systemd-logind
    }
"#;

#[test]
fn logind_decides_if_a_daemon_outlives_its_session() {
    if !requires::program("runuser") || !requires::program("useradd") {
        return;
    }
    let script = r#"
        export TEST_OPTIONS=pid=it.pid
        logind no
        session "report -d" || echo $?
        # It is there as long as a process of it is.
        id=$(loginctl list-sessions --no-legend | (read id rest; echo $id))
        soon 'test "$(loginctl show-session $id --value --property=State)" = closing'
        pid=$(cat /home/tester/it.pid)
        grep -q report /proc/$pid/cmdline || echo it ended
        kill -9 $pid
        logind yes
        session "report -d" || echo $?
        pid=$(cat /home/tester/it.pid)
        soon "! test -e /proc/$pid"
    "#;
    expect_right(&format!("{USER}\n{script}"));
}

#[test]
fn unit_of_a_lingering_user_outlives_the_session() {
    requires!(linux("the name of another process"));
    if !requires::program("runuser") || !requires::program("useradd") {
        return;
    }
    let script = r#"
        logind yes
        loginctl enable-linger tester
        run="systemd-run --user --quiet --setenv=TEST_DOES=hang"
        export TEST_OPTIONS="pid=/home/tester/it.pid
control_flag=-s"
        session "export XDG_RUNTIME_DIR=/run/user/$(id -u tester)
            $run --setenv=TEST_OPTIONS --unit=it -p Type=forking -p PIDFile=/home/tester/it.pid \
                /usr/local/bin/report -d
            $run --unit=simple -p StandardError=file:/home/tester/said /usr/local/bin/report -d"
        soon 'test "$(loginctl list-sessions --no-legend)" = ""'
        pid=$(cat /home/tester/it.pid)
        grep -q report /proc/$pid/cmdline || echo it ended
        grep -q "/user@.*/it.service$" /proc/$pid/cgroup || cat /proc/$pid/cgroup
        # The manager of the user tells the type of a unit.
        soon "grep -q '(Type=simple); run in the foreground' /home/tester/said"
        report -s restart 2> answer
        check $? 64 status
        grep -q "use systemctl --user restart it.service$" answer || cat answer
    "#;
    expect_right(&format!("{USER}\n{script}"));
}

#[test]
fn system_log_is_told_what_happens_to_the_daemon() {
    requires!(linux("the arguments of a process"));
    if !requires::program("logger") {
        return;
    }
    let script = r#"
        export TEST_OPTIONS="pid=report.pid
ready=exec
control_flag=-s
syslog=daemon" TEST_DOES=hang
        told() {
            journalctl --sync
            journalctl --quiet --output=cat SYSLOG_FACILITY=3 SYSLOG_IDENTIFIER=report "$@"
        }
        $1 -d || echo $?
        first=$(cat report.pid)
        $1 -s restart > answer || echo $?
        second=$(cat report.pid)
        $1 -s stop > answer || echo $?
        printf "%s\n" "started, pid $first" "ready, pid $first" "stopped, pid $first" \
            "started, pid $second" "ready, pid $second" "stopped, pid $second" > expected
        told PRIORITY=5 | diff - expected
        told PRIORITY=3
        export TEST_OPTIONS="pid=report.pid
ready=notify
control_flag=-s
syslog=daemon"
        TEST_DOES=return:3 $1 -d 2> answer
        check $? 3 status
        told PRIORITY=3 | grep -q "ended with status 3" || told
        # The supervisor tells what it does, and that it is stopped: by a signal, or by the verb.
        report=$1
        told_local3() {
            journalctl --sync
            journalctl --quiet --output=cat SYSLOG_FACILITY=19 SYSLOG_IDENTIFIER=report "$@" |
                sed 's/ after .*;/;/'
        }
        export TEST_OPTIONS="pid=report.pid
ready=exec
control_flag=-s
syslog=local3
restart=on-failure
restart_delay=1..1
restart_limit=1" TEST_DOES=hang
        $1 -d || echo $?
        first=$(cat report.pid)
        kill -KILL $first
        soon '$report -s status | grep "running, pid" | grep -qv "pid $first"'
        second=$(cat report.pid)
        kill -KILL $second
        soon '! $report -s status > answer'
        $1 -d || echo $?
        third=$(cat report.pid)
        kill $(cut -d " " -f 4 /proc/$third/stat)
        soon '! $report -s status > answer'
        $1 -d || echo $?
        fourth=$(cat report.pid)
        $1 -s stop > answer || echo $?
        for pid in $first $second $third $fourth; do
            printf "%s\n" "started, pid $pid" "ready, pid $pid"
            test $pid = $first || test $pid = $second || echo "stopped, pid $pid"
        done > expected
        told_local3 PRIORITY=5 | diff - expected
        printf "%s\n" "killed by SIGKILL; restart in 1 ms" \
            "killed by SIGKILL; not restarted: the limit of restarts is reached" > expected
        told_local3 PRIORITY=3 | diff - expected
        # What does not read is not waited for, and nothing fails because of it.
        journal=$(show systemd-journald MainPID)
        test $journal != 0 || exit 1
        kill -STOP $journal
        # More than its queue holds.
        seq 5000 | timeout 1 logger
        export TEST_OPTIONS="pid=report.pid
ready=exec
control_flag=-s
syslog=daemon"
        $1 -d || echo $?
        $1 -s stop > answer || echo $?
        kill -CONT $journal
        systemctl restart systemd-journald
        TEST_OPTIONS="$TEST_OPTIONS
pid=later.pid" $1 -d || echo $?
        told | grep -qx "ready, pid $(cat later.pid)" || told
        # The recipe of the documentation.
        report=$1
        hello() {
            TEST_OPTIONS="pid=fifo.pid
ready=exec
log_flag=--log-file" TEST_DOES="say:over-the-fifo hang" $report "$@"
        }
RECIPE
        soon 'journalctl --quiet --output=cat SYSLOG_IDENTIFIER=hello | grep -qx over-the-fifo'
    "#;
    expect_right(&script.replace("RECIPE", &recipe("mkfifo")));
}
